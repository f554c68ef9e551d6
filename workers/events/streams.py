"""Events on Redis Streams: a stream for each topic, whose entries have the event in their field ``event``.

Workers share them as one consumer group. What a worker took and did not acknowledge (it was killed) is taken by another one
after a while. Entries stay where they are when they are taken: who adds them says how many to keep (``XADD … MAXLEN ~ …``).
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import uuid4

from faststream import AckPolicy
from faststream.redis import RedisBroker, StreamSub
from faststream.redis.parser import BinaryMessageFormatV1
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from workers.events.broker_log import BROKER_LOG
from workers.events.envelope import Message
from workers.events.handlers import TOPICS

GROUP = "scoregraph"
FIELD = b"event"
AT_ONCE = 500
POLL_MILLISECONDS = 200
CONSUMER = f"{socket.gethostname()}-{os.getpid()}-{uuid4().hex[:8]}"
"""This worker."""

IDLE_MILLISECONDS = 15_000
"""After which what another worker took is taken from it."""

Take = Callable[[Sequence[Message]], Awaitable[Any]]


async def make_groups(redis_url: str) -> None:
    """One for each stream, that begins with its first entry: what was added before anybody listened counts, too."""
    async with Redis.from_url(redis_url) as redis:
        for topic in TOPICS:
            try:
                await redis.xgroup_create(topic, GROUP, id="0", mkstream=True)
            except ResponseError as error:
                if "BUSYGROUP" not in str(error):
                    raise


def stream_broker(redis_url: str, take: Take) -> RedisBroker:
    """Gives ``take`` what comes, and acknowledges it when that returns."""
    broker = RedisBroker(redis_url, apply_types=False, logger=BROKER_LOG, log_level=logging.DEBUG)
    for topic in TOPICS:
        stream = StreamSub(
            topic,
            group=GROUP,
            consumer=CONSUMER,
            batch=True,
            max_records=AT_ONCE,
            polling_interval=POLL_MILLISECONDS,
        )
        broker.subscriber(
            stream=stream, message_format=_Untouched, decoder=_messages, ack_policy=AckPolicy.NACK_ON_ERROR
        )(take)
    return broker


async def take_left(redis: Redis, take: Take, *, idle_milliseconds: int = IDLE_MILLISECONDS) -> None:
    """Gives ``take`` what was read and not acknowledged for that long. (FastStream claims such entries one by one.)"""
    for topic in TOPICS:
        begin = b"0-0"
        while True:
            begin, entries, *_ = await redis.xautoclaim(
                topic, GROUP, CONSUMER, min_idle_time=idle_milliseconds, start_id=begin, count=AT_ONCE
            )
            if entries:
                await take([_message(topic, entry) for _, entry in entries])
                await redis.xack(topic, GROUP, *(key for key, _ in entries))
            if begin == b"0-0":
                break


class _Untouched(BinaryMessageFormatV1):
    """Entries are read by ``_messages``, as they are."""

    @classmethod
    def parse(cls, data: Any) -> tuple[bytes, dict[str, Any]]:
        return b"null", {}


async def _messages(batch: Any) -> list[Message]:
    topic = batch.raw_message["channel"]
    return [_message(topic, entry) for entry in batch.raw_message["data"]]


def _message(topic: str, entry: dict[bytes, bytes]) -> Message:
    return Message(topic, entry.get(FIELD, b""))
