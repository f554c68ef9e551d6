"""Batches of tracked events."""

from __future__ import annotations

from db.queries.tracked_events import EventRow, get_events
from db.snapshot import Snapshot


async def load_event_by_id(snapshot: Snapshot, ids: list[int]) -> list[EventRow | None]:
    rows = {row.id: row for row in await get_events(snapshot, ids)}
    return [rows.get(key) for key in ids]
