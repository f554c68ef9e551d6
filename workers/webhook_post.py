"""Posts a message to a webhook, signed as Standard Webhooks has it (https://www.standardwebhooks.com), version 1.

The name of the receiver is looked up once, every address that it stands for is checked, and the connection is made to one of
those: a name that stands for another address a moment later gains nothing. Proxies of the environment are not used. Redirects are
not followed, and of the answer nothing but its status is read.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import socket
import time
from functools import cache
from http import HTTPStatus
from ipaddress import ip_address
from ssl import SSLContext

import httpx

from db.delivery_targets import SIGNING_PREFIX
from db.webhook_address import Address, is_loopback, is_reachable, read_webhook_url
from settings import Settings

TIMEOUT_SECONDS = 10.0
"""For all of it, from looking up the name to the status of the answer."""

CONNECT_SECONDS = 3.0
"""For one of the addresses; there may be others."""


class NotDelivered(Exception):
    """The receiver did not take the message. ``reason`` is a sentence for those who set it up, with nothing of what was answered.

    ``is_final``: trying again is of no use. ``status`` is that of HTTP, None where there was no answer.
    """

    def __init__(self, reason: str, is_final: bool = False, *, status: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.is_final = is_final
        self.status = status


class AddressRefused(NotDelivered):
    """Nothing was sent: no webhook may be there."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, is_final=True)


async def post_signed(
    settings: Settings,
    url: str,
    body: bytes,
    secret: str,
    message_id: str,
    *,
    content_type: str = "application/json",
) -> int:
    """Posts ``body`` and gives the status, 200 to 299. ``secret`` is ``whsec_`` and base64; ``message_id`` stays the same when a
    message is sent again. Raises AddressRefused, and NotDelivered for all else that goes wrong.
    """
    now = int(time.time())
    headers = {
        "content-type": content_type,
        "user-agent": "Scoregraph",
        "webhook-id": message_id,
        "webhook-timestamp": str(now),
        "webhook-signature": signature(secret, message_id, now, body),
    }
    return await post(settings, url, body, headers)


async def post(settings: Settings, url: str, body: bytes, headers: dict[str, str]) -> int:
    """The same without a signature of ours: with these headers as they are."""
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            status = await _post(settings, url, body, headers)
    except (TimeoutError, httpx.TimeoutException):
        raise NotDelivered(f"There was no answer within {TIMEOUT_SECONDS:g} seconds.") from None
    except httpx.HTTPError as error:
        raise NotDelivered(f"The connection failed ({type(error).__name__}).") from None
    if status == HTTPStatus.GONE:
        raise NotDelivered("It answered 410: it is gone for good.", is_final=True, status=status)
    if not 200 <= status < 300:
        raise NotDelivered(f"It answered {status}.", status=status)
    return status


def signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """What a receiver compares: ``v1,`` and the HMAC-SHA256 of id, timestamp (seconds since 1970) and body. Raises ValueError
    where the secret is not ``whsec_`` and base64.
    """
    encoded = secret.removeprefix(SIGNING_PREFIX)
    try:
        key = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        key = b""
    if encoded == secret or not key:
        raise ValueError(f"A secret is {SIGNING_PREFIX} and base64.")
    signed = b"%s.%d.%s" % (message_id.encode(), timestamp, body)
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


async def _post(settings: Settings, url: str, body: bytes, headers: dict[str, str]) -> int:
    try:
        asked = read_webhook_url(url, settings.webhook_networks)
    except ValueError as error:
        raise AddressRefused(str(error)) from None
    addresses = await _addresses(asked)
    for address in addresses:
        if not is_reachable(address, settings.webhook_networks):
            raise AddressRefused("Nothing is sent to private or reserved addresses.")
        if asked.scheme == "http" and not is_loopback(address):
            raise AddressRefused("The address begins with https://.")
    timeout = httpx.Timeout(TIMEOUT_SECONDS, connect=CONNECT_SECONDS)
    async with httpx.AsyncClient(verify=_tls(), timeout=timeout, trust_env=False) as client:
        for address in addresses[:-1]:
            try:
                return await _status(client, asked, address, body, headers)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                continue
        return await _status(client, asked, addresses[-1], body, headers)


async def _status(
    client: httpx.AsyncClient, asked: httpx.URL, address: Address, body: bytes, headers: dict[str, str]
) -> int:
    """Connects to this very address; the certificate has to be that of the name."""
    name = asked.raw_host.decode("ascii")
    request = client.build_request(
        "POST",
        asked.copy_with(host=str(address)),
        content=body,
        headers={**headers, "host": asked.netloc.decode("ascii")},
        extensions={"sni_hostname": name},
    )
    response = await client.send(request, stream=True)
    await response.aclose()
    return response.status_code


async def _addresses(url: httpx.URL) -> list[Address]:
    """At least one, in the order in which the system would try them."""
    port = url.port or (443 if url.scheme == "https" else 80)
    try:
        found = await asyncio.get_running_loop().getaddrinfo(
            url.raw_host.decode("ascii"), port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP
        )
    except (OSError, UnicodeError):
        raise NotDelivered("Its name stands for no address.") from None
    return list(dict.fromkeys(ip_address(place[0]) for *_, place in found))


@cache
def _tls() -> SSLContext:
    """With the authorities that the system or ``SSL_CERT_FILE`` names; reading them takes a while."""
    return httpx.create_ssl_context()
