"""Batches of how the scores of crowds are spread. Keys are ids of groups or organizations, as the crowd says."""

from __future__ import annotations

from decimal import Decimal

from db.queries.statistics import (
    Crowd,
    ScoreCounts,
    ScoreSpread,
    get_score_counts,
    get_score_percentiles,
    get_scores,
    get_spreads,
    get_stored_score_counts,
    get_stored_spreads,
)
from db.snapshot import Snapshot


async def load_stored_spread_by_crowd(snapshot: Snapshot, keys: list[int], crowd: Crowd) -> list[ScoreSpread | None]:
    """None where the materialized view has nothing that the viewer may see."""
    found = await get_stored_spreads(snapshot, crowd, keys)
    return [found.get(key) for key in keys]


async def load_spread_by_crowd(snapshot: Snapshot, keys: list[int], crowd: Crowd) -> list[ScoreSpread]:
    found = await get_spreads(snapshot, crowd, keys)
    return [found.get(key, ScoreSpread()) for key in keys]


async def load_score_percentile_by_crowd(
    snapshot: Snapshot, keys: list[int], crowd: Crowd, p: float
) -> list[float | None]:
    found = await get_score_percentiles(snapshot, crowd, keys, p)
    return [found.get(key) for key in keys]


async def load_stored_score_counts_by_organization(snapshot: Snapshot, keys: list[int]) -> list[ScoreCounts | None]:
    """Between STORED_BOUNDARIES; None where the materialized view has nothing that the viewer may see."""
    found = await get_stored_score_counts(snapshot, keys)
    return [found.get(key) for key in keys]


async def load_score_counts_by_crowd(
    snapshot: Snapshot, keys: list[int], crowd: Crowd, boundaries: tuple[float, ...]
) -> list[ScoreCounts]:
    found = await get_score_counts(snapshot, crowd, keys, boundaries)
    return [found.get(key, ScoreCounts(0, None, (0,) * (len(boundaries) - 1))) for key in keys]


async def load_scores_by_group(snapshot: Snapshot, group_ids: list[int]) -> list[tuple[Decimal, ...]]:
    found = await get_scores(snapshot, group_ids)
    return [found.get(key, ()) for key in group_ids]
