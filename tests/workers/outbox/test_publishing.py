"""What waits is published: all of it, in order, through outages and kills; what was rolled back never."""

from __future__ import annotations

import asyncio
import random
import signal
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from redis import Redis
from sqlalchemy.ext.asyncio import AsyncEngine

from db.queries.outbox import expire_outbox
from settings import Settings
from tests.commanding import start_scoregraph
from tests.conftest import Database, Servers
from tests.workers.asking import execute, value
from tests.workers.outbox.reading import STREAM, add, published, waiting
from workers.fold import fold_pending
from workers.outbox.brokers import NotPublished, Publisher, StreamPublisher, publisher_of
from workers.outbox.publishing import publish, publish_waiting

Start = Callable[[], "subprocess.Popen[str]"]
LEFT = "SELECT count(*) FROM outbox"
ADD = "INSERT INTO outbox (organization_id, type, subject, data) VALUES (1, 'x', %s, '{}') RETURNING event_id"


def wait_until_empty(school: Database, seconds: float = 40) -> None:
    deadline = time.monotonic() + seconds
    while value(school, LEFT):
        assert time.monotonic() < deadline, f"{value(school, LEFT)} wait still"
        time.sleep(0.02)


@pytest.fixture
def redis_url(servers: Servers) -> str:
    """A database of its own."""
    return urlsplit(servers.redis_url)._replace(path="/9").geturl()


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    with Redis.from_url(redis_url) as redis:
        redis.flushdb()
        yield redis
        redis.flushdb()


@pytest.fixture
async def publisher(redis_url: str, redis: Redis) -> AsyncIterator[Publisher]:
    async with aclosing(publisher_of(Settings(REDIS_URL=redis_url))) as publisher:
        yield publisher


async def test_an_event_is_a_cloud_event(
    school: Database, engine: AsyncEngine, publisher: Publisher, redis: Redis
) -> None:
    execute(school, "INSERT INTO outbox (organization_id, type, subject, data) VALUES (NULL, 'x', 'y', '{}')")
    (key,) = add(school, ["alerts/1"])
    assert await publish_waiting(engine, publisher) == 2
    platform, event = published(redis)
    assert event.pop("time").endswith("Z")
    assert event == {
        "specversion": "1.0",
        "id": key,
        "source": "/organizations/north",
        "type": "metrics.alert",
        "subject": "alerts/1",
        "datacontenttype": "application/json",
        "organization": "north",
        "data": {},
    }
    assert (platform["source"], "organization" in platform) == ("/", False)
    assert waiting(school) == []


async def test_many_are_published_in_order_and_the_stream_does_not_grow_for_ever(
    school: Database, engine: AsyncEngine, redis_url: str, redis: Redis
) -> None:
    ids = add(school, [f"users/{number % 7}" for number in range(1600)])
    async with aclosing(StreamPublisher(redis_url, STREAM, 1000)) as publisher:
        assert await publish_waiting(engine, publisher) == 1600
    kept = [event["id"] for event in published(redis)]
    assert kept == ids[-len(kept) :]
    assert 1000 <= len(kept) < 1200


def write(school: Database, writer: int, batches: int) -> list[str]:
    """Events of two subjects in transactions of any size, some of which are rolled back; the ids of those that are not."""
    told, chance = [], random.Random(writer)
    for number in range(batches):
        subjects = [f"users/{writer}-{chance.randrange(2)}" for _ in range(chance.randrange(1, 40))]
        with school.connect(None) as connection, connection.transaction(force_rollback=number % 4 == 3):
            rows = [connection.execute(ADD, (subject,)).fetchone() for subject in subjects]
            if number % 4 != 3:
                told += [f"{subject} {row[0]}" for subject, row in zip(subjects, rows, strict=True) if row]
    return told


async def test_many_write_and_many_publish(school: Database, engine: AsyncEngine, redis_url: str, redis: Redis) -> None:
    """Nothing twice, nothing lost, nothing that was rolled back, and each subject's in order."""
    stop = asyncio.Event()
    settings = Settings(REDIS_URL=redis_url)
    workers = [asyncio.create_task(publish(settings, engine, stop)) for _ in range(4)]
    told = await asyncio.gather(*(asyncio.to_thread(write, school, writer, 24) for writer in range(4)))
    await asyncio.to_thread(wait_until_empty, school)
    stop.set()
    await asyncio.gather(*workers)
    events = [f"{event['subject']} {event['id']}" for event in published(redis)]
    assert len(events) == len(set(events)) == sum(map(len, told))
    for writer in range(4):
        for subject in (f"users/{writer}-0 ", f"users/{writer}-1 "):
            assert [each for each in events if each.startswith(subject)] == [
                each for each in told[writer] if each.startswith(subject)
            ]


async def test_what_is_rolled_back_is_never_published(
    school: Database, engine: AsyncEngine, publisher: Publisher, redis: Redis
) -> None:
    with school.connect(None) as writer, writer.transaction(force_rollback=True):
        writer.execute("INSERT INTO outbox (organization_id, type, subject, data) VALUES (1, 'x', 'never', '{}')")
        await publish_waiting(engine, publisher)
        (key,) = add(school, ["users/ben"])
        await publish_waiting(engine, publisher)
    await publish_waiting(engine, publisher)
    assert [event["id"] for event in published(redis)] == [key]


async def test_one_that_commits_late_is_not_passed_over(
    school: Database, engine: AsyncEngine, publisher: Publisher, redis: Redis
) -> None:
    with school.connect(None) as writer:
        with writer.transaction():
            writer.execute("INSERT INTO outbox (organization_id, type, subject, data) VALUES (1, 'x', 'late', '{}')")
            add(school, ["soon"])
            assert await publish_waiting(engine, publisher) == 1
        assert await publish_waiting(engine, publisher) == 1
    assert [event["subject"] for event in published(redis)] == ["soon", "late"]


async def test_without_its_broker_it_waits_and_nothing_else_does(
    school: Database, engine: AsyncEngine, redis_url: str, redis: Redis
) -> None:
    add(school, ["users/ben"])
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        away = StreamPublisher(f"redis://127.0.0.1:{nobody.getsockname()[1]}", STREAM, 10)
        with pytest.raises(NotPublished, match="ConnectionError"):
            await publish_waiting(engine, away)
        await away.aclose()
    assert await fold_pending(engine) > 0
    assert [event[0] for event in waiting(school)] == ["metrics.alert", "AnalyticsUpdated", "AnalyticsUpdated"]
    async with aclosing(StreamPublisher(redis_url, STREAM, 10)) as publisher:
        assert await publish_waiting(engine, publisher) == 3
    assert len(published(redis)) == 3


async def test_what_no_broker_takes_is_forgotten_after_a_week(school: Database, engine: AsyncEngine) -> None:
    add(school, ["old", "new"])
    execute(school, "UPDATE outbox SET at = now() - interval '8 days' WHERE subject = 'old'")
    async with engine.begin() as connection:
        assert await expire_outbox(connection) == 1
    assert [subject for _, subject, _ in waiting(school)] == ["new"]


async def test_without_any_broker_nothing_piles_up(school: Database, engine: AsyncEngine) -> None:
    add(school, ["users/ben"])
    async with aclosing(publisher_of(Settings())) as nobody:
        assert await publish_waiting(engine, nobody) == 1
    assert waiting(school) == []


# Processes


@pytest.fixture
def start(school: Database, redis_url: str, redis: Redis, tmp_path: Path) -> Iterator[Start]:
    started: list[subprocess.Popen[str]] = []

    def start() -> subprocess.Popen[str]:
        process = start_scoregraph(
            tmp_path / "data", "worker", "--queues", "events", DATABASE_URL=school.url, REDIS_URL=redis_url
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def wait_for(redis: Redis, most: int, seconds: float = 40) -> None:
    deadline = time.monotonic() + seconds
    while redis.xlen(STREAM) < most:
        assert time.monotonic() < deadline, f"{redis.xlen(STREAM)} of {most}"
        time.sleep(0.02)


def test_killed_after_publishing_and_before_forgetting(start: Start, school: Database, redis: Redis) -> None:
    """The stream has it, the database does not know: it comes again, as the same event."""
    ids = add(school, ["users/ben", "users/ben", "users/cleo"])
    with school.connect(None) as holder, holder.transaction():
        # Whoever wants to forget an event has to wait.
        holder.execute("SELECT FROM outbox FOR UPDATE")
        worker = start()
        wait_for(redis, 3)
        worker.kill()
        worker.communicate()
    assert value(school, LEFT) == 3
    worker = start()
    wait_for(redis, 6)
    worker.send_signal(signal.SIGTERM)
    _, log = worker.communicate(timeout=30)
    assert worker.returncode == 0, log
    assert value(school, LEFT) == 0
    assert [event["id"] for event in published(redis)] == ids * 2


def test_killed_at_any_moment_nothing_is_lost_or_invented(start: Start, school: Database, redis: Redis) -> None:
    ids: list[str] = []
    for part in range(3):
        worker = start()
        for number in range(10):
            ids += add(school, [f"users/{part}-{number}"] * 60)
            if redis.xlen(STREAM) > 300 * (part + 1):
                break
        worker.kill()
        worker.communicate()
    start()
    wait_until_empty(school)
    seen = list(dict.fromkeys(event["id"] for event in published(redis)))
    assert seen == ids
