"""Events on Kafka: topics of the same names, with the person's id as the key, so that a partition has all of a person's events."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from faststream import AckPolicy
from faststream.confluent import KafkaBroker, Topic

from settings import Settings
from workers.events.broker_log import BROKER_LOG
from workers.events.envelope import Message
from workers.events.handlers import TOPICS

AT_ONCE = 500
POLL_SECONDS = 0.2

Take = Callable[[Sequence[Message]], Awaitable[Any]]


def kafka_broker(settings: Settings, take: Take) -> KafkaBroker:
    """Gives ``take`` what comes, and commits the offsets when that returns. A group that is new begins with the first event."""
    broker = KafkaBroker(
        ",".join(settings.kafka_brokers),
        client_id=settings.kafka_client_id,
        apply_types=False,
        logger=BROKER_LOG,
        log_level=logging.DEBUG,
    )
    broker.subscriber(
        # They are not ours to make.
        *(Topic(topic, declare=False) for topic in TOPICS),
        group_id=settings.kafka_group_id,
        batch=True,
        max_records=AT_ONCE,
        polling_interval=POLL_SECONDS,
        auto_offset_reset="earliest",
        partition_assignment_strategy=("cooperative-sticky",),
        decoder=_messages,
        ack_policy=AckPolicy.NACK_ON_ERROR,
    )(take)
    return broker


async def _messages(batch: Any) -> list[Message]:
    return [Message(message.topic(), message.value() or b"") for message in batch.raw_message]
