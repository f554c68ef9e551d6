"""Listens to a broker and takes what it brings, through outages of the database."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

import structlog
from faststream.confluent import KafkaBroker
from faststream.redis import RedisBroker
from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy.ext.asyncio import AsyncEngine

from db.consumer_health import LATE_SECONDS
from db.queries.operations import Position, tell_positions
from settings import Settings
from workers.events import kafka, streams
from workers.events.envelope import Message, Take
from workers.events.happenings import Keeping
from workers.events.inbox import read_batch, take_batch
from workers.failures import BrokerLost, is_outage
from workers.loop import pause_after, repeat, rest

WATCH_SECONDS = 0.5
TELL_SECONDS = 5.0
"""How often a worker says how far it has come."""
GRACE_SECONDS = 15.0

Positions = Callable[[], Awaitable[list[Position]]]

log = structlog.get_logger(__name__)


class Listener:
    """One worker's. Without a broker in the settings it hears nothing and lacks nothing."""

    def __init__(self, settings: Settings, engine: AsyncEngine) -> None:
        self._settings = settings
        self._engine = engine
        self._keeping = Keeping.of(settings)
        self._turn = asyncio.Lock()
        self._is_listening = False
        self._positions: list[Position] = []
        self._last_taken: dict[str, datetime] = {}

    @property
    def complaint(self) -> str | None:
        """What is wrong with its hearing."""
        if not (self._settings.kafka_brokers or self._settings.redis_url):
            return None
        if not self._is_listening:
            return "The broker of events does not answer: see the worker's log."
        late = datetime.now(UTC) - timedelta(seconds=LATE_SECONDS)
        waiting = {at.topic for at in self._positions if at.waiting_since is not None and at.waiting_since < late}
        return f"Events of {', '.join(sorted(waiting))} have waited for more than a minute." if waiting else None

    async def listen(self, stop: asyncio.Event) -> None:
        """Takes events until ``stop`` is set. Raises BrokerLost."""
        try:
            await self._listen(stop)
        except (RedisError, OSError) as error:
            raise BrokerLost(type(error).__name__) from None

    async def _listen(self, stop: asyncio.Event) -> None:
        take = partial(self._take, stop)
        if self._settings.kafka_brokers:
            broker = kafka.kafka_broker(self._settings, take)
            await self._run(broker, stop, partial(kafka.positions, broker, self._settings.kafka_group_id))
        elif self._settings.redis_url is not None:
            await streams.make_groups(self._settings.redis_url)
            async with Redis.from_url(self._settings.redis_url) as redis:
                stream_broker = streams.stream_broker(self._settings.redis_url, take)
                tend = partial(_tend_streams, redis, take)
                await self._run(stream_broker, stop, partial(streams.positions, redis), tend)
                await streams.leave_groups(redis)
        else:
            await stop.wait()

    async def _run(
        self,
        broker: KafkaBroker | RedisBroker,
        stop: asyncio.Event,
        positions: Positions,
        beside: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """Until ``stop`` is set; ``beside`` is done again and again."""
        async with broker:
            await broker.start()
            log.info("listening_to_events")
            self._is_listening = True
            telling = asyncio.create_task(repeat("consumers", TELL_SECONDS, partial(self._tell, positions), stop))
            try:
                while not stop.is_set():
                    if not all(subscriber.running for subscriber in broker.subscribers):
                        raise BrokerLost("A subscription ended.")
                    if beside is not None:
                        await beside()
                    await rest(WATCH_SECONDS, stop)
                await _finish(broker)
            finally:
                self._is_listening = False
                telling.cancel()
                await asyncio.gather(telling, return_exceptions=True)

    async def _tell(self, positions: Positions) -> None:
        found = [at._replace(last_event_at=self._last_taken.get(at.topic)) for at in await positions()]
        async with self._engine.begin() as connection:
            await tell_positions(connection, found)
        self._positions = found

    async def _take(self, stop: asyncio.Event, messages: Sequence[Message]) -> None:
        """One batch at a time, in the order in which they came. Nothing is acknowledged before it is committed: while the database
        is away the batch waits for it.
        """
        # A pattern of topics may match ours, too: what we tell others would come back for ever.
        batch = read_batch(
            [message for message in messages if message.topic != self._settings.events_out], self._keeping
        )
        failures = 0
        while True:
            try:
                async with self._turn:
                    await take_batch(self._engine, batch)
                self._last_taken.update(dict.fromkeys((message.topic for message in messages), datetime.now(UTC)))
                return
            except Exception as error:
                if stop.is_set() or not is_outage(error):
                    raise
                if not failures:
                    log.warning("database_unreachable", job="events", error=type(error).__name__)
                await rest(pause_after(failures), stop)
                failures += 1


async def _tend_streams(redis: Redis, take: Take) -> None:
    await streams.take_left(redis, take)
    await streams.forget_taken(redis)


async def _finish(broker: KafkaBroker | RedisBroker) -> None:
    """Lets batches at hand be committed and acknowledged, and reads at hand end: FastStream would cut them off."""
    for subscriber in broker.subscribers:
        subscriber.running = False
    tasks = [task for subscriber in broker.subscribers for task in getattr(subscriber, "tasks", ())]
    if tasks:
        await asyncio.wait(tasks, timeout=GRACE_SECONDS)
