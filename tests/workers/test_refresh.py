"""Which views are refreshed when, and what becomes of one that fails."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from db.changes import CHANNEL
from tests.conftest import Database
from tests.workers.asking import execute, value
from workers.fold import fold_pending
from workers.refresh import refresh_due, refresh_named

VIEWS = {
    "group_stats",
    "lab_stats",
    "level_stats",
    "organization_stats",
    "score_distribution",
    "score_ranks",
    "topic_stats",
}
FLUSHED = "SELECT pg_stat_force_next_flush()"


@pytest.fixture
async def fresh(school: Database, engine: AsyncEngine) -> Database:
    """Everything folded, refreshed, and the counts of written rows told."""
    await settle(engine)
    await refresh_due(engine, 0)
    return school


async def settle(engine: AsyncEngine) -> None:
    await fold_pending(engine)
    # Closing its connections makes the server count what they wrote.
    await engine.dispose()
    for _ in range(5):
        async with engine.connect() as connection:
            await connection.exec_driver_sql(FLUSHED)
        await asyncio.sleep(0.02)


async def due(engine: AsyncEngine, seconds: float = 0) -> set[str]:
    return set(await refresh_due(engine, seconds))


async def test_refreshes_what_never_was(school: Database, engine: AsyncEngine) -> None:
    await fold_pending(engine)
    assert await due(engine, 3600) >= VIEWS
    assert value(school, "SELECT min(version) FROM view_refreshes") == 1
    assert value(school, "SELECT count(*) FROM internal.score_ranks") == 4


async def test_nothing_changed_nothing_is_done(fresh: Database, engine: AsyncEngine) -> None:
    assert await due(engine) == set()


async def test_not_before_its_time(fresh: Database, engine: AsyncEngine) -> None:
    execute(fresh, "UPDATE attempts SET score = 1 WHERE source_id = 'ben-1'")
    await settle(engine)
    assert await due(engine, 3600) == set()
    assert await due(engine, 0) >= VIEWS


async def test_a_change_without_numbers_counts(fresh: Database, engine: AsyncEngine) -> None:
    """Errors are in no rollup, so nothing is folded; the labs' common errors are different all the same."""
    execute(fresh, "UPDATE attempts SET errors = ARRAY['E_NEW'] WHERE source_id = 'ben-1'")
    await settle(engine)
    assert value(fresh, "SELECT count(*) FROM attempt_deltas") == 0
    assert {"lab_stats", "topic_stats", "level_stats"} <= await due(engine)
    assert value(fresh, "SELECT count(*) FROM internal.lab_stats WHERE common_errors::text LIKE '%%E_NEW%%'") == 1


async def test_a_lab_that_changes_its_topic_counts(fresh: Database, engine: AsyncEngine) -> None:
    execute(fresh, "DELETE FROM lab_topics WHERE lab_id IN (SELECT id FROM labs WHERE type = 'l1')")
    await settle(engine)
    assert await due(engine) == {"topic_stats"}


async def test_memberships_end_by_the_calendar(fresh: Database, engine: AsyncEngine) -> None:
    execute(fresh, "UPDATE group_memberships SET valid_to = clock_timestamp() + interval '1 second'")
    await settle(engine)
    assert await due(engine) == {"group_stats"}
    assert value(fresh, "SELECT count(*) FROM internal.group_stats") > 0
    assert await due(engine) == set()
    await asyncio.sleep(1.1)
    assert await due(engine) == {"group_stats"}
    assert value(fresh, "SELECT count(*) FROM internal.group_stats") == 0


async def test_keeps_the_error_and_goes_on(fresh: Database, engine: AsyncEngine) -> None:
    """Without its policy the owner sees no rows: the view would come out empty, which is refused."""
    execute(fresh, "UPDATE attempts SET score = 2 WHERE source_id = 'ben-1'")
    execute(fresh, "DROP POLICY owner_and_worker ON users")
    execute(fresh, "CREATE POLICY worker ON users TO scoregraph_worker USING (true)")
    await settle(engine)
    refreshed = await due(engine)
    assert "organization_stats" not in refreshed
    assert "score_distribution" in refreshed
    error = value(
        fresh, "SELECT last_error FROM view_refreshes WHERE name = 'organization_stats' AND failed_at IS NOT NULL"
    )
    assert error == 'refreshing "organization_stats" would empty it though its source is not empty'
    assert value(fresh, "SELECT count(*) FROM internal.organization_stats") == 2, "the old contents stay"
    assert await due(engine, 3600) == set(), "not tried again at once"

    execute(fresh, "CREATE POLICY owner ON users TO scoregraph_owner USING (true)")
    assert await due(engine) == {"organization_stats"}
    assert (
        value(fresh, "SELECT count(*) FROM view_refreshes WHERE last_error IS NOT NULL OR failed_at IS NOT NULL") == 0
    )


async def test_several_workers_share_the_views(school: Database, engine: AsyncEngine) -> None:
    await fold_pending(engine)
    shares = await asyncio.gather(*(refresh_due(engine, 3600) for _ in range(3)))
    names = [name for share in shares for name in share]
    assert set(names) >= VIEWS
    assert await due(engine, 3600) == set()


async def test_tells_that_views_are_not_as_they_were(school: Database, engine: AsyncEngine) -> None:
    with school.connect() as listener:
        listener.execute(f"LISTEN {CHANNEL}")
        await refresh_due(engine, 3600)
        told = [note.payload for note in listener.notifies(timeout=10, stop_after=len(VIEWS))]
        assert told == ["views"] * len(VIEWS)
        assert await refresh_due(engine, 3600) == []
        assert list(listener.notifies(timeout=0.2)) == [], "that a view is current still is no change"


async def test_by_name(fresh: Database, engine: AsyncEngine) -> None:
    done: list[tuple[str, str | None]] = []
    await refresh_named(engine, ["lab_stats"], lambda *step: done.append(step))
    assert done == [("lab_stats", None)]
    with pytest.raises(ValueError, match="There is no view nonsense; the views are group_stats, lab_stats"):
        await refresh_named(engine, ["nonsense"], lambda *step: None)
    assert await due(engine) == set()
