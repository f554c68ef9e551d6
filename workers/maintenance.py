"""What has to happen now and then."""

from __future__ import annotations

import structlog
from procrastinate import Blueprint, JobContext
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from db.attempt_unparking import organizations_to_unpark, unpark
from db.queries.dead_letters import expire_letters
from db.queries.event_inbox import expire_inbox
from db.queries.maintenance import expire_idempotency_keys
from workers.loop import is_outage
from workers.means import Queue, means_of

jobs = Blueprint()
log = structlog.get_logger(__name__)


@jobs.task(name="maintain", queue=Queue.MAINTENANCE, queueing_lock="maintain", pass_context=True)
async def maintain_now(context: JobContext, timestamp: int) -> None:
    await maintain(means_of(context).engine)


async def maintain(engine: AsyncEngine) -> None:
    """Throws away what is too old, and records parked attempts whose person and lab are known by now."""
    async with engine.begin() as connection:
        expired = await expire_idempotency_keys(connection)
        events = await expire_inbox(connection) + await expire_letters(connection)
        waiting = await organizations_to_unpark(connection)
    if expired:
        log.info("idempotency_keys_expired", keys=expired)
    if events:
        log.info("events_expired", events=events)
    for organization_id in waiting:
        try:
            await _unpark(engine, organization_id)
        except DBAPIError as error:
            if is_outage(error):
                raise
            # What is wrong in one organization must not hold up the others.
            log.error("attempts_not_unparked", organization=organization_id, exc_info=error)


async def _unpark(engine: AsyncEngine, organization_id: int) -> None:
    more = True
    while more:
        async with engine.begin() as connection:
            unparked = await unpark(connection, organization_id)
        log.info("attempts_unparked", organization=organization_id, attempts=unparked.count)
        more = unparked.more
