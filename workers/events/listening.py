"""Listens to a broker and takes what it brings, through outages of the database."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial

import structlog
from faststream.confluent import KafkaBroker
from faststream.redis import RedisBroker
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncEngine

from settings import Settings
from workers.events.envelope import Message
from workers.events.inbox import consume
from workers.events.kafka import kafka_broker
from workers.events.streams import make_groups, stream_broker, take_left
from workers.failures import is_outage
from workers.loop import FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS

WATCH_SECONDS = 0.5
GRACE_SECONDS = 15.0

log = structlog.get_logger(__name__)


class BrokerLost(Exception):
    """A subscription ended by itself, for example since its stream was deleted."""


async def listen(settings: Settings, engine: AsyncEngine, stop: asyncio.Event) -> None:
    """Takes events until ``stop`` is set. Raises BrokerLost, and what connecting raises."""
    take = partial(_take_through_outages, engine, stop, asyncio.Lock())
    if settings.kafka_brokers:
        await _run(kafka_broker(settings, take), stop)
    elif settings.redis_url is not None:
        await make_groups(settings.redis_url)
        async with Redis.from_url(settings.redis_url) as redis:
            await _run(stream_broker(settings.redis_url, take), stop, partial(take_left, redis, take))
    else:
        await stop.wait()


async def _run(
    broker: KafkaBroker | RedisBroker, stop: asyncio.Event, beside: Callable[[], Awaitable[None]] | None = None
) -> None:
    """Until ``stop`` is set; ``beside`` is done again and again."""
    async with broker:
        await broker.start()
        log.info("listening_to_events")
        while not stop.is_set():
            if not all(subscriber.running for subscriber in broker.subscribers):
                raise BrokerLost
            if beside is not None:
                await beside()
            with suppress(TimeoutError):
                async with asyncio.timeout(WATCH_SECONDS):
                    await stop.wait()
        await _finish(broker)


async def _finish(broker: KafkaBroker | RedisBroker) -> None:
    """Lets batches at hand be committed and acknowledged, and reads at hand end: FastStream would cut them off."""
    for subscriber in broker.subscribers:
        subscriber.running = False
    tasks = [task for subscriber in broker.subscribers for task in getattr(subscriber, "tasks", ())]
    if tasks:
        await asyncio.wait(tasks, timeout=GRACE_SECONDS)


async def _take_through_outages(
    engine: AsyncEngine, stop: asyncio.Event, turn: asyncio.Lock, messages: Sequence[Message]
) -> None:
    """One batch at a time. Nothing is acknowledged before it is committed: while the database is away the batch waits for it."""
    failures = 0
    while True:
        try:
            async with turn:
                return await consume(engine, messages)
        except Exception as error:
            if stop.is_set() or not is_outage(error):
                raise
            if not failures:
                log.warning("database_unreachable", job="events", error=type(error).__name__)
            pause = min(FIRST_PAUSE_SECONDS * 2**failures, LONGEST_PAUSE_SECONDS)
            failures += 1
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await stop.wait()
