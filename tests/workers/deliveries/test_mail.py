"""E-mail, against a real mail server: what arrives, what is refused for good, and what is tried again."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
from pydantic import ValidationError

from db.delivery_targets import DeliveryChannel
from settings import Settings
from tests.workers.deliveries.mail_server import PASSWORD, USERNAME, mail_server
from tests.workers.test_webhook_post import certificate
from workers.deliveries.channels import send_notice
from workers.deliveries.notice import Attachment, Notice
from workers.webhook_post import NotDelivered

LINK = "https://scoregraph.example/exports/RXhwb3J0Sm9iOjc/file"
NOTICE = Notice("Group report - Algebra 1", "It is ready.\nIt has 33 rows.", LINK, key="delivery-7")


async def send(settings: Settings, notice: Notice = NOTICE, address: str = "ada@north.example") -> None:
    await send_notice(settings, DeliveryChannel.EMAIL, address, notice)


@pytest.fixture
def tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """What a server speaks with; its certificate is trusted here."""
    path = certificate(tmp_path, "localhost")
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(path)
    return context


async def test_a_message_arrives_as_text_and_html() -> None:
    async with mail_server() as server:
        await send(server.settings())
    [(recipients, message)] = server.taken
    assert recipients == ["ada@north.example"]
    assert {name: str(message[name]) for name in ("From", "To", "Subject", "Message-ID", "Auto-Submitted")} == {
        "From": "Scoregraph <reports@school.example>",
        "To": "ada@north.example",
        "Subject": "Group report - Algebra 1",
        "Message-ID": "<delivery-7@school.example>",
        "Auto-Submitted": "auto-generated",
    }
    text, html = (message.get_body((kind,)) for kind in ("plain", "html"))
    assert text is not None
    assert text.get_content().splitlines() == ["It is ready.", "It has 33 rows.", "", LINK]
    assert html is not None
    assert f'<a href="{LINK}">' in html.get_content()


async def test_names_are_text_and_nothing_else() -> None:
    title = "Åsa\r\nBcc: eve@evil.example\r\n\r\n<script>学\u202e\x00" + "x" * 500
    async with mail_server() as server:
        await send(server.settings(), Notice(title, "<b>&amp;\r\n.\r\nQUIT\r\n\u202e", 'https://x.example/"><script>'))
    [(recipients, message)] = server.taken
    assert recipients == ["ada@north.example"]
    assert message["Bcc"] is None
    assert str(message["Subject"]).startswith("Åsa Bcc: eve@evil.example <script>学 xxx")
    assert len(str(message["Subject"])) == 200
    html = message.get_body(("html",))
    assert html is not None
    assert "&lt;b&gt;&amp;amp;" in html.get_content()
    assert "<script>" not in html.get_content()


async def test_a_file_comes_with_it() -> None:
    content = bytes(range(256)) * 100
    file = Attachment("Förtroende - 学 2026.csv", "text/csv; charset=utf-8", content)
    async with mail_server() as server:
        await send(server.settings(), Notice("T", "x", LINK, file))
    [(_, message)] = server.taken
    [attached] = message.iter_attachments()
    assert (attached.get_filename(), attached.get_content_type(), attached.get_payload(decode=True)) == (
        file.name,
        "text/csv",
        content,
    )


@pytest.mark.parametrize("mode", ["starttls", "tls"])
async def test_passwords_and_messages_go_by_tls(tls: ssl.SSLContext, mode: str) -> None:
    async with mail_server(tls, from_the_start=mode == "tls") as server:
        await send(server.settings(SMTP_TLS=mode, SMTP_USERNAME=USERNAME, SMTP_PASSWORD=PASSWORD))
    assert server.safely == [True]


async def test_a_wrong_password_is_said_without_it(tls: ssl.SSLContext) -> None:
    async with mail_server(tls) as server:
        with pytest.raises(NotDelivered, match=r"^The mail server does not let us in\.$") as error:
            await send(server.settings(SMTP_TLS="starttls", SMTP_USERNAME=USERNAME, SMTP_PASSWORD="wrong"))
    assert not error.value.is_final
    assert server.taken == []


async def test_a_server_without_tls_gets_nothing() -> None:
    async with mail_server() as server:
        with pytest.raises(NotDelivered, match="lacks what the settings ask"):
            await send(server.settings(SMTP_TLS="starttls"))
    assert server.taken == []


async def test_a_certificate_of_somebody_else_gets_nothing(tls: ssl.SSLContext, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    other.load_cert_chain(certificate(tmp_path / "other", "evil.example"))
    async with mail_server(other) as server:
        with pytest.raises(NotDelivered, match="SSLCertVerificationError"):
            await send(server.settings(SMTP_TLS="starttls", SMTP_USERNAME=USERNAME, SMTP_PASSWORD=PASSWORD))
    assert server.taken == []


@pytest.mark.parametrize(("answer", "is_final"), [("450 4.7.1 Greylisted", False), ("550 5.1.1 No ada here", True)])
async def test_what_is_tried_again_and_what_is_not(answer: str, is_final: bool) -> None:
    async with mail_server() as server:
        server.answer = lambda recipient: answer
        with pytest.raises(NotDelivered, match=rf"^The mail server answered {answer[:3]}\.$") as error:
            await send(server.settings())
    assert error.value.is_final is is_final


async def test_a_server_that_is_away_is_tried_again() -> None:
    async with mail_server() as server:
        pass
    with pytest.raises(NotDelivered, match="ConnectionRefusedError") as error:
        await send(server.settings())
    assert not error.value.is_final


async def test_without_a_server_nothing_is_sent() -> None:
    with pytest.raises(NotDelivered, match="No mail server") as error:
        await send(Settings())
    assert error.value.is_final


@pytest.mark.parametrize(
    "given",
    [
        {"SMTP_HOST": "mail"},
        {"SMTP_USERNAME": "gateway"},
        {"SMTP_USERNAME": "gateway", "SMTP_PASSWORD": "x", "SMTP_TLS": "none"},
        {"SMTP_TLS": "maybe"},
    ],
)
def test_settings_that_cannot_be(given: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Settings(**given)
