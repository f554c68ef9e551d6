"""Batches of schedules, and of what belongs to them."""

from __future__ import annotations

from collections import defaultdict

from db.queries.report_schedules import (
    ScheduleDeliveryRow,
    ScheduleRow,
    get_deliveries_of_schedules,
    get_last_runs,
    get_schedules,
    get_schedules_of_reports,
)
from db.snapshot import Snapshot


async def load_schedule_by_id(snapshot: Snapshot, ids: list[int]) -> list[ScheduleRow | None]:
    rows = {row.id: row for row in await get_schedules(snapshot, ids)}
    return [rows.get(key) for key in ids]


async def load_schedules_by_report(snapshot: Snapshot, ids: list[int]) -> list[list[ScheduleRow]]:
    found = defaultdict(list)
    for row in await get_schedules_of_reports(snapshot, ids):
        found[row.report_id].append(row)
    return [found[key] for key in ids]


async def load_deliveries_by_schedule(snapshot: Snapshot, ids: list[int]) -> list[list[ScheduleDeliveryRow]]:
    found = defaultdict(list)
    for row in await get_deliveries_of_schedules(snapshot, ids):
        found[row.schedule_id].append(row)
    return [found[key] for key in ids]


async def load_last_run_by_schedule(snapshot: Snapshot, ids: list[int]) -> list[int | None]:
    """Ids of exports."""
    found = await get_last_runs(snapshot, ids)
    return [found.get(key) for key in ids]
