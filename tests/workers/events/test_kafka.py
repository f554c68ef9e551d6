"""Workers on Kafka, over TCP, as processes: groups, killed members, redelivery."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka import Producer

from tests.commanding import start_scoregraph
from tests.conftest import Database, Servers
from tests.workers.asking import value
from tests.workers.events.telling import event
from workers.events.envelope import Message

Start = Callable[[], "subprocess.Popen[str]"]
TAKEN = "SELECT count(*) FROM attempts WHERE source = 'KAFKA'"


@pytest.fixture
def brokers() -> Iterator[str]:
    script = Path(__file__).with_name("cluster.py")
    with subprocess.Popen(
        [sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as cluster:
        assert cluster.stdout
        yield cluster.stdout.readline().strip()
        cluster.kill()


@pytest.fixture
def start(school: Database, servers: Servers, brokers: str, tmp_path: Path) -> Iterator[Start]:
    started: list[subprocess.Popen[str]] = []

    def start() -> subprocess.Popen[str]:
        process = start_scoregraph(
            tmp_path / "data", "worker", DATABASE_URL=school.url, REDIS_URL=servers.redis_url, KAFKA_BROKERS=brokers
        )
        started.append(process)
        assert process.stderr
        assert any("listening_to_events" in line for line in process.stderr)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def attempts(first: int, most: int) -> list[tuple[str, Message]]:
    """With their keys."""
    told = {"labType": "l4", "success": False, "completedAt": "2026-04-01T09:00:00Z"}
    people = ("ben", "cleo", "dan")
    return [
        (person, event("lab-events", "AttemptRecorded", {**told, "attemptId": number, "userId": person}))
        for number in range(first, first + most)
        for person in [people[number % 3]]
    ]


def send(brokers: str, messages: list[tuple[str, Message]]) -> None:
    producer = Producer({"bootstrap.servers": brokers})
    for key, message in messages:
        producer.produce(message.topic, message.body, key=key)
    assert producer.flush(30) == 0


def wait_for(database: Database, most: int, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while value(database, TAKEN) < most:
        assert time.monotonic() < deadline, f"{value(database, TAKEN)} of {most}"
        time.sleep(0.1)


def test_what_came_before_anybody_listened_is_taken_once(start: Start, school: Database, brokers: str) -> None:
    send(brokers, [*attempts(0, 700), ("ben", Message("lab-events", b"poison"))])
    process = start()
    wait_for(school, 700)
    process.send_signal(signal.SIGTERM)
    _, log = process.communicate(timeout=40)
    assert process.returncode == 0, log
    start()
    send(brokers, attempts(700, 100))
    wait_for(school, 800)
    assert value(school, TAKEN) == 800
    assert value(school, "SELECT count(*) FROM dead_letters") == 1


def test_members_of_a_group_take_over_from_one_that_is_killed(start: Start, school: Database, brokers: str) -> None:
    send(brokers, attempts(0, 300))
    first, _ = start(), start()
    wait_for(school, 300)
    send(brokers, attempts(300, 1500))
    first.kill()
    wait_for(school, 1800)
    assert value(school, TAKEN) == 1800
    assert value(school, "SELECT count(*) FROM event_inbox") == 1800
    assert value(school, "SELECT count(*) FROM dead_letters") == 0
