"""Batches of exports."""

from __future__ import annotations

from db.queries.export_jobs import ExportRow, get_exports
from db.snapshot import Snapshot


async def load_export_by_id(snapshot: Snapshot, ids: list[int]) -> list[ExportRow | None]:
    rows = {row.id: row for row in await get_exports(snapshot, ids)}
    return [rows.get(key) for key in ids]
