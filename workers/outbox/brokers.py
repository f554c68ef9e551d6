"""Where events are published: a Redis stream or, where Kafka is used, a topic of the same name."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

from confluent_kafka import KafkaException, Producer
from redis.asyncio import Redis
from redis.exceptions import RedisError

from db.queries.outbox import OutgoingEvent
from settings import Settings
from workers.outbox.envelope import cloud_event, partition_key

FIELD = "event"
"""Of an entry of the stream: what has the event."""

TIMEOUT_SECONDS = 10.0


class NotPublished(Exception):
    """The broker did not take all of it. Perhaps it took some: that will be there twice, with the same ids."""


class Publisher(Protocol):
    async def publish(self, events: Sequence[OutgoingEvent]) -> None:
        """Returns when the broker has all of them, in their order. Raises NotPublished."""

    async def aclose(self) -> None: ...


def publisher_of(settings: Settings) -> Publisher:
    """As set; one that takes and keeps nothing where there is no broker."""
    if settings.kafka_brokers:
        return KafkaPublisher(settings)
    if settings.redis_url is not None:
        return StreamPublisher(settings.redis_url, settings.events_out, settings.stream_length)
    return NoPublisher()


class StreamPublisher:
    """Adds entries to a Redis stream, which keeps about so many of the newest."""

    def __init__(self, redis_url: str, stream: str, length: int) -> None:
        self._redis = Redis.from_url(redis_url, socket_timeout=TIMEOUT_SECONDS, socket_connect_timeout=TIMEOUT_SECONDS)
        self._stream = stream
        self._length = length

    async def publish(self, events: Sequence[OutgoingEvent]) -> None:
        pipeline = self._redis.pipeline(transaction=False)
        for event in events:
            pipeline.xadd(self._stream, {FIELD: cloud_event(event)}, maxlen=self._length, approximate=True)
        try:
            await pipeline.execute()
        except (RedisError, OSError) as error:
            raise NotPublished(type(error).__name__) from None

    async def aclose(self) -> None:
        await self._redis.aclose()


class KafkaPublisher:
    """Produces to a Kafka topic, with a key for each subject: its events are in one partition, in order."""

    def __init__(self, settings: Settings) -> None:
        self._topic = settings.events_out
        self._configuration: dict[str, str | int | bool] = {
            "bootstrap.servers": ",".join(settings.kafka_brokers),
            "client.id": settings.kafka_client_id,
            # Neither twice nor out of order where the client itself sends again.
            "enable.idempotence": True,
            "linger.ms": 5,
            "message.timeout.ms": int(TIMEOUT_SECONDS * 1000),
            "log_level": 0,
        }
        self._producer: Producer | None = None

    async def publish(self, events: Sequence[OutgoingEvent]) -> None:
        await asyncio.to_thread(self._publish, events)

    def _publish(self, events: Sequence[OutgoingEvent]) -> None:
        failures: list[str] = []

        def note(error: object, message: object) -> None:
            if error is not None:
                failures.append(str(error))

        try:
            if self._producer is None:
                self._producer = Producer(self._configuration)
            for event in events:
                self._producer.produce(self._topic, cloud_event(event), partition_key(event), on_delivery=note)
            if self._producer.flush(TIMEOUT_SECONDS + 1):
                failures.append("no answer")
        except (KafkaException, BufferError) as error:
            failures.append(type(error).__name__)
        if failures:
            self._give_up()
            raise NotPublished(failures[0])

    def _give_up(self) -> None:
        """What it did not get rid of is not to be sent behind the back of whoever tries again."""
        if self._producer is not None:
            self._producer.purge()
            self._producer = None

    async def aclose(self) -> None:
        await asyncio.to_thread(self._give_up)


class NoPublisher:
    """Without a broker only webhooks are told of anything."""

    async def publish(self, events: Sequence[OutgoingEvent]) -> None:
        pass

    async def aclose(self) -> None:
        pass
