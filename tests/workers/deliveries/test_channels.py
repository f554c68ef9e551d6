"""Slack, Telegram and webhooks, against a real HTTP receiver; and what may be shown of a target."""

from __future__ import annotations

import json

import pytest

from db.delivery_targets import DeliveryChannel, checked_target, masked
from settings import Settings
from tests.workers.receiver import receiver
from workers.deliveries.channels import send_notice
from workers.deliveries.notice import Notice
from workers.webhook_post import NotDelivered

LINK = "https://scoregraph.example/exports/x/file"
NOTICE = Notice("Report <!channel> & more", "Ready *now*\n<b>", LINK, kind="export.ready", key="delivery-7")
SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
TOKEN = "12345:secret-of-the-bot"
HERE = {"SCOREGRAPH_WEBHOOK_NETWORKS": "127.0.0.0/8"}
SLACK, TELEGRAM, WEBHOOK = DeliveryChannel.SLACK, DeliveryChannel.TELEGRAM, DeliveryChannel.WEBHOOK


async def test_slack_is_told_without_markup_of_others() -> None:
    async with receiver() as peer:
        await send_notice(Settings(**HERE), SLACK, peer.url, NOTICE)
    [request] = peer.received
    assert json.loads(request.body) == {
        "text": f"*Report &lt;!channel&gt; &amp; more*\nReady *now*\n&lt;b&gt;\n<{LINK}>"
    }
    assert "webhook-signature" not in request.headers


async def test_telegram_is_told_by_the_bot() -> None:
    async with receiver() as peer:
        peer.answer = lambda request: 200
        settings = Settings(TELEGRAM_URL=f"http://127.0.0.1:{peer.port}/", TELEGRAM_BOT_TOKEN=TOKEN)
        await send_notice(settings, TELEGRAM, "-100123", NOTICE)
        await send_notice(settings, TELEGRAM, "@news", Notice("T", "x" * 10_000, LINK))
    [request, long] = peer.received
    assert request.target == f"/bot{TOKEN}/sendMessage"
    assert json.loads(request.body) == {
        "chat_id": "-100123",
        "text": f"Report <!channel> & more\n\nReady *now*\n<b>\n\n{LINK}",
    }
    text = json.loads(long.body)["text"]
    assert len(text) == 4096
    assert text.endswith(f"xxx\n\n{LINK}")


async def test_webhooks_are_signed() -> None:
    async with receiver() as peer:
        await send_notice(Settings(**HERE), WEBHOOK, peer.url, NOTICE, secret=SECRET)
    [request] = peer.received
    assert request.is_signed_with(SECRET)
    assert request.headers["webhook-id"] == "delivery-7"
    said = json.loads(request.body)
    assert said["type"] == "export.ready"
    assert said["data"] == {"title": NOTICE.title, "text": NOTICE.text, "link": LINK}


async def test_without_its_secret_a_webhook_gets_nothing() -> None:
    async with receiver() as peer:
        with pytest.raises(NotDelivered, match="no secret"):
            await send_notice(Settings(**HERE), WEBHOOK, peer.url, NOTICE)
    assert peer.received == []


@pytest.mark.parametrize(
    ("channel", "status", "is_final"),
    [
        (SLACK, 404, True),
        (SLACK, 429, False),
        (SLACK, 500, False),
        (TELEGRAM, 400, True),
        (TELEGRAM, 403, True),
        (TELEGRAM, 429, False),
        (TELEGRAM, 502, False),
    ],
)
async def test_what_is_tried_again(channel: DeliveryChannel, status: int, is_final: bool) -> None:
    async with receiver() as peer:
        peer.answer = lambda request: status
        settings = Settings(TELEGRAM_URL=f"http://127.0.0.1:{peer.port}", TELEGRAM_BOT_TOKEN=TOKEN, **HERE)
        with pytest.raises(NotDelivered, match=f"answered {status}") as error:
            await send_notice(settings, channel, peer.url if channel is SLACK else "7", NOTICE)
    assert error.value.is_final is is_final


async def test_nothing_secret_is_said_when_telegram_is_away() -> None:
    async with receiver() as peer:
        pass
    settings = Settings(TELEGRAM_URL=f"http://127.0.0.1:{peer.port}", TELEGRAM_BOT_TOKEN=TOKEN)
    with pytest.raises(NotDelivered, match="ConnectError") as error:
        await send_notice(settings, TELEGRAM, "7", NOTICE)
    assert TOKEN not in str(error.value)
    assert error.value.__cause__ is None
    assert not error.value.is_final


async def test_without_a_bot_nothing_is_sent() -> None:
    with pytest.raises(NotDelivered, match="No Telegram bot"):
        await send_notice(Settings(), TELEGRAM, "7", NOTICE)


async def test_slack_is_not_on_a_private_address() -> None:
    async with receiver() as peer:
        with pytest.raises(NotDelivered) as error:
            await send_notice(Settings(), SLACK, f"https://127.0.0.1:{peer.port}/services/T/B/x", NOTICE)
    assert error.value.is_final
    assert peer.received == []


@pytest.mark.parametrize(
    ("channel", "target", "shown"),
    [
        (DeliveryChannel.EMAIL, "ada.abel@north.example", "a***@north.example"),
        (SLACK, "https://hooks.slack.com/services/T0/B0/xyz", "https://hooks.slack.com/***"),
        (WEBHOOK, "https://x.example:8443?key=secret", "https://x.example:8443/***"),
        (TELEGRAM, "-1001234567", "***567"),
    ],
)
def test_what_is_shown_of_a_target(channel: DeliveryChannel, target: str, shown: str) -> None:
    assert masked(channel, checked_target(channel, target, ())) == shown


@pytest.mark.parametrize(
    ("channel", "target"),
    [
        (DeliveryChannel.EMAIL, "ada@north.example, eve@evil.example"),
        (DeliveryChannel.EMAIL, "ada@north.example\nBcc: eve@evil.example"),
        (DeliveryChannel.EMAIL, "<ada@north.example>"),
        (DeliveryChannel.EMAIL, '"ada"@north.example'),
        (DeliveryChannel.EMAIL, "ada@-x.example"),
        (DeliveryChannel.EMAIL, "ada@" + "x." * 200 + "example"),
        (DeliveryChannel.EMAIL, ""),
        (TELEGRAM, "0"),
        (TELEGRAM, "7/../getMe"),
        (TELEGRAM, "@x y"),
        (SLACK, "http://hooks.slack.com/services/x"),
        (SLACK, "https://169.254.169.254/latest"),
        (WEBHOOK, "https://[::1]/"),
        (WEBHOOK, "https://2130706433/"),
        (WEBHOOK, "https://0x7f.1/"),
        (WEBHOOK, "https://0177.0.0.1/"),
        (WEBHOOK, "file:///etc/passwd"),
    ],
)
def test_what_is_no_target(channel: DeliveryChannel, target: str) -> None:
    with pytest.raises(ValueError) as error:  # noqa: PT011 - the sentence differs
        checked_target(channel, target, ())
    assert not target or target not in str(error.value)
