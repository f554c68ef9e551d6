"""Batches of memberships."""

from __future__ import annotations

from typing import Any

from db.keyset import Page
from db.queries.memberships import (
    MembershipRow,
    MembershipSide,
    count_memberships,
    get_memberships,
    list_memberships,
)
from db.snapshot import Snapshot


async def load_membership_by_id(snapshot: Snapshot, ids: list[int]) -> list[MembershipRow | None]:
    rows = {row.id: row for row in await get_memberships(snapshot, ids)}
    return [rows.get(key) for key in ids]


async def load_memberships_by_side(
    snapshot: Snapshot, keys: list[int], side: MembershipSide, include_ended: bool, page: Page
) -> list[list[tuple[MembershipRow, tuple[Any, ...]]]]:
    """The same page of each group or person, as ``paged`` gives one."""
    found = await list_memberships(snapshot, side, keys, include_ended, page)
    return [found.get(key, []) for key in keys]


async def load_membership_count_by_side(
    snapshot: Snapshot, keys: list[int], side: MembershipSide, include_ended: bool
) -> list[int]:
    counts = await count_memberships(snapshot, side, keys, include_ended)
    return [counts.get(key, 0) for key in keys]
