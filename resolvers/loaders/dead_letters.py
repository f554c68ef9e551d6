"""Batches of dead letters."""

from __future__ import annotations

from db.queries.dead_letters import SeenLetter, get_letters
from db.snapshot import Snapshot


async def load_dead_letter_by_id(snapshot: Snapshot, ids: list[int]) -> list[SeenLetter | None]:
    rows = {row.id: row for row in await get_letters(snapshot, ids)}
    return [rows.get(key) for key in ids]
