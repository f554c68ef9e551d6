"""Batches of what people did at each lab and in each topic."""

from __future__ import annotations

from db.batch import Batch, table_of_each
from db.parts import Table
from db.queries.measures import Measures
from db.queries.user_stats import (
    LabExtremes,
    StatsSelection,
    get_archived_tasks,
    get_lab_extremes,
    get_user_lab_measures,
    user_topics,
)
from db.snapshot import Snapshot


async def load_lab_measures_by_user(
    snapshot: Snapshot, user_ids: list[int], selection: StatsSelection
) -> list[dict[int, Measures]]:
    """Of each person by lab."""
    found = await get_user_lab_measures(snapshot, user_ids, selection)
    return [found.get(key, {}) for key in user_ids]


async def load_lab_extremes_by_user(
    snapshot: Snapshot, user_ids: list[int], selection: StatsSelection
) -> list[dict[int, LabExtremes]]:
    """Of each person by lab."""
    found = await get_lab_extremes(snapshot, user_ids, selection)
    return [found.get(key, {}) for key in user_ids]


load_topics_by_user: Batch[Table] = Batch(user_topics, table_of_each)
"""Of each person, by the topic's title."""


async def load_archived_tasks_by_user(
    snapshot: Snapshot, user_ids: list[int], selection: StatsSelection
) -> list[dict[int, int]]:
    """Of each person by topic: tasks completed at labs that are archived now."""
    found = await get_archived_tasks(snapshot, user_ids, selection)
    return [found.get(key, {}) for key in user_ids]
