"""Where scores went over time."""

from __future__ import annotations

from typing import Annotated, Any, Self

import strawberry

from db.queries.measures import MEASURES
from execution.columns import Columns, Formula, by_key, column, needs, row_in, wanted
from resolvers.freshness import resolve_freshness
from resolvers.scores import displayed
from resolvers.trends import (
    ScoreTrend,
    TrendDirection,
    TrendSeries,
    resolve_performance_trends,
)
from resolvers.trends import TrendStatistics as Statistics
from schema.enums import describe_enum
from schema.freshness import Freshness
from schema.measures import AttemptMeasures, ratio_of
from schema.periods import CalendarInput, GapFill, Period, PeriodInput, TimeBucket, TimeGrain, Weekday
from schema.relay import Info

describe_enum(
    TrendDirection,
    "TrendDirection",
    "Which way a score went.",
    {
        "UP": "Up.",
        "DOWN": "Down.",
        "FLAT": "The change rounds to 0.0.",
        "UNKNOWN": "The score is not known at one of the ends.",
    },
)

SYMBOLS = {
    TrendDirection.UP: "↑",
    TrendDirection.DOWN: "↓",
    TrendDirection.FLAT: "→",
    TrendDirection.UNKNOWN: "–",
}

TrendPeriod = Annotated[
    PeriodInput,
    strawberry.argument(description="From when to when; the score at its start is that over all tasks before it."),
]


Grain = Annotated[TimeGrain, strawberry.argument(description="How long the buckets are.")]
Calendar = Annotated[
    CalendarInput | None,
    strawberry.argument(description="Whose days and weeks; the organization's, from Monday, by default."),
]
Fill = Annotated[
    GapFill,
    strawberry.argument(
        description="What stands for buckets in which no attempt was finished. Score and ratios are running values: ZERO leaves "
        "them null, CARRY_FORWARD repeats the last ones up to now. Counts of a gap are 0; with NULL they are null, too."
    ),
]

LAST_30_DAYS = PeriodInput(last_days=30)
LAST_90_DAYS = PeriodInput(last_days=90)


def displayed_of(name: str) -> Formula:
    """A column with a score as people see it."""
    return Formula((name,), displayed, "None if {0} is None else float(round({0}, 1)) + 0.0")


@strawberry.type(
    description="How a person's score, over all tasks completed until then, went from the start of a period to its end."
)
class TrendSummary:
    direction: TrendDirection = strawberry.field(description="Which way, by the change as displayed.")
    symbol: str = strawberry.field(description="The same as a sign: ↑ ↓ → or –.")
    change: float | None = strawberry.field(
        description="Score at the end − score at the start, rounded half-even to one decimal after subtracting; null where "
        "either is unknown."
    )
    period: Period = strawberry.field(description="The period that was asked for.")
    start_score: float | None = strawberry.field(description="Score over the tasks completed before the period.")
    end_score: float | None = strawberry.field(
        description="Score at the end of the period, or at the instant of the answer if it is not over."
    )

    @classmethod
    def from_trend(cls, trend: ScoreTrend) -> Self:
        return cls(
            direction=trend.direction,
            symbol=SYMBOLS[trend.direction],
            change=displayed(trend.change),
            period=Period.from_period(trend.period),
            start_score=displayed(trend.start_score),
            end_score=displayed(trend.end_score),
        )


@strawberry.type(
    description="A bucket of a person's history. Score and ratios are over all tasks completed until the end of the bucket; "
    "`tasksCompleted` and `attempts` are those of the bucket alone."
)
class PerformancePoint:
    row: strawberry.Private[Any]
    bucket: TimeBucket = row_in("bucket", lambda: TimeBucket, description="From when to when.")

    performance_score: float | None = column(
        displayed_of("standing_score"),
        description="Score at the end of the bucket, 0–100, rounded half-even to one decimal.",
    )
    on_time_ratio: float | None = column(
        ratio_of("standing_task_on_time", "standing_task_deadlines"),
        description="Tasks in time / tasks with a deadline until the end of the bucket, 0–1.",
    )
    skill_accuracy: float | None = column(
        ratio_of("standing_skill_sum", "standing_skilled"),
        description="Mean skill match of the tasks until the end of the bucket, 0–1.",
    )
    difficulty_factor: float | None = column(
        ratio_of("standing_difficulty_sum", "standing_rated", 10),
        description="Mean difficulty of the tasks until the end of the bucket, 0–1.",
    )
    tasks_completed: int | None = column(
        "tasks", description="Tasks completed in the bucket; null only in a gap that `fill: NULL` filled."
    )

    @strawberry.field(
        description="All attempts finished in the bucket; null only in a gap that `fill: NULL` filled.",
        metadata=needs(*MEASURES),
    )
    def attempts(self) -> AttemptMeasures | None:
        return None if self.row.attempts is None else AttemptMeasures(row=self.row)


@strawberry.type(
    description="Statistics of the scores of a trend's points, also of carried ones; points without a score are left out. "
    "Computed from unrounded scores, rounded half-even to one decimal."
)
class TrendStatistics:
    count: int = strawberry.field(description="How many points have a score.")
    average: float | None = strawberry.field(description="Mean score.")
    max: float | None = strawberry.field(description="Highest score.")
    min: float | None = strawberry.field(description="Lowest score.")
    range: float | None = strawberry.field(description="Highest score − lowest score.")

    @classmethod
    def from_statistics(cls, statistics: Statistics) -> Self:
        return cls(
            count=statistics.count,
            average=displayed(statistics.average),
            max=displayed(statistics.highest),
            min=displayed(statistics.lowest),
            range=displayed(statistics.spread),
        )


@strawberry.type(description="A person's score over time, bucket by bucket; exact at the instant of the answer.")
class PerformanceTrend:
    series: strawberry.Private[TrendSeries]
    period: Period = strawberry.field(description="The period that was asked for.")
    grain: TimeGrain = strawberry.field(description="How long the buckets are.")
    data_points: int = strawberry.field(
        description="Buckets in which an attempt was finished, whatever `fill` puts into the others."
    )

    @classmethod
    def from_series(cls, series: TrendSeries) -> Self:
        return cls(
            series=series,
            period=Period.from_period(series.period),
            grain=series.grain,
            data_points=series.data_points,
        )

    @strawberry.field(description="The points in order of time.")
    def points(self) -> list[PerformancePoint]:
        points = self.series.points
        return Columns(lambda row: PerformancePoint(row=row), points.columns, points.values)  # type: ignore[return-value]

    @strawberry.field(description="Statistics of the points' scores.")
    def statistics(self) -> TrendStatistics:
        return TrendStatistics.from_statistics(self.series.statistics)

    @strawberry.field(description="How fresh this is: always live.")
    async def freshness(self, info: Info) -> Freshness | None:
        return Freshness.from_view(await resolve_freshness(info.context, None))


async def performance_trends(
    info: Info,
    period: PeriodInput,
    grain: TimeGrain,
    calendar: CalendarInput | None,
    fill: GapFill,
) -> PerformanceTrend:
    """Each person's score over time: for a ``related`` field. Raises PeriodError."""
    time_zone = calendar.time_zone if calendar else None
    week_start = calendar.week_start if calendar else None
    load, arguments, series = await resolve_performance_trends(
        info.context,
        period.to_spec(),
        grain,
        fill,
        time_zone,
        Weekday.MONDAY if week_start is None else week_start,
        wanted(info, "points"),
    )
    return by_key(load, *arguments, make=lambda slots, key: PerformanceTrend.from_series(series(slots)))
