"""Where something can be delivered: what a target looks like, and what may be shown of it.

A target is kept as it was given, and shown only masked: who has the URL of a Slack webhook can write there.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from enum import StrEnum

from db.webhook_address import Network, read_webhook_url

# As browsers take it, https://html.spec.whatwg.org/#valid-e-mail-address: no comments, no quotes, no lists.
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
EMAIL = re.compile(rf"[A-Za-z0-9.!#$%&'*+/=?^_`{{|}}~-]{{1,64}}@{_LABEL}(?:\.{_LABEL})*")
LONGEST_EMAIL = 320
CHAT = re.compile(r"-?[1-9][0-9]{0,18}|@[A-Za-z][A-Za-z0-9_]{3,31}")

SIGNING_PREFIX = "whsec_"
SECRET = re.compile(SIGNING_PREFIX + r"(?=.{32,88}$)[A-Za-z0-9+/]+={0,2}")


class DeliveryChannel(StrEnum):
    """How something is delivered."""

    EMAIL = "EMAIL"
    SLACK = "SLACK"
    TELEGRAM = "TELEGRAM"
    WEBHOOK = "WEBHOOK"


def checked_target(channel: DeliveryChannel, target: str, networks: Collection[Network]) -> str:
    """The target, if there can be such a one. Raises ValueError with a sentence that does not quote it."""
    match channel:
        case DeliveryChannel.EMAIL:
            if len(target) > LONGEST_EMAIL or not EMAIL.fullmatch(target):
                raise ValueError("This is no e-mail address that can be sent to.")
        case DeliveryChannel.TELEGRAM:
            if not CHAT.fullmatch(target):
                raise ValueError("A chat is a number, or the @name of a channel.")
        case DeliveryChannel.SLACK | DeliveryChannel.WEBHOOK:
            read_webhook_url(target, networks)
    return target


def is_of_domains(address: str, domains: Collection[str]) -> bool:
    """Whether an e-mail address is of one of them."""
    return address.rpartition("@")[2].lower() in map(str.lower, domains)


def checked_secret(channel: DeliveryChannel, secret: str | None) -> str | None:
    """The secret that a webhook is signed with; others have none. Raises ValueError with a sentence that does not quote it."""
    if channel is not DeliveryChannel.WEBHOOK:
        if secret is not None:
            raise ValueError("Only a webhook has a secret.")
    elif secret is None or not SECRET.fullmatch(secret) or len(secret) % 4 != len(SIGNING_PREFIX) % 4:
        raise ValueError(f"A webhook needs a secret: {SIGNING_PREFIX} and 24 to 64 bytes in base64.")
    return secret


def masked(channel: DeliveryChannel, target: str) -> str:
    """What may be shown of it: enough to tell it from others, too little to use it."""
    match channel:
        case DeliveryChannel.EMAIL:
            name, _, domain = target.rpartition("@")
            return f"{name[:1]}***@{domain}"
        case DeliveryChannel.TELEGRAM:
            return f"***{target[-3:]}"
        case DeliveryChannel.SLACK | DeliveryChannel.WEBHOOK:
            scheme, _, rest = target.partition("://")
            return f"{scheme}://{re.split('[/?]', rest, maxsplit=1)[0]}/***"
