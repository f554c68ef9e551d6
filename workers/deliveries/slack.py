"""Slack: an incoming webhook (https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks)."""

from __future__ import annotations

import orjson

from settings import Settings
from workers.deliveries.notice import Notice
from workers.webhook_post import NotDelivered, post

TRIED_AGAIN = {408, 425, 429}
"""Other answers from 400 to 499 say that it will never go better."""


async def send_to_slack(settings: Settings, url: str, notice: Notice) -> None:
    """Raises NotDelivered."""
    text = "\n".join((f"*{_escaped(notice.line)}*", _escaped(notice.plain), f"<{_escaped(notice.link)}>"))
    try:
        await post(settings, url, orjson.dumps({"text": text}), {"content-type": "application/json"})
    except NotDelivered as error:
        status = error.status or 0
        if 400 <= status < 500 and status not in TRIED_AGAIN:
            raise NotDelivered(error.reason, is_final=True, status=status) from None
        raise


def _escaped(text: str) -> str:
    """So that it is neither a mention of everybody nor a link."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
