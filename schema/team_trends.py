"""What groups and organizations did over time."""

from __future__ import annotations

from typing import Annotated, Self

import strawberry

from resolvers.periods import Weekday
from resolvers.team_trends import SeriesRequest, TeamPoint, TeamSeries
from schema.group_stats import Attribution
from schema.measures import AttemptMeasures
from schema.periods import CalendarInput, GapFill, Period, PeriodInput, TimeBucket, TimeGrain

TrendPeriod = Annotated[PeriodInput, strawberry.argument(description="From when to when.")]
TrendGrain = Annotated[TimeGrain, strawberry.argument(description="How long the buckets are.")]
TrendCalendar = Annotated[
    CalendarInput | None, strawberry.argument(description="The organization's calendar by default.")
]
TrendFill = Annotated[GapFill, strawberry.argument(description="What stands for a bucket in which nothing was done.")]


@strawberry.type(description="What was done in one bucket: not added up over the buckets before it.")
class TeamTrendPoint:
    bucket: TimeBucket = strawberry.field(description="The bucket.")
    measures: AttemptMeasures | None = strawberry.field(
        description="Over the attempts completed in it; null in a gap that was filled with nulls."
    )
    people: int | None = strawberry.field(description="Distinct people with an attempt in it.")
    average_performance_score: float | None = strawberry.field(
        description="Mean of the people's scores over the tasks completed in it, not rounded; null where nobody has one."
    )

    @classmethod
    def from_point(cls, point: TeamPoint) -> Self:
        slot = point.slot
        return cls(
            bucket=TimeBucket.from_bucket(point.bucket),
            measures=AttemptMeasures(row=slot.measures, people=slot.people) if slot else None,
            people=slot.people if slot else None,
            average_performance_score=None if slot is None or slot.mean_score is None else float(slot.mean_score),
        )


@strawberry.type(
    description="What a group or organization did over time, of what the viewer may see; exact at the instant of the answer."
)
class TeamTrend:
    period: Period = strawberry.field(description="The period, as it was understood.")
    grain: TimeGrain = strawberry.field(description="How long the buckets are.")
    attribution: Attribution | None = strawberry.field(
        description="Which attempts were taken as the group's; null for an organization."
    )
    data_points: int = strawberry.field(description="In how many buckets something was done.")
    points: list[TeamTrendPoint] = strawberry.field(description="The points in the order of time.")

    @classmethod
    def from_series(cls, series: TeamSeries) -> Self:
        return cls(
            period=Period.from_period(series.period),
            grain=series.grain,
            attribution=series.attribution,
            data_points=series.data_points,
            points=[TeamTrendPoint.from_point(point) for point in series.points],
        )


def series_request(
    period: PeriodInput, grain: TimeGrain, calendar: CalendarInput | None, fill: GapFill
) -> SeriesRequest:
    """Raises PeriodError."""
    week_start = calendar.week_start if calendar else None
    return SeriesRequest(
        period.to_spec(),
        grain,
        fill,
        calendar.time_zone if calendar else None,
        Weekday.MONDAY if week_start is None else week_start,
    )
