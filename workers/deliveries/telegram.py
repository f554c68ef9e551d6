"""Telegram: a message of the bot of the settings (https://core.telegram.org/bots/api#sendmessage)."""

from __future__ import annotations

import httpx

from settings import Settings
from workers.deliveries.notice import Notice
from workers.webhook_post import NotDelivered

TIMEOUT_SECONDS = 10.0
MOST_CHARACTERS = 4096
FINAL = {400, 403}
"""There is no such chat, or the bot may not write to it."""


async def send_to_telegram(settings: Settings, chat: str, notice: Notice) -> None:
    """Raises NotDelivered."""
    if settings.telegram_token is None:
        raise NotDelivered("No Telegram bot is set up.", is_final=True)
    url = f"{settings.telegram_url}/bot{settings.telegram_token.get_secret_value()}/sendMessage"
    link = f"\n\n{notice.link}"
    text = f"{notice.line}\n\n{notice.plain}"[: MOST_CHARACTERS - len(link)] + link
    # Without a parse mode nothing in it is taken for markup.
    said = {"chat_id": chat, "text": text}
    try:
        async with httpx.AsyncClient(timeout=TIMEOUT_SECONDS) as client:
            status = (await client.post(url, json=said)).status_code
    except httpx.HTTPError as error:
        # Its own words may quote the address, which has the token in it.
        raise NotDelivered(f"Telegram could not be spoken to ({type(error).__name__}).") from None
    if status != httpx.codes.OK:
        raise NotDelivered(f"Telegram answered {status}.", is_final=status in FINAL, status=status)
