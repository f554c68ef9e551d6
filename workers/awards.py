"""Awards badges and milestones for what changed, once it was folded."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import structlog
from procrastinate import Blueprint, JobContext
from sqlalchemy.ext.asyncio import AsyncEngine

from db.queries.award_rules import mark_all, settle_awards, take_marked
from workers.means import Queue, means_of

MOST_PEOPLE = 200
"""How many are looked at in one transaction: a fraction of a second."""

jobs = Blueprint()
log = structlog.get_logger(__name__)


@jobs.task(name="recompute", queue=Queue.MAINTENANCE, queueing_lock="awards:recompute", pass_context=True)
async def recompute(context: JobContext, timestamp: int | None = None) -> None:
    """Looks at everybody. Awards that are there stay, unless nothing speaks for them."""
    engine = means_of(context).engine
    async with engine.begin() as connection:
        people = await mark_all(connection)
    await award_pending(engine, wait=True)
    log.info("awards_recomputed", people=people)


async def award_pending(engine: AsyncEngine, stop: asyncio.Event | None = None, *, wait: bool = False) -> int:
    """Until nobody is left to look at or ``stop`` is set; how many awards are new. Where another worker is at it that one does
    it all, unless one is to ``wait`` for its turns.
    """
    granted = 0
    while stop is None or not stop.is_set():
        at = datetime.now(UTC)
        async with engine.begin() as connection:
            people = await take_marked(connection, MOST_PEOPLE, at, wait=wait)
            if not people:
                break
            granted += len(await settle_awards(connection, people, at))
    if granted:
        log.info("awards_granted", awards=granted)
    return granted
