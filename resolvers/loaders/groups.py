"""Batches of groups, their leads and their members."""

from __future__ import annotations

from db.batch import Batch, page_of_each, row_of_each
from db.keyset import Rows
from db.queries.groups import GroupRow, get_leads, get_present_members, groups_by_id
from db.queries.users import UserRow, UserSelection, count_users_by_group, users_by_group
from db.snapshot import Snapshot

load_group_by_id: Batch[GroupRow | None] = Batch(groups_by_id, row_of_each(GroupRow))
"""Takes the wanted columns."""
load_members_by_group: Batch[Rows[UserRow]] = Batch(users_by_group, page_of_each(UserRow))
"""The same page of each group."""


async def load_leads_by_group(snapshot: Snapshot, group_ids: list[int]) -> list[list[UserRow]]:
    leads = await get_leads(snapshot, group_ids)
    return [leads.get(key, []) for key in group_ids]


async def load_member_count_by_group(snapshot: Snapshot, group_ids: list[int], selection: UserSelection) -> list[int]:
    counts = await count_users_by_group(snapshot, group_ids, selection)
    return [counts.get(key, 0) for key in group_ids]


async def load_present_members_by_group(
    snapshot: Snapshot, group_ids: list[int], user_ids: tuple[int, ...]
) -> list[frozenset[int]]:
    """Which of the people are present, active members of each group."""
    pairs = await get_present_members(snapshot, group_ids, user_ids)
    return [frozenset(user_id for group_id, user_id in pairs if group_id == key) for key in group_ids]
