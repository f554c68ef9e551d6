"""Publishing to Kafka, over TCP."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path

import orjson
import pytest
from confluent_kafka import Consumer
from sqlalchemy.ext.asyncio import AsyncEngine

from settings import Settings
from tests.conftest import Database
from tests.workers import events
from tests.workers.outbox.reading import STREAM, add, waiting
from workers.outbox import brokers as brokers_module
from workers.outbox.brokers import NotPublished, publisher_of
from workers.outbox.publishing import publish_waiting

CLUSTER = Path(events.__path__[0]) / "cluster.py"


@pytest.fixture
def cluster() -> Iterator[tuple[subprocess.Popen[str], Settings]]:
    with subprocess.Popen(
        [sys.executable, str(CLUSTER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        yield process, Settings(KAFKA_BROKERS=process.stdout.readline().strip())
        process.kill()


def consumed(settings: Settings, most: int) -> list[tuple[int, str, str]]:
    """Partition, key and id of each event, in the order of each partition."""
    consumer = Consumer(
        {
            "bootstrap.servers": ",".join(settings.kafka_brokers),
            "group.id": "others",
            "auto.offset.reset": "earliest",
            "log_level": 0,
        }
    )
    consumer.subscribe([STREAM])
    found: list[tuple[int, str, str]] = []
    while len(found) < most:
        for message in consumer.consume(most, 10):
            assert message.error() is None
            key, body, partition = message.key(), message.value(), message.partition()
            assert isinstance(key, bytes)
            assert body is not None
            assert partition is not None
            found.append((partition, key.decode(), orjson.loads(body)["id"]))
    consumer.close()
    return found


async def test_events_of_a_subject_are_in_one_partition_in_order(
    school: Database, engine: AsyncEngine, cluster: tuple[subprocess.Popen[str], Settings]
) -> None:
    _, settings = cluster
    subjects = [f"users/{number % 5}" for number in range(700)]
    ids = add(school, subjects)
    async with aclosing(publisher_of(settings)) as publisher:
        assert await publish_waiting(engine, publisher) == 700
    assert waiting(school) == []
    found = consumed(settings, 700)
    for number in range(5):
        mine = [(partition, id) for partition, key, id in found if key == f"north/users/{number}"]
        assert len({partition for partition, _ in mine}) == 1
        assert [id for _, id in mine] == ids[number::5]


async def test_a_cluster_that_is_gone_takes_nothing(
    school: Database,
    engine: AsyncEngine,
    cluster: tuple[subprocess.Popen[str], Settings],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(brokers_module, "TIMEOUT_SECONDS", 1.0)
    process, settings = cluster
    add(school, ["users/ben"])
    async with aclosing(publisher_of(settings)) as publisher:
        assert await publish_waiting(engine, publisher) == 1
        process.kill()
        process.wait()
        add(school, ["users/ben", "users/cleo"])
        for _ in range(2):
            with pytest.raises(NotPublished):
                await publish_waiting(engine, publisher)
    assert len(waiting(school)) == 2
