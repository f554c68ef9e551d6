"""Schedules: every minute, what is due is asked for, once, by whichever worker looks first.

What was due while no worker ran is asked for once, and marked late (semantics T8).
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import structlog
from procrastinate import Blueprint, JobContext
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from db.cron import Cron, CronError
from db.queries.deliveries import queue_lost_deliveries
from db.queries.export_requests import count_used, lock_requester
from db.queries.report_runs import (
    Due,
    hold,
    insert_run,
    move_on,
    pause,
    refuse_run,
    take_due,
)
from db.relative_period import RelativePeriod
from settings import Settings
from workers.means import Queue, means_of

LATE = timedelta(minutes=5)
"""A run that is asked for so much after it was due is late."""
# SERVICE is beside them.
FROM_LEAST = ("STUDENT", "TEACHER", "MANAGER", "ADMIN")

jobs = Blueprint()
log = structlog.get_logger(__name__)


@jobs.task(name="run_due", queue=Queue.MAINTENANCE, queueing_lock="reports:run_due", pass_context=True)
async def run_due_now(context: JobContext, timestamp: int) -> None:
    means = means_of(context)
    await run_due(means.engine, means.settings)


async def run_due(engine: AsyncEngine, settings: Settings) -> None:
    """Asks for all runs that are due, and anew for deliveries that nobody makes."""
    more = True
    while more:
        # Each in a transaction of its own: the run is there if and only if the schedule has gone on.
        async with engine.begin() as connection:
            due = await take_due(connection)
            more = due is not None
            if due is not None:
                await _run(connection, due, settings.scheduled_exports_per_hour)
    async with engine.begin() as connection:
        lost = await queue_lost_deliveries(connection)
    if lost:
        log.warning("deliveries_queued_again", deliveries=lost)


async def _run(connection: AsyncConnection, due: Due, hourly_limit: int) -> None:
    await lock_requester(connection, due.organization_id, due.subject)
    usage = await count_used(connection, due.organization_id, due.subject, hourly_limit, scheduled=True)
    if usage.retry_at is not None:
        log.info("schedule_held", schedule=due.id)
        await hold(connection, due, usage.retry_at)
        return
    try:
        following = Cron.parse(due.cron).next_after(due.now, ZoneInfo(due.time_zone))
        parameters = _parameters(due)
    except (CronError, ZoneInfoNotFoundError, ValueError) as error:
        # Zones are renamed now and then.
        log.error("schedule_unreadable", schedule=due.id, error=type(error).__name__)
        await pause(connection, due)
        return
    # The export before the schedule: what fails at once may pause it.
    await move_on(connection, due, following)
    is_late = due.now - due.next_run_at > LATE
    export_id = await insert_run(connection, due, parameters, is_late=is_late)
    if _has_become_less(due):
        await refuse_run(connection, export_id, "You are no longer what you were when the report was saved.")
    log.info("schedule_run", schedule=due.id, export=export_id, is_late=is_late)


def _parameters(due: Due) -> dict[str, Any]:
    """What is kept of the report, with its period as instants."""
    # Whatever the report does not say is of the schedule's own zone.
    parameters = {"timeZone": due.time_zone, **due.parameters}
    if due.period is None:
        return parameters
    start, end = RelativePeriod.model_validate(due.period).instants(ZoneInfo(parameters["timeZone"]), due.now)
    return {**parameters, "period": {"from": start, "to": end}}


def _has_become_less(due: Due) -> bool:
    if due.roster_role not in FROM_LEAST or due.role_now not in FROM_LEAST:
        return False
    return FROM_LEAST.index(due.role_now) < FROM_LEAST.index(due.roster_role)
