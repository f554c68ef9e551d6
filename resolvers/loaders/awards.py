"""Batches of awards, and of how far people are."""

from __future__ import annotations

from datetime import datetime

from db.batch import Batch, page_of_each, row_of_each
from db.keyset import Rows
from db.queries.award_rules import AwardKind
from db.queries.awards import (
    AwardRow,
    DefinitionRow,
    ProgressRow,
    StreakRow,
    awards_by_user,
    count_awards,
    count_holders,
    definitions_by_id,
    get_awards,
    get_progress,
    get_streaks,
)
from db.snapshot import Snapshot


async def load_award_by_id(snapshot: Snapshot, ids: list[int]) -> list[AwardRow | None]:
    rows = {row.id: row for row in await get_awards(snapshot, ids)}
    return [rows.get(key) for key in ids]


load_definition_by_id: Batch[DefinitionRow | None] = Batch(definitions_by_id, row_of_each(DefinitionRow))
"""Takes the wanted columns."""


async def load_holder_count_by_definition(snapshot: Snapshot, ids: list[int]) -> list[int]:
    counts = await count_holders(snapshot, ids)
    return [counts.get(key, 0) for key in ids]


load_awards_by_user: Batch[Rows[AwardRow]] = Batch(awards_by_user, page_of_each(AwardRow))
"""The same page of each person."""


async def load_award_count_by_user(
    snapshot: Snapshot, keys: list[int], kind: AwardKind, include_revoked: bool
) -> list[int]:
    counts = await count_awards(snapshot, keys, kind, include_revoked)
    return [counts.get(key, 0) for key in keys]


async def load_streaks_by_user(snapshot: Snapshot, keys: list[int], at: datetime) -> list[list[StreakRow]]:
    found = await get_streaks(snapshot, keys, at)
    return [found.get(key, []) for key in keys]


async def load_progress_by_user(snapshot: Snapshot, keys: list[int], at: datetime) -> list[list[ProgressRow]]:
    found = await get_progress(snapshot, keys, at)
    return [found.get(key, []) for key in keys]
