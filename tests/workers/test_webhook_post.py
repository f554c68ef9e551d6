"""What is posted is signed, gets to the address that was checked, and never to one that only this server can reach."""

from __future__ import annotations

import asyncio
import socket
import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from db.webhook_address import is_reachable
from settings import Settings
from tests.workers.receiver import Receiver, receiver
from workers import webhook_post
from workers.webhook_post import AddressRefused, NotDelivered, post_signed, signature

SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
HERE = Settings(SCOREGRAPH_WEBHOOK_NETWORKS="127.0.0.0/8, ::1")
PUBLIC_ONLY = Settings()


async def post(url: str, settings: Settings = HERE, body: bytes = b"{}") -> int:
    return await post_signed(settings, url, body, SECRET, "msg_1")


def test_the_signature_is_that_of_the_specification() -> None:
    # The example that the reference libraries of Standard Webhooks test themselves with.
    signed = signature(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
    )
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize("secret", ["", "whsec_", "C2FVsBQIhrscChlQIMV+b5sSYspob7oD", "whsec_no base64"])
def test_what_is_no_secret_signs_nothing(secret: str) -> None:
    with pytest.raises(ValueError, match="whsec_"):
        signature(secret, "msg_1", 1, b"")


async def test_a_message_arrives_as_it_is_and_signed() -> None:
    body = '{"name": "Åsa 学"}'.encode()
    async with receiver() as peer:
        assert await post(peer.url, body=body) == 204
    (request,) = peer.received
    assert (request.target, request.body) == ("/hooks?for=us", body)
    assert request.headers["webhook-id"] == "msg_1"
    assert request.headers["host"] == f"127.0.0.1:{peer.port}"
    assert request.is_signed_with(SECRET)


@pytest.mark.parametrize(
    ("status", "is_final"),
    [(301, False), (307, False), (400, False), (404, False), (410, True), (429, False), (503, False)],
)
async def test_what_is_no_success_is_told_and_redirects_are_not_followed(status: int, is_final: bool) -> None:
    async with receiver() as peer:
        peer.answer = lambda request: status
        with pytest.raises(NotDelivered) as refused:
            await post(peer.url)
    assert (refused.value.status, refused.value.is_final) == (status, is_final)
    assert len(peer.received) == 1


@pytest.mark.parametrize("answer", [b"", b"what?\r\n\r\n", b"HTTP/1.1 200 " + b"x" * 500_000])
async def test_what_is_no_answer_is_a_failure(answer: bytes) -> None:
    async with receiver() as peer:
        peer.answer = lambda request: answer
        with pytest.raises(NotDelivered, match=r"The connection failed \(RemoteProtocolError\)\.") as failed:
            await post(peer.url)
    assert (failed.value.status, failed.value.is_final) == (None, False)


async def test_an_endless_answer_is_not_read() -> None:
    async with receiver() as peer:
        peer.answer = lambda request: b"HTTP/1.1 200 Fine\r\ncontent-length: 1000000000000\r\n\r\n" + b"x" * 100_000
        assert await post(peer.url) == 200


async def test_who_never_answers_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook_post, "TIMEOUT_SECONDS", 0.2)

    async def hear_out(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(hear_out, "127.0.0.1", 0) as silent:
        with pytest.raises(NotDelivered, match=r"no answer within 0\.2 seconds"):
            await post(f"http://127.0.0.1:{silent.sockets[0].getsockname()[1]}/")


async def test_nobody_there_is_a_failure() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(NotDelivered, match="ConnectError"):
            await post(f"http://127.0.0.1:{unused.getsockname()[1]}/")


PRIVATE = [
    "127.0.0.1", "127.1.2.3", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "192.0.2.1",
    "198.18.0.1", "203.0.113.7", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255", "::1", "::", "::ffff:127.0.0.1",
    "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "fe80::1", "fe80::1%1", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1",
    "2001:db8::1", "2001::1", "2002:7f00:1::", "2002:a9fe:a9fe::1", "64:ff9b::7f00:1", "64:ff9b:1::1", "100::1", "4000::1",
]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_what_is_not_public_is_refused(address: str) -> None:
    assert not is_reachable(ip_address(address), ())


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "93.184.215.14", "::ffff:1.1.1.1", "2606:4700:4700::1111", "2002:101:101::1"]
)
def test_what_is_public_is_not(address: str) -> None:
    assert is_reachable(ip_address(address), ())


@pytest.mark.parametrize("address", ["10.1.2.3", "::ffff:10.1.2.3", "2002:0a01:0203::1"])
def test_networks_may_be_allowed_and_no_more_than_those(address: str) -> None:
    assert is_reachable(ip_address(address), [ip_network("fd00::/8"), ip_network("10.1.0.0/16")])
    assert not is_reachable(ip_address(address), [ip_network("10.2.0.0/16"), ip_network("fd00::/8")])


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "[::1]", "[::ffff:127.0.0.1]", "0"],
)
async def test_this_machine_is_not_posted_to_by_any_of_its_names(host: str) -> None:
    async with receiver() as peer:
        with pytest.raises(AddressRefused):
            await post(f"https://{host}:{peer.port}/", PUBLIC_ONLY)
    assert peer.received == []


def lookups(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Names are looked up here: first as in the first of ``answers``, then as in the next. Gives those that were asked for."""
    asked: list[str] = []
    remaining = list(answers)

    async def look_up(host: str, port: int, **_: Any) -> list[Any]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in remaining.pop(0)]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", look_up, raising=False)
    return asked


async def test_one_private_address_among_public_ones_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    lookups(monkeypatch, ["93.184.215.14", "10.0.0.1"])
    with pytest.raises(AddressRefused, match="private or reserved"):
        await post("https://hooks.example/", PUBLIC_ONLY)


async def test_only_this_machine_is_spoken_to_without_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    lookups(monkeypatch, ["93.184.215.14"])
    with pytest.raises(AddressRefused, match="https"):
        await post("http://hooks.example/", HERE)


@pytest.mark.parametrize(
    "url",
    ["", "hooks.example", "ftp://hooks.example/", "http://hooks.example/", "https://", "https://a:b@hooks.example/", "https://h.example/#x",
     "https://hooks.example:0/", "https://hooks.example:99999/", "https://hooks.exa mple/", "https://hooks.example/\r\nx: y",
     "https://[::1/", "https://h.example/" + "x" * 2000, "https://hööks.example/", "https://10.0.0.1/"],
)  # fmt: skip
async def test_what_is_no_address_of_a_webhook_is_refused(url: str) -> None:
    with pytest.raises(AddressRefused):
        await post(url, PUBLIC_ONLY)


async def test_a_name_that_does_not_exist_may_exist_later() -> None:
    with pytest.raises(NotDelivered, match="stands for no address") as failed:
        await post("https://nobody.invalid/")
    assert not failed.value.is_final
    with pytest.raises(NotDelivered, match="stands for no address"):
        await post(f"https://{'x' * 64}.example/")


def certificate(folder: Path, name: str) -> Path:
    """A certificate for a name, signed by itself, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{name}.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """What a server speaks TLS with as hooks.example."""
    path = certificate(tmp_path, "hooks.example")
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    webhook_post._tls.cache_clear()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


@pytest.fixture(autouse=True)
def forgotten_certificates() -> Any:
    yield
    webhook_post._tls.cache_clear()


async def test_the_connection_is_made_to_the_address_that_was_checked(
    trusted: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name is looked up once, so a second answer (DNS rebinding) is never heard; the certificate is that of the name."""
    async with receiver(trusted) as peer:
        asked = lookups(monkeypatch, ["127.0.0.1"])
        assert await post(f"https://hooks.example:{peer.port}/in") == 204
    assert asked == ["hooks.example"]
    assert peer.received[0].headers["host"] == f"hooks.example:{peer.port}"


async def test_the_next_address_is_tried_where_one_does_not_answer(
    trusted: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with receiver(trusted) as peer:
        lookups(monkeypatch, ["127.9.9.9", "127.0.0.1"])
        assert await post(f"https://hooks.example:{peer.port}/in") == 204


async def test_a_certificate_of_another_name_is_not_believed(
    trusted: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with receiver(trusted) as peer:
        lookups(monkeypatch, ["127.0.0.1"])
        with pytest.raises(NotDelivered, match="ConnectError"):
            await post(f"https://other.example:{peer.port}/in")
    assert peer.received == []


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    proxy: Receiver
    async with receiver() as proxy, receiver() as peer:
        monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{proxy.port}")
        assert await post(peer.url) == 204
    assert proxy.received == []
