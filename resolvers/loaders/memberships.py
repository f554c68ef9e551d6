"""Batches of memberships."""

from __future__ import annotations

from db.batch import Batch, page_of_each
from db.keyset import Rows
from db.queries.memberships import (
    MembershipRow,
    MembershipSide,
    count_memberships,
    get_memberships,
    memberships_by_side,
)
from db.snapshot import Snapshot


async def load_membership_by_id(snapshot: Snapshot, ids: list[int]) -> list[MembershipRow | None]:
    rows = {row.id: row for row in await get_memberships(snapshot, ids)}
    return [rows.get(key) for key in ids]


load_memberships_by_side: Batch[Rows[MembershipRow]] = Batch(memberships_by_side, page_of_each(MembershipRow))
"""The same page of each group or person."""


async def load_membership_count_by_side(
    snapshot: Snapshot, keys: list[int], side: MembershipSide, include_ended: bool
) -> list[int]:
    counts = await count_memberships(snapshot, side, keys, include_ended)
    return [counts.get(key, 0) for key in keys]
