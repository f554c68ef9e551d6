"""How the scores of a group or organization are spread, and whether that is from a materialized view or computed now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise
from math import isfinite

from db.queries.statistics import STORED_BOUNDARIES, STORED_POINTS, Crowd, ScoreCounts, ScoreSpread
from resolvers.context import Context
from resolvers.errors import Invalid
from resolvers.freshness import ViewFreshness, resolve_freshness
from resolvers.loaders.statistics import (
    load_score_counts_by_crowd,
    load_score_percentile_by_crowd,
    load_scores_by_group,
    load_spread_by_crowd,
    load_stored_score_counts_by_organization,
    load_stored_spread_by_crowd,
)
from resolvers.permissions import Permission

FEWEST_BOUNDARIES, MOST_BOUNDARIES = 2, 51


class Consistency(StrEnum):
    """Whether a materialized view is good enough."""

    CACHED = "CACHED"
    LATEST = "LATEST"


@dataclass(frozen=True, slots=True)
class CrowdSpread:
    """``view`` is None where the spread was computed now."""

    crowd: Crowd
    key: int
    spread: ScoreSpread
    view: str | None


@dataclass(frozen=True, slots=True)
class CrowdDistribution:
    """Counts between consecutive ``boundaries``; ``view`` is None where they were computed now."""

    crowd: Crowd
    key: int
    boundaries: tuple[float, ...]
    counts: ScoreCounts
    view: str | None


async def resolve_group_statistics(context: Context, group_id: int, consistency: Consistency) -> CrowdSpread:
    """Of the present members. Raises Forbidden."""
    await context.require(Permission.VIEW_TEAM)
    return await _spread(context, Crowd.GROUP, group_id, consistency, "group_stats")


async def resolve_organization_statistics(
    context: Context, organization_id: int, consistency: Consistency
) -> CrowdSpread:
    """Of the learners whom the viewer may see. Raises Forbidden."""
    crowd = await _organization_crowd(context)
    return await _spread(context, crowd, organization_id, consistency, "organization_stats")


async def resolve_score_percentile(context: Context, of: CrowdSpread, p: float) -> float | None:
    """From the same view as the spread where it keeps ``p``, else computed now. Raises Invalid."""
    if not 0 <= p <= 1:
        raise Invalid("p is a number from 0 to 1: 0.9 is the 90th percentile.", "p")
    if p in STORED_POINTS:
        return of.spread.percentiles[STORED_POINTS.index(p)] if of.spread.percentiles else None
    return await context.load(load_score_percentile_by_crowd, of.key, of.crowd, p)


async def resolve_group_distribution(context: Context, group_id: int, boundaries: Sequence[float]) -> CrowdDistribution:
    """Of the present members; computed now. Raises Forbidden, Invalid."""
    await context.require(Permission.VIEW_TEAM)
    cuts = checked_boundaries(boundaries)
    counts = await context.load(load_score_counts_by_crowd, group_id, Crowd.GROUP, cuts)
    return CrowdDistribution(Crowd.GROUP, group_id, cuts, counts, None)


async def resolve_organization_distribution(
    context: Context, organization_id: int, boundaries: Sequence[float], consistency: Consistency
) -> CrowdDistribution:
    """Of the learners whom the viewer may see. Raises Forbidden, Invalid."""
    crowd, cuts = await _organization_crowd(context), checked_boundaries(boundaries)
    if crowd is Crowd.ORGANIZATION and cuts == STORED_BOUNDARIES and consistency is Consistency.CACHED:
        stored = await context.load(load_stored_score_counts_by_organization, organization_id)
        if stored is not None:
            return CrowdDistribution(crowd, organization_id, cuts, stored, "score_distribution")
    counts = await context.load(load_score_counts_by_crowd, organization_id, crowd, cuts)
    return CrowdDistribution(crowd, organization_id, cuts, counts, None)


async def resolve_scores(context: Context, of: CrowdDistribution) -> tuple[Decimal, ...] | None:
    """Every score of a group, highest first; None for an organization, which may have any number."""
    if of.crowd is not Crowd.GROUP:
        return None
    return await context.load(load_scores_by_group, of.key)


async def resolve_crowd_freshness(context: Context, of: CrowdSpread | CrowdDistribution) -> ViewFreshness:
    return await resolve_freshness(context, of.view)


def checked_boundaries(boundaries: Sequence[float]) -> tuple[float, ...]:
    """Raises Invalid."""
    if not FEWEST_BOUNDARIES <= len(boundaries) <= MOST_BOUNDARIES:
        raise Invalid(f"Give {FEWEST_BOUNDARIES} to {MOST_BOUNDARIES} boundaries.", "boundaries")
    if not all(isfinite(boundary) for boundary in boundaries):
        raise Invalid("Boundaries are finite numbers.", "boundaries")
    if any(a >= b for a, b in pairwise(boundaries)):
        raise Invalid("Boundaries ascend: each is greater than the one before.", "boundaries")
    return tuple(float(boundary) for boundary in boundaries)


async def _organization_crowd(context: Context) -> Crowd:
    viewer = await context.require(Permission.VIEW_TEAM)
    return Crowd.ORGANIZATION if viewer.sees_all else Crowd.VISIBLE


async def _spread(context: Context, crowd: Crowd, key: int, consistency: Consistency, view: str) -> CrowdSpread:
    if consistency is Consistency.CACHED and crowd is not Crowd.VISIBLE:
        stored = await context.load(load_stored_spread_by_crowd, key, crowd)
        if stored is not None:
            return CrowdSpread(crowd, key, stored, view)
    return CrowdSpread(crowd, key, await context.load(load_spread_by_crowd, key, crowd), None)
