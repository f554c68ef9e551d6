"""How the scores of a group or organization are spread."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from typing import Annotated, Self

import strawberry

from db.queries.statistics import STORED_BOUNDARIES, STORED_POINTS, ScoreSpread
from resolvers.statistics import (
    FEWEST_BOUNDARIES,
    MOST_BOUNDARIES,
    Consistency,
    CrowdDistribution,
    CrowdSpread,
    resolve_crowd_freshness,
    resolve_score_percentile,
    resolve_scores,
)
from schema.costs import cost, one_between
from schema.enums import describe_enum
from schema.freshness import Freshness
from schema.relay import Info

__all__ = [
    "BUCKETED",
    "DEFAULT_BOUNDARIES",
    "Boundaries",
    "Consistency",
    "ConsistencyArgument",
    "ScoreDistribution",
    "ScoreStatistics",
]

DEFAULT_BOUNDARIES = list(STORED_BOUNDARIES)
MEDIAN = STORED_POINTS.index(0.5)

describe_enum(
    Consistency,
    "Consistency",
    "How fresh statistics must be.",
    {
        "CACHED": "From a materialized view where there is one; `freshness` says of when.",
        "LATEST": "Computed for this answer.",
    },
)

ConsistencyArgument = Annotated[Consistency, strawberry.argument(description="How fresh it must be.")]
Boundaries = Annotated[
    list[float],
    strawberry.argument(
        description=f"Where buckets begin and end: {FEWEST_BOUNDARIES} to {MOST_BOUNDARIES} ascending numbers."
    ),
]

BUCKETED = one_between("boundaries", len(DEFAULT_BOUNDARIES) - 1, "buckets")
"""Of a field that answers with a distribution."""


@strawberry.type(
    description="How all-time scores (0–100, not rounded) are spread over active people. Everything but the counts is null "
    "without any score."
)
class ScoreStatistics:
    of: strawberry.Private[CrowdSpread]
    count: int = strawberry.field(description="People with a score.")
    unscored: int = strawberry.field(description="People without one.")
    average: float | None = strawberry.field(description="Mean score.")
    median: float | None = strawberry.field(description="Half of the scores do not exceed it; between two, their mean.")
    std_deviation: float | None = strawberry.field(description="Population standard deviation; 0 for a single score.")
    min: float | None = strawberry.field(description="The lowest score.")
    max: float | None = strawberry.field(description="The highest score.")
    range: float | None = strawberry.field(description="Highest − lowest.")

    @classmethod
    def from_spread(cls, of: CrowdSpread) -> Self:
        spread = of.spread
        return cls(
            of=of,
            count=spread.scored,
            unscored=spread.people - spread.scored,
            average=_shown(spread.mean),
            median=spread.percentiles[MEDIAN] if spread.percentiles else None,
            std_deviation=_shown(spread.deviation),
            min=_shown(spread.min),
            max=_shown(spread.max),
            range=_range(spread),
        )

    @strawberry.field(
        description="The score that a part `p` of the scores do not exceed, interpolated between scores. As fresh as the "
        f"rest for p of {', '.join(map(str, STORED_POINTS))}; computed for this answer for any other.",
        directives=[cost(100)],
    )
    async def percentile(
        self,
        info: Info,
        p: Annotated[float, strawberry.argument(description="From 0 to 1: 0.9 is the 90th percentile.")],
    ) -> float | None:
        return await resolve_score_percentile(info.context, self.of, p)

    @strawberry.field(description="How fresh the numbers are.")
    async def freshness(self, info: Info) -> Freshness | None:
        return Freshness.from_view(await resolve_crowd_freshness(info.context, self.of))


@strawberry.type(description="How many scores lie in [from, to); the last bucket also has its `to`.")
class ScoreBucket:
    from_: float = strawberry.field(name="from", description="The lowest score in it.")
    to: float = strawberry.field(description="The lowest score above it.")
    label: str = strawberry.field(description="Names it, as 20-40.")
    count: int = strawberry.field(description="How many people.")


@strawberry.type(
    description="How many active people have an all-time score between which boundaries. Scores are put into buckets before "
    "they are rounded; those outside of all boundaries are in none."
)
class ScoreDistribution:
    of: strawberry.Private[CrowdDistribution]
    total_members: int = strawberry.field(description="All people, also those without a score.")
    average_score: float | None = strawberry.field(description="Mean score; null without any.")
    buckets: list[ScoreBucket] = strawberry.field(description="The buckets in ascending order.")

    @classmethod
    def from_counts(cls, of: CrowdDistribution) -> Self:
        return cls(
            of=of,
            total_members=of.counts.people,
            average_score=_shown(of.counts.mean),
            buckets=[
                ScoreBucket(from_=start, to=end, label=f"{start:.15g}-{end:.15g}", count=count)
                for (start, end), count in zip(pairwise(of.boundaries), of.counts.counts, strict=True)
            ],
        )

    @strawberry.field(
        description="Of a group: every score to one decimal, highest first. Null for an organization.",
        directives=[cost(20)],
    )
    async def scores(self, info: Info) -> list[float] | None:
        scores = await resolve_scores(info.context, self.of)
        return None if scores is None else [float(score) for score in scores]

    @strawberry.field(description="How fresh the counts and the mean are.")
    async def freshness(self, info: Info) -> Freshness | None:
        return Freshness.from_view(await resolve_crowd_freshness(info.context, self.of))


def _shown(value: Decimal | None) -> float | None:
    return None if value is None else float(value)


def _range(spread: ScoreSpread) -> float | None:
    return None if spread.min is None or spread.max is None else float(spread.max - spread.min)
