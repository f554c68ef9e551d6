"""Batches of saved reports."""

from __future__ import annotations

from db.queries.reports import ReportRow, get_reports
from db.snapshot import Snapshot


async def load_report_by_id(snapshot: Snapshot, ids: list[int]) -> list[ReportRow | None]:
    rows = {row.id: row for row in await get_reports(snapshot, ids)}
    return [rows.get(key) for key in ids]
