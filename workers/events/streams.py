"""Events on Redis Streams: a stream for each topic, whose entries have the event in their field ``event``; where they have fields
``ce_id``, ``ce_type``, … as well, those are a CloudEvent's attributes and ``event`` is its data.

Workers share them as one consumer group. What a worker took and did not acknowledge (it was killed) is taken by another one
after a while. What every group of a stream has acknowledged is removed from it, so that memory holds what is to be done and no
history. (A group of somebody else's that stands still keeps what it has not read.)
"""

from __future__ import annotations

import logging
import os
import socket
from contextlib import suppress
from datetime import UTC, datetime
from itertools import product
from typing import Any
from uuid import uuid4

from faststream import AckPolicy
from faststream.redis import RedisBroker, StreamSub
from faststream.redis.parser import BinaryMessageFormatV1
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from db.queries.operations import Position
from workers.events.broker_log import BROKER_LOG
from workers.events.cloud_events import message_of
from workers.events.envelope import Message, Take
from workers.events.handlers import TOPICS

GROUP = "scoregraph"
FIELD = b"event"
AT_ONCE = 500
POLL_MILLISECONDS = 400
CONSUMER = f"{socket.gethostname()}-{os.getpid()}-{uuid4().hex[:8]}"
"""This worker."""

READERS = 2
"""Of each stream: one reads and parses while what the other one read is being written."""

IDLE_MILLISECONDS = 15_000
"""After which what another worker took is taken from it."""

GONE_MILLISECONDS = 3_600_000
"""After which a worker that was killed is gone."""

EARLIEST = 1_000_000_000_000
"""Milliseconds since 1970: ids of entries are instants from the year 2001 on."""


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
    for topic, reader in product(TOPICS, range(READERS)):
        stream = StreamSub(
            topic,
            group=GROUP,
            consumer=f"{CONSUMER}-{reader}",
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


async def forget_taken(redis: Redis) -> None:
    """Removes what every group of a stream has acknowledged."""
    for topic in TOPICS:
        kept = []
        for group in await redis.xinfo_groups(topic):
            oldest = await _oldest_pending(redis, topic, group["name"]) if group["pending"] else None
            kept.append(_parts(oldest) if oldest else _after(group["last-delivered-id"]))
        if kept:
            milliseconds, number = min(kept)
            await redis.xtrim(topic, minid=f"{milliseconds}-{number}", approximate=True)


async def leave_groups(redis: Redis) -> None:
    """Says that this worker goes, and that lost ones have gone. What they did not acknowledge, if any, keeps their names there."""
    # A stream may have been deleted.
    with suppress(ResponseError):
        for topic in TOPICS:
            for consumer in await redis.xinfo_consumers(topic, GROUP):
                is_own = consumer["name"].decode().startswith(CONSUMER)
                if not consumer["pending"] and (is_own or consumer["idle"] > GONE_MILLISECONDS):
                    await redis.xgroup_delconsumer(topic, GROUP, consumer["name"])


async def positions(redis: Redis) -> list[Position]:
    """How far the group has come in each stream."""
    found = []
    for topic in TOPICS:
        group = next(group for group in await redis.xinfo_groups(topic) if group["name"] == GROUP.encode())
        pending = group["pending"]
        # Redis does not know any more where entries were deleted by hand: then all that is left may have to be read.
        unread = await redis.xlen(topic) if group["lag"] is None else group["lag"]
        oldest = await _oldest_pending(redis, topic, GROUP) if pending else None
        if oldest is None and unread:
            milliseconds, number = _after(group["last-delivered-id"])
            first: Any = await redis.xrange(topic, min=f"{milliseconds}-{number}", count=1)
            oldest = first[0][0] if first else None
        found.append(
            Position(
                group_id=GROUP,
                topic=topic,
                partition=0,
                committed_offset=None,
                lag=unread + pending,
                pending=pending,
                waiting_since=_instant(oldest) if oldest else None,
                last_event_at=None,
            )
        )
    return found


async def _oldest_pending(redis: Redis, topic: str, group: str | bytes) -> bytes | None:
    summary: Any = await redis.xpending(topic, group)
    oldest: bytes | None = summary["min"]
    return oldest


def _parts(entry: bytes) -> tuple[int, int]:
    milliseconds, _, number = entry.partition(b"-")
    return int(milliseconds), int(number)


def _after(entry: bytes) -> tuple[int, int]:
    milliseconds, number = _parts(entry)
    return milliseconds, number + 1


def _instant(entry: bytes) -> datetime | None:
    """When an entry was added; None where whoever added it made the id up."""
    milliseconds = _parts(entry)[0]
    return datetime.fromtimestamp(milliseconds / 1000, UTC) if EARLIEST <= milliseconds < 1e14 else None


class _Untouched(BinaryMessageFormatV1):
    """Entries are read by ``_messages``, as they are."""

    @classmethod
    def parse(cls, data: Any) -> tuple[bytes, dict[str, Any]]:
        return b"null", {}


async def _messages(batch: Any) -> list[Message]:
    topic = batch.raw_message["channel"]
    return [_message(topic, entry) for entry in batch.raw_message["data"]]


def _message(topic: str, entry: dict[bytes, bytes]) -> Message:
    body = entry.get(FIELD, b"")
    if len(entry) == 1:
        return Message(topic, body)
    attributes = {name.decode(errors="replace"): value for name, value in entry.items()}
    return message_of(topic, body, attributes, prefix="ce_")
