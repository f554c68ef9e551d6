"""Batches of scores over a period."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from db.batch import Batch, value_of_each
from db.queries.measures import MEASURES, Measures
from db.queries.scores import get_period_performance
from db.queries.users import user_totals
from db.rows import row_type
from db.snapshot import Snapshot

load_level_by_user: Batch[int | None] = Batch(lambda: user_totals(frozenset({"experience_level"})), value_of_each)
"""All-time levels; None for a person whom the viewer may not see."""
PERIOD_ROW = row_type(("user_id", *MEASURES, "ranking_score", "experience_level"))


async def load_period_totals_by_user(
    snapshot: Snapshot, user_ids: list[int], start: datetime, end: datetime
) -> list[Any]:
    """Rows of the measures of [start, end), the rounded score over the tasks completed in it, and the level of all time; None
    for a person whom the viewer may not see.
    """
    found = await get_period_performance(snapshot, user_ids, start, end)
    levels = await load_level_by_user(snapshot, user_ids)
    rows = []
    for key, level in zip(user_ids, levels, strict=True):
        measures, ranking_score = found.get(key, (Measures(), None))
        rows.append(None if level is None else PERIOD_ROW(key, *measures, ranking_score, level))
    return rows
