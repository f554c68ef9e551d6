"""Batches of what people did at each lab and in each topic."""

from __future__ import annotations

from db.queries.measures import Measures
from db.queries.user_stats import (
    LabExtremes,
    StatsSelection,
    TopicTotals,
    get_lab_extremes,
    get_user_lab_measures,
    get_user_topic_totals,
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


async def load_topic_totals_by_user(
    snapshot: Snapshot, user_ids: list[int], selection: StatsSelection
) -> list[dict[int, TopicTotals]]:
    """Of each person by topic."""
    found = await get_user_topic_totals(snapshot, user_ids, selection)
    return [found.get(key, {}) for key in user_ids]
