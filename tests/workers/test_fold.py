"""The fold loop on a real database and a real feed."""

from __future__ import annotations

import asyncio

import pytest
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncEngine

from db.changes import CHANNEL, EVERYTHING, Changes
from db.queries.fold import FoldRow
from tests.conftest import Database, Servers
from tests.workers.asking import execute, value
from workers import fold
from workers.fold import fold_pending, tags_concerned


async def tags_told(servers: Servers, during: asyncio.Event, told: list[str]) -> None:
    async with Redis.from_url(servers.redis_url) as client, client.pubsub(ignore_subscribe_messages=True) as pubsub:
        await pubsub.subscribe(CHANNEL)
        await pubsub.get_message(timeout=1)
        during.set()
        while True:
            message = await pubsub.get_message(timeout=0.5)
            if message is None:
                return
            told.extend(message["data"].decode().split())


async def test_tells_people_groups_labs_and_organizations(
    school: Database, servers: Servers, engine: AsyncEngine, changes: Changes
) -> None:
    await fold_pending(engine, changes)
    execute(
        school,
        "UPDATE attempts SET score = 31 WHERE source_id = 'ben-1'",
    )
    told: list[str] = []
    listening = asyncio.Event()
    listener = asyncio.create_task(tags_told(servers, listening, told))
    await listening.wait()
    assert await fold_pending(engine, changes) == 1
    await listener
    ben = value(school, "SELECT id FROM users WHERE external_id = 'ben' ORDER BY organization_id LIMIT 1")
    north = value(school, "SELECT id FROM organizations WHERE slug = 'north'")
    alg_1 = value(school, "SELECT id FROM groups WHERE external_id = 'alg-1' AND organization_id = %s", north)
    lab_1 = value(school, "SELECT id FROM labs WHERE type = 'l1' AND organization_id = %s", north)
    assert sorted(told) == sorted([f"user:{ben}", f"group:{alg_1}", f"lab:{lab_1}", f"org:{north}"])


async def test_takes_as_many_folds_as_it_needs(
    school: Database, engine: AsyncEngine, changes: Changes, monkeypatch: pytest.MonkeyPatch
) -> None:
    pending = value(school, "SELECT count(*) FROM attempt_deltas")
    monkeypatch.setattr(fold, "MAX_CHANGES", 3)
    assert await fold_pending(engine, changes) == pending
    assert value(school, "SELECT count(*) FROM attempt_deltas") == 0
    assert value(school, "SELECT max(version) FROM user_totals") >= pending // 3


async def test_stops_between_two_folds(
    school: Database, engine: AsyncEngine, changes: Changes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fold, "MAX_CHANGES", 3)
    stop = asyncio.Event()

    class Stopping(Changes):
        async def publish(self, tags: object) -> None:
            stop.set()

    assert await fold_pending(engine, Stopping(None), stop) == 3


async def test_idle_costs_no_number(school: Database, engine: AsyncEngine, changes: Changes) -> None:
    await fold_pending(engine, changes)
    before = value(school, "SELECT last_value FROM fold_version")
    assert await fold_pending(engine, changes) == 0
    assert value(school, "SELECT last_value FROM fold_version") == before


async def test_leaves_the_fold_to_another_worker_that_is_at_it(
    school: Database, engine: AsyncEngine, changes: Changes
) -> None:
    with school.connect(None) as other, other.transaction():
        other.execute("SELECT pg_advisory_xact_lock(hashtext('scoregraph.fold'))")
        assert await fold_pending(engine, changes) == 0
    assert await fold_pending(engine, changes) > 0


async def test_several_workers_at_once_fold_everything_once(
    school: Database, engine: AsyncEngine, changes: Changes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fold, "MAX_CHANGES", 2)
    pending = value(school, "SELECT count(*) FROM attempt_deltas")
    folded = 0
    while value(school, "SELECT count(*) FROM attempt_deltas"):
        folded += sum(await asyncio.gather(*(fold_pending(engine, changes) for _ in range(4))))
    assert folded == pending
    assert value(school, "SELECT sum(attempts) FROM user_totals") == value(
        school, "SELECT count(*) FROM attempts WHERE status <> 'STARTED' AND deleted_at IS NULL"
    )


async def test_folds_without_a_feed(school: Database, engine: AsyncEngine) -> None:
    nobody = Changes("redis://127.0.0.1:1/0")
    assert await fold_pending(engine, nobody) > 0
    await nobody.aclose()


def test_a_flood_of_tags_becomes_one() -> None:
    row = FoldRow(9000, list(range(3000)), [1], [1], [1])
    assert tags_concerned(row) == [EVERYTHING]
