"""Batches of what people did at each lab and in each topic."""

from __future__ import annotations

from db.queries.measures import Measures
from db.queries.user_stats import (
    LabExtremes,
    StatsSelection,
    UserTopics,
    get_archived_tasks,
    get_lab_extremes,
    get_user_lab_measures,
    get_user_topics,
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


async def load_topics_by_user(
    snapshot: Snapshot, user_ids: list[int], selection: StatsSelection, wanted: frozenset[str] | None
) -> list[UserTopics | None]:
    """Of each person, by column; None for who has none."""
    found = await get_user_topics(snapshot, user_ids, selection, wanted)
    return [found.get(key) for key in user_ids]


async def load_archived_tasks_by_user(
    snapshot: Snapshot, user_ids: list[int], selection: StatsSelection
) -> list[dict[int, int]]:
    """Of each person by topic: tasks completed at labs that are archived now."""
    found = await get_archived_tasks(snapshot, user_ids, selection)
    return [found.get(key, {}) for key in user_ids]
