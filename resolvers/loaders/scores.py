"""Batches of scores over a period."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from db.queries.measures import MEASURES, Measures
from db.queries.scores import get_period_performance
from db.queries.users import get_user_totals
from db.rows import row_type
from db.snapshot import Snapshot

LEVEL = frozenset({"experience_level"})
PERIOD_ROW = row_type(("user_id", *MEASURES, "ranking_score", "experience_level"))


async def load_period_totals_by_user(
    snapshot: Snapshot, user_ids: list[int], start: datetime, end: datetime
) -> list[Any]:
    """Rows of the measures of [start, end), the rounded score over the tasks completed in it, and the level of all time; None
    for a person whom the viewer may not see.
    """
    found = await get_period_performance(snapshot, user_ids, start, end)
    levels = await get_user_totals(snapshot, user_ids, LEVEL)
    rows = []
    for key in user_ids:
        measures, ranking_score = found.get(key, (Measures(), None))
        level = levels.get(key)
        rows.append(level and PERIOD_ROW(key, *measures, ranking_score, level.experience_level))
    return rows
