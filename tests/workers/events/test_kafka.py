"""Workers on Kafka, over TCP, as processes: groups, killed members, redelivery."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
import pytest
from confluent_kafka import Producer

from tests.commanding import start_scoregraph
from tests.conftest import Database, Servers
from tests.workers.asking import value
from tests.workers.events.telling import event
from workers.events.envelope import Message

Start = Callable[..., "subprocess.Popen[str]"]
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

    def start(**variables: str) -> subprocess.Popen[str]:
        urls = {"DATABASE_URL": school.url, "REDIS_URL": servers.redis_url, "KAFKA_BROKERS": brokers}
        process = start_scoregraph(tmp_path / "data", "worker", **urls, **variables)
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


def send(brokers: str, messages: list[tuple[str, Message]], topic: str | None = None, **headers: str) -> None:
    producer = Producer({"bootstrap.servers": brokers})
    for key, message in messages:
        producer.produce(topic or message.topic, message.body, key=key, headers=headers)
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


def test_topics_by_pattern_in_both_modes_of_cloud_events(start: Start, school: Database, brokers: str) -> None:
    send(brokers, attempts(0, 5), topic="school.labs-events")
    told = {"labType": "l4", "success": False, "completedAt": "2026-04-01T09:00:00Z", "attemptId": 9, "userId": "ben"}
    attributes = {"specversion": "1.0", "id": "1", "source": "/l", "type": "AttemptRecorded", "organization": "north"}
    headers = {f"ce_{name}": text for name, text in attributes.items()}
    send(brokers, [("ben", Message("", orjson.dumps(told)))], topic="school.labs-events", **headers)
    send(brokers, [("ben", Message("", b"{}"))], topic="elsewhere-events")
    send(brokers, attempts(5, 10), topic="analytics-events")
    start(KAFKA_TOPICS=r"^(school\..*|analytics)-events$")
    wait_for(school, 6)
    assert value(school, "SELECT count(*) FROM dead_letters") == 0
    said = "SELECT array_agg(DISTINCT (topic, group_id)::text ORDER BY (topic, group_id)::text) FROM jobs.consumers"
    caught_up = "SELECT string_agg((offsets, lag, pending)::text, ' ' ORDER BY topic) FROM (SELECT topic, CASE topic WHEN 'school.labs-events' THEN sum(committed_offset) END AS offsets, sum(lag) AS lag, sum(pending) AS pending FROM jobs.consumers GROUP BY topic) AS c"
    deadline = time.monotonic() + 30
    while value(school, caught_up) != "(,0,0) (6,0,0)":
        assert time.monotonic() < deadline, value(school, caught_up)
        time.sleep(0.1)
    assert value(school, said) == ["(analytics-events,scoregraph)", "(school.labs-events,scoregraph)"]
    assert value(school, TAKEN) == 6, "what we tell others does not come back"
