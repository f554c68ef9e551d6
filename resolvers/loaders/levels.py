"""Batches of levels."""

from __future__ import annotations

from db.queries.levels import LevelRow, get_levels
from db.snapshot import Snapshot


async def load_level_by_id(snapshot: Snapshot, ids: list[int]) -> list[LevelRow | None]:
    rows = {row.id: row for row in await get_levels(snapshot, ids)}
    return [rows.get(key) for key in ids]
