"""Posts what waits for webhooks. A message is tried eight times in a day; what is known of it is in the database, so a worker that
is killed loses nothing, and the receiver may see a message twice, with the same ``webhook-id``.

Each webhook is served by itself, a few messages at a time and in no certain order: one that is slow or away holds up no other.
"""

from __future__ import annotations

import asyncio

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from db.queries.webhook_deliveries import (
    Claimed,
    Result,
    Target,
    claim_deliveries,
    list_due_webhooks,
    note_results,
)
from settings import Settings
from workers.loop import rest
from workers.outbox.counting import POSTED
from workers.outbox.envelope import MEDIA_TYPE, cloud_event
from workers.webhook_post import NotDelivered, post_signed

LOOK_SECONDS = 0.5
WEBHOOKS_AT_ONCE = 16
MESSAGES_AT_ONCE = 8

log = structlog.get_logger(__name__)


async def deliver(settings: Settings, engine: AsyncEngine, stop: asyncio.Event) -> None:
    """Until ``stop`` is set; then finishes the posts at hand. Raises what the database raises."""
    serving: dict[int, asyncio.Task[None]] = {}
    try:
        while not stop.is_set():
            await _end(serving)
            async with engine.connect() as connection:
                due = await list_due_webhooks(connection, serving, WEBHOOKS_AT_ONCE - len(serving))
            for webhook_id in due:
                serving[webhook_id] = asyncio.create_task(serve(settings, engine, webhook_id, stop))
            await rest(LOOK_SECONDS, stop)
    finally:
        await asyncio.gather(*serving.values())


async def serve(settings: Settings, engine: AsyncEngine, webhook_id: int, stop: asyncio.Event | None = None) -> None:
    """Posts what is due to a webhook, until nothing is left, it takes none of a round, or ``stop`` is set."""
    while stop is None or not stop.is_set():
        async with engine.begin() as connection:
            found = await claim_deliveries(connection, webhook_id, MESSAGES_AT_ONCE)
        if found is None:
            break
        target, claimed = found
        results = await asyncio.gather(*(_post(settings, target, each) for each in claimed))
        async with engine.begin() as connection:
            await note_results(connection, webhook_id, target, results)
        failed = sum(result.error is not None for result in results)
        POSTED.labels("failed").inc(failed)
        POSTED.labels("taken").inc(len(results) - failed)
        log.info("webhook_served", webhook=webhook_id, messages=len(results), failed=failed)
        if failed == len(results):
            break


async def _end(serving: dict[int, asyncio.Task[None]]) -> None:
    """Forgets those that are done; raises what one of them raised."""
    for webhook_id in [webhook_id for webhook_id, task in serving.items() if task.done()]:
        await serving.pop(webhook_id)


async def _post(settings: Settings, target: Target, claimed: Claimed) -> Result:
    event = claimed.event
    body = cloud_event(event)
    try:
        status = await post_signed(
            settings, target.url, body, target.secret, str(event.event_id), content_type=MEDIA_TYPE
        )
    except NotDelivered as failure:
        return Result(claimed, failure.status, failure.reason, failure.is_final)
    return Result(claimed, status)
