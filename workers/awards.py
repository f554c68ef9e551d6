"""Awards badges and milestones for what changed, once it was folded."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import structlog
from procrastinate import Blueprint, JobContext
from sqlalchemy.ext.asyncio import AsyncEngine

from db.outbox import EventType, tell
from db.queries.award_rules import Granted, mark_all, settle_awards, take_marked
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


def told_of(award: Granted) -> dict[str, Any]:
    """What others are told of an award."""
    return {
        "userId": award.person,
        "award": award.slug,
        "kind": award.kind,
        "week": award.window_start,
        "achievedAt": award.achieved_at,
        "achievedValue": float(award.achieved_value),
    }


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
            new = await settle_awards(connection, people, at)
            for award in new:
                await tell(
                    connection, EventType.AWARD_GRANTED, award.organization_id, f"users/{award.person}", told_of(award)
                )
        granted += len(new)
    if granted:
        log.info("awards_granted", awards=granted)
    return granted
