"""Keeping what is known of the platform: room for what comes, no more than METRICS_RETENTION_DAYS of what was."""

from __future__ import annotations

import structlog
from procrastinate import Blueprint, JobContext
from sqlalchemy.ext.asyncio import AsyncEngine

from db.queries.platform_retention import combine_requests, delete_old_rows, tend_partitions
from settings import Settings
from workers.means import Queue, means_of

BATCH = 20_000
"""Rows that are deleted in one transaction, of each table."""

jobs = Blueprint()
log = structlog.get_logger(__name__)


@jobs.task(name="tend", queue=Queue.MAINTENANCE, queueing_lock="platform:tend", pass_context=True)
async def tend_now(context: JobContext, timestamp: int | None = None) -> None:
    means = means_of(context)
    await tend(means.engine, means.settings)


async def tend(engine: AsyncEngine, settings: Settings) -> None:
    """Makes and drops partitions, deletes what is too old in those that are kept, and puts minutes of requests together."""
    days = settings.metrics_retention_days
    # Partitions first: what goes with one need not be deleted row by row.
    changes = await _partition(engine, days)
    deleted = more = await _delete(engine, days)
    while more >= BATCH:
        deleted += (more := await _delete(engine, days))
    async with engine.begin() as connection:
        combined = await combine_requests(connection, settings.metrics_aggregation_interval)
    if changes or deleted or combined:
        log.info("platform_tended", partitions=changes, rows_deleted=deleted, rows_combined=combined)


async def _partition(engine: AsyncEngine, days: int) -> dict[str, str]:
    """What became of partitions, by name."""
    changes: dict[str, str] = {}
    is_done = False
    while not is_done:
        async with engine.begin() as connection:
            made = dict(await tend_partitions(connection, days))
        changes |= made
        is_done = set(made.values()) <= {"BUSY"}
    return changes


async def _delete(engine: AsyncEngine, days: int) -> int:
    async with engine.begin() as connection:
        return await delete_old_rows(connection, days, BATCH)
