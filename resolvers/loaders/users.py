"""Batches of people, their totals and their ranks."""

from __future__ import annotations

from db.queries.users import (
    Ranking,
    UserRow,
    UserTotals,
    get_rankings,
    get_user_totals,
    get_users,
)
from db.snapshot import Snapshot


async def load_user_by_id(snapshot: Snapshot, ids: list[int]) -> list[UserRow | None]:
    rows = {row.id: row for row in await get_users(snapshot, ids)}
    return [rows.get(key) for key in ids]


async def load_user_totals_by_id(snapshot: Snapshot, ids: list[int]) -> list[UserTotals | None]:
    totals = {row.user_id: row for row in await get_user_totals(snapshot, ids)}
    return [totals.get(key) for key in ids]


async def load_ranking_by_user(snapshot: Snapshot, ids: list[int]) -> list[Ranking | None]:
    rankings = await get_rankings(snapshot, ids)
    return [rankings.get(key) for key in ids]
