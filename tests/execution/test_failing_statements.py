"""A statement that fails on the server fails for those who asked it, and for nobody else of the same request."""

from __future__ import annotations

from pathlib import Path

import asyncpg
import pytest
from structlog.testing import capture_logs

from db.snapshot import Snapshot
from db.statement import sql
from tests.execution.callers import KNOWN
from tests.execution.conftest import School

GOLDEN = Path(__file__).parents[1] / "golden"
PAGES = sorted(path.name for path in GOLDEN.iterdir() if path.is_dir())
RELATIONS = (
    "users",
    "groups",
    "group_memberships",
    "attempts",
    "labs",
    "lab_topics",
    "topics",
    "levels",
    "organizations",
    "user_totals",
    "topic_stats",
    "score_distribution",
    "user_events",
    "api_metrics",
)
TEACHER, MANAGER = KNOWN[0], KNOWN[6]

INSTANT = sql("SELECT now(), count(*) FROM attempts")
FAILING = sql("SELECT 1 / 0")


@pytest.mark.parametrize("page", PAGES)
async def test_both_executors_answer_alike_when_a_statement_fails(lively_school: School, page: str) -> None:
    text = (GOLDEN / page / "query.graphql").read_text()
    told = 0
    try:
        for lively_school.pool.broken in RELATIONS:
            for caller in (TEACHER, MANAGER):
                # Writing each failure out takes longer than all else.
                with capture_logs():
                    answer, _ = await lively_school.both(text, caller)
                codes = {(error.extensions or {})["code"] for error in answer.errors or ()}
                assert codes <= {"INTERNAL", "FORBIDDEN"}
                told += "INTERNAL" in codes
    finally:
        lively_school.pool.broken = None
    assert told


async def test_a_statement_that_fails_takes_nothing_along(lively_school: School) -> None:
    """Neither the snapshot, nor its instant, nor who is asking."""
    ask = lively_school.ask
    snapshot = Snapshot(ask.services.read_pool, ask.context("ben", "STUDENT").caller)
    before = await snapshot.rows(INSTANT)
    with ask.database.connect() as owner:
        owner.execute(
            """INSERT INTO attempts (organization_id, user_id, lab_id, status, completed_at)
            SELECT organization_id, user_id, lab_id, status, completed_at FROM attempts WHERE source_id = 'ben-3'"""
        )
        with pytest.raises(asyncpg.DivisionByZeroError):
            await snapshot.rows(FAILING)
        assert await snapshot.rows(INSTANT) == before
        owner.execute("DELETE FROM attempts WHERE source_id IS NULL")
    with pytest.raises(asyncpg.DivisionByZeroError):
        await snapshot.rows(FAILING)
    assert await snapshot.rows(INSTANT) == before
    await snapshot.aclose()
    assert lively_school.pool.in_use == 0
