"""Checking the rollups against the attempts."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.conftest import Database
from tests.db.exactness import Reader
from tests.workers.asking import execute, value
from workers.fold import fold_pending
from workers.recount import DAYS, MONTH_DAYS, recount_days, recount_totals

RECENT = """
INSERT INTO attempts (organization_id, user_id, lab_id, status, completed_at, score)
SELECT u.organization_id, u.id, l.id, 'SUCCEEDED', now() - n * interval '6 hours', n
FROM users u JOIN labs l USING (organization_id), generate_series(0, 30) AS n
"""
SPOILED = {
    "user_days": "UPDATE user_days SET attempts = attempts + 1, score_sum = 7 WHERE day >= current_date - 1",
    "lab_days": "DELETE FROM lab_days WHERE day >= current_date - 1",
    "user_totals": "UPDATE user_totals SET tasks = tasks + 2 WHERE attempts > 0",
    "user_lab_totals": "DELETE FROM user_lab_totals",
    "user_topic_totals": "UPDATE user_topic_totals SET hints = 99",
}


def exact(database: Database) -> None:
    reader = Reader(database)
    try:
        reader.check()
    finally:
        reader.close()


async def test_finds_nothing_where_nothing_is_wrong(school: Database, engine: AsyncEngine) -> None:
    execute(school, RECENT)
    for _ in range(2):  # first with changes that wait to be folded
        assert +(await recount_days(engine, 10_000)) == Counter()
        assert +(await recount_totals(engine)) == Counter()
        await fold_pending(engine)


@pytest.mark.parametrize("rollup", SPOILED)
@pytest.mark.parametrize("is_folded", [True, False])
async def test_mends_what_differs(rollup: str, is_folded: bool, school: Database, engine: AsyncEngine) -> None:
    execute(school, RECENT)
    await fold_pending(engine)
    if not is_folded:
        execute(school, "UPDATE attempts SET score = 50 WHERE source IS NULL OR score > 3")
    execute(school, SPOILED[rollup])
    with pytest.raises(AssertionError):
        exact(school)
    found = +(await recount_days(engine, MONTH_DAYS) + await recount_totals(engine))
    assert set(found) == {rollup}
    exact(school)
    await fold_pending(engine)
    exact(school)


async def test_a_day_looks_no_further_back(school: Database, engine: AsyncEngine) -> None:
    execute(school, RECENT)
    await fold_pending(engine)
    execute(school, "UPDATE user_days SET attempts = 1000 WHERE day = current_date - 5")
    assert +(await recount_days(engine, DAYS)) == Counter()
    wrong = value(school, "SELECT count(*) FROM user_days WHERE attempts = 1000")
    assert wrong
    assert (await recount_days(engine, MONTH_DAYS))["user_days"] == wrong


async def test_others_write_and_fold_meanwhile(school: Database, engine: AsyncEngine) -> None:
    async def write() -> None:
        for _ in range(5):
            await asyncio.to_thread(execute, school, RECENT)
            await fold_pending(engine)

    async def recount() -> None:
        for _ in range(5):
            assert +(await recount_days(engine, MONTH_DAYS) + await recount_totals(engine)) == Counter()

    await asyncio.gather(write(), recount())
    exact(school)
