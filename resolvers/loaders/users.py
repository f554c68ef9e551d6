"""Batches of people, their totals and their ranks."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from db.queries.users import (
    Ranking,
    UserRow,
    get_rankings,
    get_user_totals,
    get_users,
)
from db.snapshot import Snapshot


async def load_user_by_id(
    snapshot: Snapshot, ids: list[int], wanted: frozenset[str] | None = None
) -> list[UserRow | None]:
    """With ``wanted``, rows of the id and these columns alone."""
    rows = await get_users(snapshot, ids, wanted)
    return [rows.get(key) for key in ids]


async def load_user_totals_by_id(snapshot: Snapshot, ids: list[int], wanted: frozenset[str] | None = None) -> list[Any]:
    """Rows of the wanted all-time totals (None: all); None for a person whom the viewer may not see."""
    totals = await get_user_totals(snapshot, ids, wanted)
    return [totals.get(key) for key in ids]


async def load_ranking_score_by_user(snapshot: Snapshot, ids: list[int]) -> list[Decimal | None]:
    """All-time scores as displayed; None without one."""
    found = await get_user_totals(snapshot, ids, frozenset({"ranking_score"}))
    return [found[key].ranking_score if key in found else None for key in ids]


async def load_tasks_by_user(snapshot: Snapshot, ids: list[int]) -> list[int | None]:
    """Tasks completed over all time; None for a person whom the viewer may not see."""
    found = await get_user_totals(snapshot, ids, frozenset({"tasks"}))
    return [found[key].tasks if key in found else None for key in ids]


async def load_ranking_by_user(snapshot: Snapshot, ids: list[int]) -> list[Ranking | None]:
    rankings = await get_rankings(snapshot, ids)
    return [rankings.get(key) for key in ids]
