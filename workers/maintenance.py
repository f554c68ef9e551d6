"""What has to happen now and then."""

from __future__ import annotations

import structlog
from procrastinate import Blueprint, JobContext
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from db.attempt_unparking import organizations_to_unpark, unpark
from db.queries.alert_judging import expire_alerts
from db.queries.audit_log import expire_entries
from db.queries.dead_letters import expire_letters
from db.queries.event_inbox import expire_inbox
from db.queries.jobs import delete_finished_jobs
from db.queries.maintenance import expire_idempotency_keys, warm
from db.queries.operations import forget_lost_workers
from db.queries.outbox import expire_outbox
from db.queries.webhook_deliveries import expire_deliveries
from workers.failures import is_outage
from workers.means import Queue, means_of

JOB_DAYS = 7
"""For how long jobs are remembered that have ended, and workers that were lost."""

ALERT_DAYS = 90
"""For how long alerts are remembered that are resolved."""

jobs = Blueprint()
log = structlog.get_logger(__name__)


@jobs.task(name="clean_up", queue=Queue.MAINTENANCE, queueing_lock="maintenance:clean_up", pass_context=True)
async def clean_up_now(context: JobContext, timestamp: int | None = None) -> None:
    means = means_of(context)
    await clean_up(means.engine)
    if (days := means.settings.audit_retention_days) is not None:
        await expire_audit_trail(means.engine, days)


@jobs.task(name="unpark", queue=Queue.MAINTENANCE, queueing_lock="maintenance:unpark", pass_context=True)
async def unpark_now(context: JobContext, timestamp: int | None = None) -> None:
    await unpark_all(means_of(context).engine)


@jobs.task(name="warm", queue=Queue.MAINTENANCE, queueing_lock="maintenance:warm", pass_context=True)
async def warm_now(context: JobContext, timestamp: int | None = None) -> None:
    async with means_of(context).engine.connect() as connection:
        await warm(connection)


async def clean_up(engine: AsyncEngine) -> None:
    """Throws away what is too old."""
    async with engine.begin() as connection:
        keys = await expire_idempotency_keys(connection)
        events = await expire_inbox(connection) + await expire_letters(connection)
    async with engine.begin() as connection:
        unpublished, deliveries = await expire_outbox(connection), await expire_deliveries(connection)
    if unpublished:
        log.warning("events_never_published", events=unpublished)
    async with engine.begin() as connection:
        alerts = await expire_alerts(connection, ALERT_DAYS)
        finished = await delete_finished_jobs(connection, JOB_DAYS)
        lost = await forget_lost_workers(connection, JOB_DAYS)
    if keys or events or deliveries or alerts or finished or lost:
        log.info(
            "cleaned_up",
            idempotency_keys=keys,
            events=events,
            deliveries=deliveries,
            alerts=alerts,
            jobs=finished,
            workers=lost,
        )


async def expire_audit_trail(engine: AsyncEngine, days: int) -> None:
    """Forgets what is older than so many days."""
    async with engine.begin() as connection:
        expired = await expire_entries(connection, days)
    if expired:
        log.info("audit_trail_expired", entries=expired)


async def unpark_all(engine: AsyncEngine) -> None:
    """Records parked attempts whose person and lab are known by now."""
    async with engine.begin() as connection:
        waiting = await organizations_to_unpark(connection)
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
