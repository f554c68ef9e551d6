"""Days of people."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Self

import strawberry

from db.queries.measures import ratio
from resolvers.periods import PeriodSpec
from resolvers.scores import displayed
from resolvers.snapshots import DailySnapshot, resolve_snapshots
from schema.periods import PeriodInput, TimeZone
from schema.relay import Connection, Info, connection_of, page_of

ORDER = "snapshots"

SnapshotPeriod = Annotated[PeriodInput, strawberry.argument(description="The local days that this period touches.")]


@strawberry.type(
    description="What a person did on a local day of the organization, and where they stood at its end. Computed from the "
    "attempts as they are now, so late data is in it."
)
class PerformanceSnapshot:
    snapshot: strawberry.Private[DailySnapshot]
    snapshot_date: date = strawberry.field(description="The local day.")
    time_zone: TimeZone = strawberry.field(description="Whose local day it is: the organization's zone.")
    is_final: bool = strawberry.field(
        description="Whether the day is closed: no data for it is expected after an hour of grace and seven more local days."
    )

    @classmethod
    def from_snapshot(cls, snapshot: DailySnapshot) -> Self:
        return cls(
            snapshot=snapshot,
            snapshot_date=snapshot.row.day,
            time_zone=TimeZone(snapshot.time_zone),
            is_final=snapshot.is_final,
        )

    @strawberry.field(description="Tasks completed on the day.")
    def tasks_completed_today(self) -> int:
        return self.snapshot.row.measures.tasks

    @strawberry.field(description="Tasks completed until the end of the day.")
    def cumulative_tasks(self) -> int:
        return self.snapshot.row.standing.tasks

    @strawberry.field(description="Tasks of the day in time / those with a deadline, 0–1.")
    def daily_on_time_ratio(self) -> float | None:
        return ratio(self.snapshot.row.measures.task_on_time, self.snapshot.row.measures.task_deadlines)

    @strawberry.field(description="Tasks in time / those with a deadline until the end of the day, 0–1.")
    def cumulative_on_time_ratio(self) -> float | None:
        return ratio(self.snapshot.row.standing.task_on_time, self.snapshot.row.standing.task_deadlines)

    @strawberry.field(description="Score over the tasks of the day alone, rounded half-even to one decimal.")
    def daily_performance_score(self) -> float | None:
        return displayed(self.snapshot.row.score)

    @strawberry.field(description="Score over all tasks until the end of the day, rounded half-even to one decimal.")
    def cumulative_performance_score(self) -> float | None:
        return displayed(self.snapshot.row.standing.score)


async def snapshot_connection(
    info: Info,
    user_id: int,
    spec: PeriodSpec,
    first: int | None,
    after: str | None,
    last: int | None,
    before: str | None,
) -> Connection[PerformanceSnapshot]:
    """A page of a person's days, oldest first."""
    page = page_of(first, after, last, before, order=ORDER, types=(date,))
    listing = await resolve_snapshots(info.context, user_id, spec, page)
    return connection_of(page, listing, ORDER, PerformanceSnapshot.from_snapshot)
