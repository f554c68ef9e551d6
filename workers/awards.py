"""Awards badges and milestones for what changed, once it was folded."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import structlog
from procrastinate import Blueprint, JobContext
from sqlalchemy.ext.asyncio import AsyncEngine

from db.outbox import EventType, tell
from db.queries.award_rules import Granted, mark_all, settle_awards, take_marked
from workers.means import Queue, means_of

MOST_PEOPLE = 200
"""How many are looked at in one transaction: a fraction of a second. The loop rests after each, so that a flood of attempts is
taken in before it is awarded.
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


async def award_some(engine: AsyncEngine, *, wait: bool = False) -> int:
    """Looks at some of those whose awards have to be looked at; at how many. At nobody where another worker is at it, unless one
    is to ``wait`` for one's turn.
    """
    at = datetime.now(UTC)
    async with engine.begin() as connection:
        people = await take_marked(connection, MOST_PEOPLE, at, wait=wait)
        new = await settle_awards(connection, people, at) if people else []
        for award in new:
            await tell(
                connection, EventType.AWARD_GRANTED, award.organization_id, f"users/{award.person}", told_of(award)
            )
    if new:
        log.info("awards_granted", awards=len(new))
    return len(people)
