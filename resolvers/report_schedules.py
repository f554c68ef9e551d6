"""When saved reports are made, and to whom they are delivered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, islice
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from db.cron import Cron, CronError
from db.entering import Viewer
from db.export_parameters import ExportKind
from db.queries.deliveries import Target, replace_deliveries_of_schedule
from db.queries.export_jobs import ExportFormat
from db.queries.report_schedules import ScheduleRow, list_schedules
from db.queries.report_writes import (
    LockedReport,
    LockedSchedule,
    count_schedules,
    delete_schedule,
    insert_schedule,
    lock_schedule,
    update_schedule,
)
from db.time_zones import NO_PLACE, is_place
from resolvers.context import Context
from resolvers.deliveries import refuse_targets
from resolvers.errors import NotFound
from resolvers.export_requests import ExportContent, refuse_dialect, shown_of
from resolvers.keyed_changes import Done, refuse_without, written
from resolvers.loaders.report_schedules import load_schedule_by_id
from resolvers.periods import find_zone
from resolvers.permissions import Permission
from resolvers.reports import locked_report, renew
from resolvers.user_errors import InvalidStateError, NotFoundError, Refused, ValidationError

MOST_SCHEDULES = 20
"""Of one report."""
NEXT_RUNS = 5
ID_PATH = ("input", "id")
REPORT_PATH = ("input", "reportId")


@dataclass(frozen=True, slots=True)
class ScheduleDraft:
    """None: as it is, where ``key`` names a schedule that is there. A new one needs all but ``dialect`` and ``enabled``."""

    key: int | None
    report_id: int | None
    format: ExportFormat | None
    dialect: str | None
    cron: str | None
    time_zone: str | None
    deliveries: tuple[Target, ...] | None
    enabled: bool | None


async def resolve_schedule(context: Context, key: int) -> ScheduleRow:
    """Raises NotFound, also for one of a report that the viewer may not see."""
    row = await context.load(load_schedule_by_id, key)
    if row is None:
        raise NotFound("schedule")
    return row


async def resolve_schedules(context: Context) -> Sequence[ScheduleRow]:
    """Those of the reports that the viewer may see. Raises Forbidden."""
    await context.require(Permission.EXPORT)
    return await list_schedules(context.snapshot)


def next_runs(schedule: ScheduleRow) -> list[datetime]:
    """The next few; none while it is paused."""
    first = schedule.next_run_at
    if first is None:
        return []
    following = Cron.parse(schedule.cron).runs_after(first, find_zone(schedule.time_zone))
    return list(islice(chain((first,), following), NEXT_RUNS))


async def resolve_save_schedule(context: Context, draft: ScheduleDraft) -> Done:
    """Saves a new schedule, or what is said anew of one; then it runs again as if it had never failed, unless it is paused.
    Raises Refused, Unauthenticated.
    """

    async def work(connection: AsyncConnection, viewer: Viewer) -> Done:
        refuse_without(viewer, Permission.EXPORT)
        if draft.key is not None:
            schedule = await _locked(connection, draft.key)
            report = await locked_report(connection, schedule.report_id, ID_PATH)
            await renew(connection, context, viewer, report.id)
            await update_schedule(connection, schedule.id, **_merged(draft, schedule))
            key = schedule.id
        else:
            _refuse_missing(draft)
            assert draft.report_id is not None
            report = await locked_report(connection, draft.report_id, REPORT_PATH)
            await renew(connection, context, viewer, report.id)
            count, now = await count_schedules(connection, report.id)
            if count >= MOST_SCHEDULES:
                raise Refused(InvalidStateError(f"It has {MOST_SCHEDULES} schedules already.", REPORT_PATH, "FULL"))
            key = await insert_schedule(
                connection, organization_id=viewer.organization_id, report_id=report.id, **_new(draft, now)
            )
        if draft.deliveries is not None:
            await refuse_targets(
                connection, context.services.settings, viewer, draft.deliveries, *shown_of(_content(report), viewer)
            )
            await replace_deliveries_of_schedule(connection, viewer.organization_id, key, draft.deliveries)
        return Done([key], replayed=False)

    return await written(context, "saveExportSchedule", work)


async def resolve_delete_schedule(context: Context, key: int) -> Done:
    """Its exports stay. Raises Refused, Unauthenticated."""

    async def work(connection: AsyncConnection, viewer: Viewer) -> Done:
        refuse_without(viewer, Permission.EXPORT)
        if not await delete_schedule(connection, key):
            raise Refused(NotFoundError("There is no such schedule.", ID_PATH))
        return Done([key], replayed=False)

    return await written(context, "deleteExportSchedule", work)


async def _locked(connection: AsyncConnection, key: int) -> LockedSchedule:
    schedule = await lock_schedule(connection, key)
    if schedule is None:
        raise Refused(NotFoundError("There is no such schedule.", ID_PATH))
    return schedule


def _refuse_missing(draft: ScheduleDraft) -> None:
    needed = {
        "reportId": draft.report_id,
        "format": draft.format,
        "cron": draft.cron,
        "timeZone": draft.time_zone,
        "deliveries": draft.deliveries,
    }
    errors = [
        ValidationError("A new schedule needs it.", ("input", name), "REQUIRED")
        for name, value in needed.items()
        if value is None
    ]
    if errors:
        raise Refused(*errors)


def _new(draft: ScheduleDraft, now: datetime) -> dict[str, Any]:
    assert draft.format is not None
    assert draft.cron is not None
    assert draft.time_zone is not None
    run = _next(draft.cron, draft.time_zone, now)
    refuse_dialect(draft.format, draft.dialect)
    return {
        "format": draft.format.value,
        "dialect": draft.dialect,
        "cron": draft.cron,
        "time_zone": draft.time_zone,
        "next_run_at": None if draft.enabled is False else run,
    }


def _merged(draft: ScheduleDraft, schedule: LockedSchedule) -> dict[str, Any]:
    """What is said, over what is there. A run that is due already, and not paused, stays due where the times are the same."""
    if draft.report_id is not None and draft.report_id != schedule.report_id:
        raise Refused(ValidationError("A schedule stays with its report.", REPORT_PATH, "CONSISTENCY"))
    format = draft.format or ExportFormat(schedule.format)
    cron, time_zone = draft.cron or schedule.cron, draft.time_zone or schedule.time_zone
    run: datetime | None = _next(cron, time_zone, schedule.now)
    enabled = schedule.next_run_at is not None if draft.enabled is None else draft.enabled
    if (cron, time_zone) == (schedule.cron, schedule.time_zone) and schedule.next_run_at is not None:
        run = schedule.next_run_at
    refuse_dialect(format, draft.dialect)
    return {
        "format": format.value,
        "dialect": draft.dialect or (schedule.dialect if format is ExportFormat.CSV else None),
        "cron": cron,
        "time_zone": time_zone,
        "next_run_at": run if enabled else None,
    }


def _next(cron: str, time_zone: str, now: datetime) -> datetime:
    if not is_place(time_zone):
        raise Refused(ValidationError(NO_PLACE, ("input", "timeZone"), "FORMAT"))
    try:
        return Cron.parse(cron).next_after(now, find_zone(time_zone))
    except CronError as error:
        raise Refused(ValidationError(str(error), ("input", "cron"))) from None


def _content(report: LockedReport) -> ExportContent:
    return ExportContent(ExportKind(report.kind), report.parameters, None)
