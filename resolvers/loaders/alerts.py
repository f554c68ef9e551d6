"""Batches of alerts."""

from __future__ import annotations

from db.queries.alerts import AlertRow, get_alerts
from db.snapshot import Snapshot


async def load_alert_by_id(snapshot: Snapshot, ids: list[int]) -> list[AlertRow | None]:
    rows = {row.id: row for row in await get_alerts(snapshot, ids)}
    return [rows.get(key) for key in ids]
