"""The schedules of reports, and to whom they deliver, as the owners of the reports see them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select

from db.dependencies import Dependency
from db.keyset import among
from db.models.reports import report_schedules, reports, schedule_deliveries
from db.queries.reports import ON_REPORTS, OWN
from db.snapshot import Snapshot
from db.statement import Statement, sql


class ScheduleRow(NamedTuple):
    """``next_run_at`` is None while it is paused; ``paused_for`` why it was, where nobody did that."""

    id: int
    report_id: int
    format: str
    dialect: str | None
    cron: str
    time_zone: str
    next_run_at: datetime | None
    paused_for: str | None
    created_at: datetime


class ScheduleDeliveryRow(NamedTuple):
    """To whom each run is delivered."""

    schedule_id: int
    channel: str
    masked: str
    attach: bool


COLUMNS = tuple(report_schedules.c[name] for name in ScheduleRow._fields)
_OWN = select(*COLUMNS).join(reports, reports.c.id == report_schedules.c.report_id).where(OWN)
_IN_ORDER = _OWN.order_by(report_schedules.c.id)

SCHEDULES_BY_ID = Statement(_OWN.where(among(report_schedules.c.id, "ids")), ON_REPORTS)
SCHEDULES_BY_REPORT = Statement(_IN_ORDER.where(among(report_schedules.c.report_id, "ids")), ON_REPORTS)
SCHEDULES = Statement(_IN_ORDER, ON_REPORTS)
DELIVERIES_BY_SCHEDULE = Statement(
    select(*(schedule_deliveries.c[name] for name in ScheduleDeliveryRow._fields))
    .where(among(schedule_deliveries.c.schedule_id, "ids"))
    .order_by(schedule_deliveries.c.id),
    ON_REPORTS,
)
LAST_RUNS = sql(
    "SELECT schedule_id, max(id) FROM exports WHERE schedule_id = ANY (:ids) AND (viewer_role() = 'ADMIN'"
    " OR requested_by IS NOT DISTINCT FROM viewer_user_id()) GROUP BY schedule_id",
    Dependency("exports"),
)


async def get_schedules(snapshot: Snapshot, ids: Sequence[int]) -> list[ScheduleRow]:
    return [ScheduleRow(*row) for row in await snapshot.rows(SCHEDULES_BY_ID, ids=ids)]


async def get_schedules_of_reports(snapshot: Snapshot, ids: Sequence[int]) -> list[ScheduleRow]:
    """In the order in which they were made."""
    return [ScheduleRow(*row) for row in await snapshot.rows(SCHEDULES_BY_REPORT, ids=ids)]


async def list_schedules(snapshot: Snapshot) -> list[ScheduleRow]:
    """All that the viewer sees, in the order in which they were made."""
    return [ScheduleRow(*row) for row in await snapshot.rows(SCHEDULES)]


async def get_deliveries_of_schedules(snapshot: Snapshot, ids: Sequence[int]) -> list[ScheduleDeliveryRow]:
    return [ScheduleDeliveryRow(*row) for row in await snapshot.rows(DELIVERIES_BY_SCHEDULE, ids=ids)]


async def get_last_runs(snapshot: Snapshot, ids: Sequence[int]) -> dict[int, int]:
    """The latest export of each schedule that has one."""
    return {row[0]: row[1] for row in await snapshot.rows(LAST_RUNS, ids=ids)}
