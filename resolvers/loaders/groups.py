"""Batches of groups, their leads and their members."""

from __future__ import annotations

from typing import Any

from db.keyset import Page, SortKey
from db.queries.groups import GroupRow, get_groups, get_leads, get_present_members
from db.queries.users import UserRow, UserSelection, count_users_by_group, list_users_by_group
from db.snapshot import Snapshot


async def load_group_by_id(
    snapshot: Snapshot, ids: list[int], wanted: frozenset[str] | None = None
) -> list[GroupRow | None]:
    """With ``wanted``, rows of the id and these columns alone."""
    rows = await get_groups(snapshot, ids, wanted)
    return [rows.get(key) for key in ids]


async def load_leads_by_group(snapshot: Snapshot, group_ids: list[int]) -> list[list[UserRow]]:
    leads = await get_leads(snapshot, group_ids)
    return [leads.get(key, []) for key in group_ids]


async def load_members_by_group(
    snapshot: Snapshot, group_ids: list[int], selection: UserSelection, order: tuple[SortKey, ...], page: Page
) -> list[list[tuple[UserRow, tuple[Any, ...]]]]:
    """The same page of each group, as ``paged`` gives one."""
    members = await list_users_by_group(snapshot, group_ids, selection, order, page)
    return [members.get(key, []) for key in group_ids]


async def load_member_count_by_group(snapshot: Snapshot, group_ids: list[int], selection: UserSelection) -> list[int]:
    counts = await count_users_by_group(snapshot, group_ids, selection)
    return [counts.get(key, 0) for key in group_ids]


async def load_present_members_by_group(
    snapshot: Snapshot, group_ids: list[int], user_ids: tuple[int, ...]
) -> list[frozenset[int]]:
    """Which of the people are present, active members of each group."""
    pairs = await get_present_members(snapshot, group_ids, user_ids)
    return [frozenset(user_id for group_id, user_id in pairs if group_id == key) for key in group_ids]
