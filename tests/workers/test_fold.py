"""The fold loop on a real database."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from db.changes import CHANNEL
from tests.conftest import Database
from tests.workers.asking import execute, value
from workers import fold
from workers.fold import fold_pending


async def test_tells_nothing_since_no_answer_changes(school: Database, engine: AsyncEngine) -> None:
    with school.connect() as listener:
        listener.execute(f"LISTEN {CHANNEL}")
        assert await fold_pending(engine) > 0
        execute(school, "UPDATE attempts SET score = 31 WHERE source_id = 'ben-1'")
        told = [note.payload for note in listener.notifies(timeout=0.5)]
    assert len(told) == 1, "only the update"


async def test_takes_as_many_folds_as_it_needs(
    school: Database, engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    pending = value(school, "SELECT count(*) FROM attempt_deltas")
    monkeypatch.setattr(fold, "MAX_CHANGES", 3)
    assert await fold_pending(engine) == pending
    assert value(school, "SELECT count(*) FROM attempt_deltas") == 0
    assert value(school, "SELECT max(version) FROM user_totals") >= pending // 3


async def test_stops_between_two_folds(school: Database, engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fold, "MAX_CHANGES", 3)
    stop = asyncio.Event()

    fold_once = fold.fold_changes

    async def fold_and_stop(connection: AsyncConnection, most: int) -> int:
        stop.set()
        return await fold_once(connection, most)

    monkeypatch.setattr(fold, "fold_changes", fold_and_stop)
    assert await fold_pending(engine, stop) == 3


async def test_idle_costs_no_number(school: Database, engine: AsyncEngine) -> None:
    await fold_pending(engine)
    before = value(school, "SELECT last_value FROM fold_version")
    assert await fold_pending(engine) == 0
    assert value(school, "SELECT last_value FROM fold_version") == before


async def test_leaves_the_fold_to_another_worker_that_is_at_it(school: Database, engine: AsyncEngine) -> None:
    with school.connect(None) as other, other.transaction():
        other.execute("SELECT pg_advisory_xact_lock(hashtext('scoregraph.fold'))")
        assert await fold_pending(engine) == 0
    assert await fold_pending(engine) > 0


async def test_several_workers_at_once_fold_everything_once(
    school: Database, engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fold, "MAX_CHANGES", 2)
    pending = value(school, "SELECT count(*) FROM attempt_deltas")
    folded = 0
    while value(school, "SELECT count(*) FROM attempt_deltas"):
        folded += sum(await asyncio.gather(*(fold_pending(engine) for _ in range(4))))
    assert folded == pending
    assert value(school, "SELECT sum(attempts) FROM user_totals") == value(
        school, "SELECT count(*) FROM attempts WHERE status <> 'STARTED' AND deleted_at IS NULL"
    )
