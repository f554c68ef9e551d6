"""Checking the rollups against the attempts every day, week and month. Sums are kept up by triggers and folds, so there is nothing
to aggregate; what should differ all the same (a restored backup, a disabled trigger) is mended, and told.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial

import structlog
from procrastinate import Blueprint, JobContext
from prometheus_client import Counter as Figure
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from db.queries.recount import list_organizations, list_people_after, mend_days, mend_totals
from workers.means import Queue, means_of

DAYS, WEEK_DAYS, MONTH_DAYS = 2, 8, 32
"""What each looks at: the period that is over, and what belongs to it in some time zone."""
AT_ONCE = 1_000
"""People whose totals are compared at a time; folds wait meanwhile, for parts of a second."""

MENDED = Figure("rollup_drift_rows", "Rows of rollups that differed from the attempts.", ["rollup"], registry=None)

jobs = Blueprint()
log = structlog.get_logger(__name__)


@jobs.task(name="daily", queue=Queue.MAINTENANCE, queueing_lock="recount:daily", pass_context=True)
async def recount_day(context: JobContext, timestamp: int | None = None) -> None:
    await recount_days(means_of(context).engine, DAYS)


@jobs.task(name="weekly", queue=Queue.MAINTENANCE, queueing_lock="recount:weekly", pass_context=True)
async def recount_week(context: JobContext, timestamp: int | None = None) -> None:
    await recount_days(means_of(context).engine, WEEK_DAYS)


@jobs.task(name="monthly", queue=Queue.MAINTENANCE, queueing_lock="recount:monthly", pass_context=True)
async def recount_month(context: JobContext, timestamp: int | None = None) -> None:
    await recount_days(means_of(context).engine, MONTH_DAYS)
    await recount_totals(means_of(context).engine)


async def recount_days(engine: AsyncEngine, days: int) -> Counter[str]:
    """The sums of the last days; by rollup, how many rows were wrong."""
    found: Counter[str] = Counter()
    for organization_id in await _organizations(engine):
        found += await _mended(engine, partial(mend_days, organization_id=organization_id, days=days))
    return found


async def recount_totals(engine: AsyncEngine) -> Counter[str]:
    """The sums of everybody, over all time; likewise."""
    found: Counter[str] = Counter()
    for organization_id in await _organizations(engine):
        after = 0
        while True:
            async with engine.connect() as connection:
                people = await list_people_after(connection, organization_id, after, AT_ONCE)
            if not people:
                break
            first, after = people[0], people[-1]
            found += await _mended(
                engine, partial(mend_totals, organization_id=organization_id, first=first, last=after)
            )
    return found


async def _organizations(engine: AsyncEngine) -> list[int]:
    async with engine.connect() as connection:
        return await list_organizations(connection)


async def _mended(engine: AsyncEngine, mend: Callable[[AsyncConnection], Awaitable[dict[str, int]]]) -> Counter[str]:
    async with engine.begin() as connection:
        mended = await mend(connection)
    for rollup, rows in mended.items():
        if rows:
            log.error("rollup_mended", rollup=rollup, rows=rows)
            MENDED.labels(rollup).inc(rows)
    return Counter(mended)
