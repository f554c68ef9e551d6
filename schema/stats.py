"""Statistics of a set of attempts, whatever it was gathered by."""

from __future__ import annotations

from typing import Annotated

import strawberry

from db.queries.measures import Measures, ratio
from db.queries.order_statistics import MOST_ERRORS, PercentileMeasure
from resolvers.stats import OrderStatistics, resolve_common_errors, resolve_percentile
from schema.costs import BY_FIRST, cost
from schema.enums import describe_enum
from schema.freshness import Freshness
from schema.measures import AttemptMeasures
from schema.periods import PeriodInput
from schema.relay import Info
from schema.scalars import BigInt

__all__ = ["AttemptStats", "ErrorFrequency", "PercentileMeasure", "StatsPeriod"]

StatsPeriod = Annotated[
    PeriodInput | None,
    strawberry.argument(
        description="Only attempts completed in this period; all time by default.", directives=[cost(50)]
    ),
]

describe_enum(
    PercentileMeasure,
    "PercentileMeasure",
    "What percentiles are taken of.",
    {
        "COMPLETION_TIME_SECONDS": "Time of an attempt in seconds; durations over 30 days are left out.",
        "SCORE": "Score of an attempt, 0–100.",
    },
)


@strawberry.type(description="An error and how many attempts met it.")
class ErrorFrequency:
    code: str = strawberry.field(description="The error's code, as attempts report it.")
    attempts: BigInt = strawberry.field(description="Attempts that met it; one that met it twice counts once.")
    share: float = strawberry.field(description="The same / all finished attempts, 0–1. Shares can add up to over 1.")


@strawberry.type(
    description="Statistics of a set of finished attempts, of those that the viewer may see. A ratio or mean over nothing "
    "is null, never 0. Counts, rates and means are exact at the instant of the answer; `freshness` speaks of the people, "
    "errors and percentiles, which may be from a materialized view for viewers who see the whole organization."
)
class AttemptStats:
    """``AttemptStats(sums=…, statistics=…)``: ``sums`` are the exact sums; ``statistics`` (an OrderStatistics of
    resolvers/stats.py) gives on demand what does not add up.
    """

    sums: strawberry.Private[Measures]
    statistics: strawberry.Private[OrderStatistics]

    @strawberry.field(description="Distinct people with at least one finished attempt.", directives=[cost(10)])
    async def total_users(self, info: Info) -> BigInt | None:
        return BigInt((await self.statistics.people(info.context)).people)

    @strawberry.field(description="Finished attempts: succeeded, failed or abandoned.")
    def total_attempts(self) -> BigInt:
        return BigInt(self.sums.attempts)

    @strawberry.field(description="Mean time of an attempt in seconds; durations over 30 days are left out.")
    def avg_completion_time_seconds(self) -> float | None:
        return ratio(self.sums.seconds, self.sums.timed)

    @strawberry.field(
        description="Median time of an attempt in seconds; durations over 30 days are left out.", directives=[cost(50)]
    )
    async def median_completion_time_seconds(self, info: Info) -> float | None:
        return await resolve_percentile(info.context, self.statistics, PercentileMeasure.COMPLETION_TIME_SECONDS, 0.5)

    @strawberry.field(description="Successes / finished attempts, 0–1. Abandoned attempts count as finished.")
    def success_rate(self) -> float | None:
        return ratio(self.sums.successes, self.sums.attempts)

    @strawberry.field(description="People with a success / people with a finished attempt, 0–1.", directives=[cost(10)])
    async def user_success_rate(self, info: Info) -> float | None:
        counted = await self.statistics.people(info.context)
        return ratio(counted.successful_people, counted.people)

    @strawberry.field(description="All measures that add up. Its `users` is null; see `totalUsers`.")
    def measures(self) -> AttemptMeasures:
        return AttemptMeasures(row=self.sums)

    @strawberry.field(
        description="The errors that most attempts met; equally frequent ones by code.",
        directives=[BY_FIRST, cost(100)],
    )
    async def common_errors(
        self,
        info: Info,
        first: Annotated[int, strawberry.argument(description=f"How many, at most {MOST_ERRORS}.")] = 5,
    ) -> list[ErrorFrequency] | None:
        return [
            ErrorFrequency(code=error.code, attempts=BigInt(error.attempts), share=error.share)
            for error in await resolve_common_errors(info.context, self.statistics, first)
        ]

    @strawberry.field(
        description="The value that a part `p` of the attempts do not exceed, interpolated between attempts. Served from "
        "the materialized view where it keeps it (p of 0.1, 0.25, 0.5, 0.75, 0.9, 0.95), else computed for this answer.",
        directives=[cost(100)],
    )
    async def percentile(
        self,
        info: Info,
        measure: Annotated[PercentileMeasure, strawberry.argument(description="Of what.")],
        p: Annotated[float, strawberry.argument(description="From 0 to 1: 0.9 is the 90th percentile.")],
    ) -> float | None:
        return await resolve_percentile(info.context, self.statistics, measure, p)

    @strawberry.field(description="How fresh the people, errors and percentiles are.")
    async def freshness(self, info: Info) -> Freshness | None:
        return Freshness.from_view(await self.statistics.freshness(info.context))
