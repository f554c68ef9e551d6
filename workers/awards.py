"""Awards badges and milestones for what changed, once it was folded."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime

import structlog
from procrastinate import Blueprint, JobContext
from sqlalchemy.ext.asyncio import AsyncEngine

from db.queries.award_grants import tell_granted
from db.queries.award_rules import mark_all, settle_awards, take_marked
from workers.loop import rest
from workers.means import Queue, means_of

MOST_PEOPLE = 200
"""How many are looked at in one transaction: a fraction of a second."""

RESTS = 9
"""How many times as long as it took to look, the loop rests: whatever comes in, awards take a tenth of the time of one core.
Those for whom more comes in meanwhile are looked at once for all of it.
"""

jobs = Blueprint()
log = structlog.get_logger(__name__)


@jobs.task(name="recompute", queue=Queue.MAINTENANCE, queueing_lock="awards:recompute", pass_context=True)
async def recompute(context: JobContext, timestamp: int | None = None) -> None:
    """Looks at everybody. Awards that are there stay, unless nothing speaks for them."""
    engine = means_of(context).engine
    async with engine.begin() as connection:
        people = await mark_all(connection)
    while await award_some(engine, wait=True):
        pass
    log.info("awards_recomputed", people=people)


async def award_at_leisure(engine: AsyncEngine, stop: asyncio.Event) -> None:
    """Looks at some, and rests."""
    begun = time.monotonic()
    await award_some(engine)
    await rest(RESTS * (time.monotonic() - begun), stop)


async def award_some(engine: AsyncEngine, *, wait: bool = False) -> int:
    """Looks at some of those whose awards have to be looked at; at how many. At nobody where another worker is at it, unless one
    is to ``wait`` for one's turn.
    """
    at = datetime.now(UTC)
    async with engine.begin() as connection:
        people = await take_marked(connection, MOST_PEOPLE, at, wait=wait)
        new = await settle_awards(connection, people, at) if people else []
        for award in new:
            await tell_granted(connection, award)
    if new:
        log.info("awards_granted", awards=len(new))
    return len(people)
