"""Workers on Redis Streams, as processes: told to stop, killed, cut off."""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import orjson
import pytest
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from sqlalchemy.ext.asyncio import AsyncEngine

from settings import Settings
from tests.commanding import start_scoregraph
from tests.conftest import Database, Servers
from tests.workers.asking import execute, value
from tests.workers.events.telling import event
from workers.events.envelope import Message
from workers.events.handlers import TOPICS
from workers.events.listening import Listener

Start = Callable[[], "subprocess.Popen[str]"]
TAKEN = "SELECT count(*) FROM attempts WHERE source = 'KAFKA'"
CUT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'scoregraph worker'"


@pytest.fixture
def redis_url(servers: Servers) -> str:
    """A database of its own, so that nobody else's worker listens."""
    return urlsplit(servers.redis_url)._replace(path="/7").geturl()


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    with Redis.from_url(redis_url) as redis:
        redis.flushdb()
        yield redis
        redis.flushdb()


@pytest.fixture
def start(school: Database, redis_url: str, redis: Redis, tmp_path: Path) -> Iterator[Start]:
    started: list[subprocess.Popen[str]] = []

    def start() -> subprocess.Popen[str]:
        process = start_scoregraph(tmp_path / "data", "worker", DATABASE_URL=school.url, REDIS_URL=redis_url)
        started.append(process)
        assert process.stderr
        assert any("listening_to_events" in line for line in process.stderr)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def attempts(first: int, most: int) -> list[Message]:
    told = {"labType": "l4", "success": False, "completedAt": "2026-04-01T09:00:00Z"}
    people = ("ben", "cleo", "dan")
    return [
        event("lab-events", "AttemptRecorded", {**told, "attemptId": number, "userId": people[number % 3]})
        for number in range(first, first + most)
    ]


def add(redis: Redis, messages: list[Message]) -> None:
    pipeline = redis.pipeline(transaction=False)
    for message in messages:
        pipeline.xadd(message.topic, {"event": message.body})
    pipeline.execute()


def wait_for(database: Database, most: int, seconds: float = 40) -> None:
    deadline = time.monotonic() + seconds
    while value(database, TAKEN) < most:
        assert time.monotonic() < deadline, f"{value(database, TAKEN)} of {most}"
        time.sleep(0.1)


def wait_until(holds: Callable[[], bool], seconds: float = 40) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def make_old(redis: Redis) -> None:
    """What a worker took and did not acknowledge, as if it had been silent for a minute."""
    for topic in TOPICS:
        for left in redis.xpending_range(topic, "scoregraph", "-", "+", 10_000):
            key, consumer = left["message_id"], left["consumer"]
            redis.xclaim(topic, "scoregraph", consumer, 0, [key], idle=60_000, justid=True)


def pending(redis: Redis) -> int:
    return sum(redis.xpending(topic, "scoregraph")["pending"] for topic in TOPICS)


def test_what_came_before_anybody_listened_is_taken_and_acknowledged(
    start: Start, school: Database, redis: Redis
) -> None:
    add(redis, [*attempts(0, 1500), Message("lab-events", b"poison")])
    process = start()
    add(redis, attempts(1500, 100))
    wait_for(school, 1600)
    process.send_signal(signal.SIGTERM)
    _, log = process.communicate(timeout=30)
    assert process.returncode == 0, log
    assert "Traceback" not in log
    assert pending(redis) == 0
    assert value(school, "SELECT count(*) FROM dead_letters") == 1


def test_killed_at_any_moment_nothing_is_lost_or_doubled(start: Start, school: Database, redis: Redis) -> None:
    messages = attempts(0, 4000)
    random.Random(5).shuffle(messages)
    for part in range(4):
        worker = start()
        add(redis, messages[part * 1000 : (part + 1) * 1000])
        time.sleep(random.uniform(0.0, 0.6))
        worker.kill()
        worker.communicate()
    make_old(redis)
    start()
    wait_for(school, 4000)
    assert value(school, TAKEN) == 4000
    assert (
        value(
            school,
            "SELECT sum(attempts) FROM user_lab_totals_live t JOIN labs l ON l.id = t.lab_id WHERE l.type = 'l4'",
        )
        == 4001
    )
    assert value(school, "SELECT count(*) FROM dead_letters") == 0


def test_the_database_goes_away_and_comes_back(start: Start, school: Database, redis: Redis) -> None:
    process = start()
    for part in range(5):
        add(redis, attempts(part * 200, 200))
        execute(school, CUT)
    wait_for(school, 1000)
    assert process.poll() is None
    assert value(school, "SELECT count(*) FROM dead_letters") == 0


def test_streams_that_are_deleted_are_made_again(start: Start, school: Database, redis: Redis) -> None:
    start()
    add(redis, attempts(0, 10))
    wait_for(school, 10)
    redis.flushdb()
    add(redis, attempts(10, 10))
    wait_for(school, 20)


def test_what_everybody_has_taken_is_removed(start: Start, school: Database, redis: Redis) -> None:
    start()
    redis.xgroup_create("user-events", "others", id="0", mkstream=True)
    for part in range(3):
        add(redis, attempts(part * 400, 400))
        add(redis, [event("user-events", "UserLoggedIn", {"userId": "ben"}) for _ in range(200)])
    wait_for(school, 1200)
    # Whole nodes of a hundred entries go.
    wait_until(lambda: redis.xlen("lab-events") <= 100)
    assert redis.xlen("user-events") == 600, "others have not read it"
    redis.xreadgroup("others", "o", {"user-events": ">"}, count=600)
    time.sleep(0.6)
    assert redis.xlen("user-events") == 600, "nor acknowledged it"
    redis.xack("user-events", "others", *(key for key, _ in redis.xrange("user-events")))
    wait_until(lambda: redis.xlen("user-events") <= 100)


def test_says_how_far_it_has_come(start: Start, school: Database, redis: Redis) -> None:
    add(redis, attempts(0, 30))
    process = start()
    wait_for(school, 30)
    status = (
        "SELECT array_agg((topic, lag, pending, last_event_at IS NOT NULL)::text ORDER BY topic) FROM jobs.consumers"
    )
    wait_until(lambda: value(school, status) is not None)
    assert len(value(school, status)) == len(TOPICS)
    wait_until(lambda: "(lab-events,0,0,t)" in value(school, status), seconds=15)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert redis.xinfo_consumers("lab-events", "scoregraph") == [], "it has said that it goes"


async def test_says_that_its_broker_does_not_answer(school: Database, engine: AsyncEngine, redis_url: str) -> None:
    stop = asyncio.Event()
    away = Listener(Settings(redis_url="redis://127.0.0.1:1/0"), engine)
    with pytest.raises(RedisConnectionError):
        await away.listen(stop)
    assert away.complaint == "The broker of events does not answer: see the worker's log."
    assert Listener(Settings(redis_url=None), engine).complaint is None, "it has none"
    listener = Listener(Settings(redis_url=redis_url), engine)
    listening = asyncio.create_task(listener.listen(stop))
    while listener.complaint is not None:
        assert not listening.done()
        await asyncio.sleep(0.05)
    stop.set()
    await listening
    assert listener.complaint is not None


async def test_other_types_are_kept_as_the_settings_say(
    school: Database, engine: AsyncEngine, redis: Redis, redis_url: str
) -> None:
    now = datetime.now(UTC)
    told = [
        event("lab-events", "lab_opened", {"colour": "red", "n": 1}, time=now.isoformat()),
        event("lab-events", "lab_opened", {"n": 2}, time=(now - timedelta(days=2)).isoformat()),
        event("lab-events", "lab_opened", {"n": 3}, time=now.isoformat()),
    ]
    add(redis, told)
    stop = asyncio.Event()
    settings = Settings(redis_url=redis_url, event_dropped_keys="colour", metrics_retention_days=1)
    listening = asyncio.create_task(Listener(settings, engine).listen(stop))
    kept = "SELECT json_agg(metadata ORDER BY metadata ->> 'n') FROM user_events HAVING count(*) = 2"
    async with asyncio.timeout(20):
        while (found := value(school, kept)) is None:
            assert not listening.done()
            await asyncio.sleep(0.05)
    stop.set()
    await listening
    assert found == [{"n": 1}, {"n": 3}]


def test_a_cloud_event_in_fields(start: Start, school: Database, redis: Redis) -> None:
    start()
    attributes = {"specversion": "1.0", "id": "1", "source": "/l", "type": "AttemptRecorded", "organization": "north"}
    told = {"labType": "l4", "success": False, "completedAt": "2026-04-01T09:00:00Z", "attemptId": 1, "userId": "ben"}
    redis.xadd("lab-events", {"event": orjson.dumps(told), **{f"ce_{name}": text for name, text in attributes.items()}})
    wait_for(school, 1)
