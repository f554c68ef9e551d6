"""Batches of assignments and of what single people have to keep."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from db.keyset import Page
from db.queries.assignments import (
    AssignmentRow,
    AssignmentSide,
    ExtensionRow,
    count_assignments_of_each,
    get_assignments,
    get_effective_deadlines,
    get_extensions,
    list_assignments_of_each,
)
from db.snapshot import Snapshot


async def load_assignment_by_id(snapshot: Snapshot, ids: list[int]) -> list[AssignmentRow | None]:
    rows = {row.id: row for row in await get_assignments(snapshot, ids)}
    return [rows.get(key) for key in ids]


async def load_extensions_by_assignment(snapshot: Snapshot, assignment_ids: list[int]) -> list[list[ExtensionRow]]:
    found = await get_extensions(snapshot, assignment_ids)
    return [found.get(key, []) for key in assignment_ids]


async def load_deadline_by_assignment_and_user(
    snapshot: Snapshot, pairs: list[tuple[int, int]]
) -> list[datetime | None]:
    found = await get_effective_deadlines(snapshot, pairs)
    return [found.get(pair) for pair in pairs]


async def load_assignments_by_side(
    snapshot: Snapshot, owners: list[int], side: AssignmentSide, page: Page
) -> list[list[tuple[AssignmentRow, tuple[Any, ...]]]]:
    """The same page of each person or group, as ``list_assignments`` gives it."""
    found = await list_assignments_of_each(snapshot, side, owners, page)
    return [found.get(key, []) for key in owners]


async def load_assignment_count_by_side(snapshot: Snapshot, owners: list[int], side: AssignmentSide) -> list[int]:
    found = await count_assignments_of_each(snapshot, side, owners)
    return [found.get(key, 0) for key in owners]
