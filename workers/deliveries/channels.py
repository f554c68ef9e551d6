"""Sends a notice by any channel."""

from __future__ import annotations

from datetime import UTC, datetime

import orjson

from db.delivery_targets import DeliveryChannel
from settings import Settings
from workers.deliveries.mail import send_mail
from workers.deliveries.notice import Notice
from workers.deliveries.slack import send_to_slack
from workers.deliveries.telegram import send_to_telegram
from workers.webhook_post import NotDelivered, post_signed


async def send_notice(
    settings: Settings, channel: DeliveryChannel, address: str, notice: Notice, *, secret: str | None = None
) -> None:
    """Returns once it was taken. ``address`` is an e-mail address, the URL of a Slack webhook or of a webhook, or a chat of
    Telegram; a webhook needs the ``secret`` that it is signed with. Raises NotDelivered.
    """
    match channel:
        case DeliveryChannel.EMAIL:
            await send_mail(settings, address, notice)
        case DeliveryChannel.SLACK:
            await send_to_slack(settings, address, notice)
        case DeliveryChannel.TELEGRAM:
            await send_to_telegram(settings, address, notice)
        case DeliveryChannel.WEBHOOK:
            if secret is None:
                raise NotDelivered("There is no secret to sign it with.", is_final=True)
            await post_signed(settings, address, _body(notice), secret, notice.key)


def _body(notice: Notice) -> bytes:
    """As Standard Webhooks recommends it: type, timestamp, data."""
    data = {"title": notice.line, "text": notice.plain, "link": notice.link}
    return orjson.dumps({"type": notice.kind, "timestamp": datetime.now(UTC), "data": data})
