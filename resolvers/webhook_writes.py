"""Setting up webhooks. What messages are signed with is made here and shown once: nobody who asks the graph can read it later."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from db.delivery_targets import SIGNING_PREFIX
from db.entering import Viewer
from db.outbox import EventType
from db.queries.webhooks import (
    add_webhook,
    ask_for_test,
    change_webhook,
    count_webhooks,
    delete_webhook,
    keep_secret,
)
from db.webhook_address import read_webhook_url
from resolvers.context import Context
from resolvers.keyed_changes import Done, change
from resolvers.permissions import Permission
from resolvers.user_errors import InvalidStateError, NotFoundError, Refused, ValidationError

MOST_WEBHOOKS = 20
"""Of an organization: each event may have to be posted to all of them."""

SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class WebhookDraft:
    """``id`` None is a new one."""

    id: int | None
    url: str
    events: Sequence[EventType]
    is_enabled: bool


@dataclass(frozen=True, slots=True)
class WithSecret:
    """``secret`` is None where none was made, or an earlier call with the same idempotency key made it."""

    done: Done
    secret: str | None


async def resolve_save_webhook(context: Context, draft: WebhookDraft, key: str | None) -> WithSecret:
    """Adds a webhook, with a secret, or changes one. Raises Refused, Unauthenticated."""
    secret = new_secret() if draft.id is None else None
    events = list(dict.fromkeys(event.value for event in draft.events))

    def body() -> dict[str, Any]:
        if not events:
            raise Refused(ValidationError("Name one or more kinds of events.", ("input", "events"), "REQUIRED"))
        try:
            read_webhook_url(draft.url, context.services.settings.webhook_networks)
        except ValueError as error:
            raise Refused(ValidationError(str(error), ("input", "url"), "FORMAT")) from None
        return {"id": draft.id, "url": draft.url, "events": sorted(events), "enabled": draft.is_enabled}

    async def work(connection: AsyncConnection, viewer: Viewer) -> list[int]:
        if draft.id is not None:
            if not await change_webhook(connection, draft.id, draft.url, events, draft.is_enabled):
                raise _not_found()
            return [draft.id]
        if await count_webhooks(connection) >= MOST_WEBHOOKS:
            raise Refused(InvalidStateError(f"There are {MOST_WEBHOOKS} webhooks, no more can be.", ("input",), "FULL"))
        assert secret is not None
        added = await add_webhook(connection, viewer.organization_id, draft.url, events, draft.is_enabled)
        await keep_secret(connection, added, secret)
        return [added]

    done = await change(context, Permission.OPERATE, "saveWebhook", key, body, work)
    return WithSecret(done, None if done.replayed else secret)


async def resolve_delete_webhook(context: Context, id: int, key: str | None) -> Done:
    """Raises Refused, Unauthenticated."""

    async def work(connection: AsyncConnection, viewer: Viewer) -> list[int]:
        if not await delete_webhook(connection, id):
            raise _not_found()
        return [id]

    return await change(context, Permission.OPERATE, "deleteWebhook", key, lambda: {"id": id}, work)


async def resolve_rotate_webhook_secret(context: Context, id: int, key: str | None) -> WithSecret:
    """What is posted from now on is signed with a new secret. Raises Refused, Unauthenticated."""
    secret = new_secret()

    async def work(connection: AsyncConnection, viewer: Viewer) -> list[int]:
        if not await keep_secret(connection, id, secret):
            raise _not_found()
        return [id]

    done = await change(context, Permission.OPERATE, "rotateWebhookSecret", key, lambda: {"id": id}, work)
    return WithSecret(done, None if done.replayed else secret)


async def resolve_test_webhook(context: Context, id: int, key: str | None) -> Done:
    """Has a message posted soon that says nothing; the id of its delivery. Raises Refused, NotFound, Unauthenticated."""

    async def work(connection: AsyncConnection, viewer: Viewer) -> list[int]:
        asked = await ask_for_test(connection, id)
        if asked is None:
            raise _not_found("There is no such webhook that is enabled.")
        return [asked]

    return await change(context, Permission.OPERATE, "testWebhook", key, lambda: {"id": id}, work)


def new_secret() -> str:
    """As Standard Webhooks has it."""
    return SIGNING_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def _not_found(message: str = "There is no such webhook.") -> Refused:
    return Refused(NotFoundError(message, ("input", "id")))
