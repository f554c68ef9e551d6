"""Events on Kafka: topics of the same names, or those of KAFKA_TOPICS, with the person's id as the key, so that a partition has
all of a person's events.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from confluent_kafka import Consumer
from faststream import AckPolicy
from faststream.confluent import KafkaBroker, Topic
from faststream.confluent.subscriber.usecase import LogicSubscriber

from db.queries.operations import Position
from settings import Settings
from workers.events.broker_log import BROKER_LOG
from workers.events.cloud_events import message_of
from workers.events.envelope import Message, Take

AT_ONCE = 500
POLL_SECONDS = 0.2
ASK_SECONDS = 5.0
"""For the cluster to say how far the group has come."""


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
        *(Topic(topic, declare=False) for topic in settings.kafka_topics),
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


async def positions(broker: KafkaBroker, group_id: str) -> list[Position]:
    """How far the group has come in the partitions that are this worker's."""
    clients = [subscriber.consumer for subscriber in broker.subscribers if isinstance(subscriber, LogicSubscriber)]
    found = [await asyncio.to_thread(_positions, client.consumer, group_id) for client in clients if client is not None]
    return [position for part in found for position in part]


def _positions(consumer: Consumer, group_id: str) -> list[Position]:
    """Asks the cluster."""
    assigned = consumer.assignment()
    if not assigned:
        return []
    found = []
    for committed, read in zip(
        consumer.committed(assigned, timeout=ASK_SECONDS), consumer.position(assigned), strict=True
    ):
        first, end = consumer.get_watermark_offsets(committed, timeout=ASK_SECONDS)
        # Negative: the group has not begun with it.
        taken = max(committed.offset, first)
        found.append(
            Position(
                group_id=group_id,
                topic=committed.topic,
                partition=committed.partition,
                committed_offset=committed.offset if committed.offset >= 0 else None,
                lag=max(0, end - taken),
                pending=max(0, read.offset - taken),
                waiting_since=None,
                last_event_at=None,
            )
        )
    return found


async def _messages(batch: Any) -> list[Message]:
    return [
        message_of(raw.topic(), raw.value() or b"", dict(raw.headers() or ()), prefix="ce_")
        for raw in batch.raw_message
    ]
