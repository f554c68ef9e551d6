"""Publishes what waits, and forgets it: in that order, so that a worker that is killed in between publishes it again.

Any number of workers may do so; one at a time does. While the broker is away everything waits, and nothing else waits for that.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from db.queries.outbox import forget_published, take_waiting
from settings import Settings
from workers.loop import pause_after, rest
from workers.outbox.brokers import NotPublished, Publisher, publisher_of
from workers.outbox.counting import FAILURES, PUBLISHED

AT_ONCE = 500
PUBLISH_SECONDS = 0.5
"""How often the outbox is looked at."""

log = structlog.get_logger(__name__)


async def publish(settings: Settings, engine: AsyncEngine, stop: asyncio.Event) -> None:
    """Until ``stop`` is set, through outages of the broker; raises what the database raises."""
    async with aclosing(publisher_of(settings)) as publisher:
        failures = 0
        while not stop.is_set():
            pause = PUBLISH_SECONDS
            try:
                await publish_waiting(engine, publisher, stop)
            except NotPublished as error:
                pause = pause_after(failures)
                failures += 1
                FAILURES.inc()
                log.warning("events_not_published", error=str(error), failures=failures)
            else:
                if failures:
                    log.info("events_published_again", failures=failures)
                failures = 0
            await rest(pause, stop)


async def publish_waiting(engine: AsyncEngine, publisher: Publisher, stop: asyncio.Event | None = None) -> int:
    """Publishes until nothing is left or ``stop`` is set; how many events. Raises NotPublished: those are there still."""
    published = 0
    while stop is None or not stop.is_set():
        async with engine.begin() as connection:
            events = await take_waiting(connection, AT_ONCE)
            if events:
                await publisher.publish(events)
                await forget_published(connection, events)
        published += len(events)
        PUBLISHED.inc(len(events))
        if len(events) < AT_ONCE:
            break
    return published
