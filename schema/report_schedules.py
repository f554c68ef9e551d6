"""When saved reports are made, and to whom they are delivered."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Self

import strawberry

from db.queries.report_schedules import ScheduleRow
from resolvers.deliveries import MOST_TARGETS
from resolvers.loaders.export_jobs import load_export_by_id
from resolvers.loaders.report_schedules import load_deliveries_by_schedule, load_last_run_by_schedule
from resolvers.report_schedules import NEXT_RUNS, next_runs, resolve_schedule, resolve_schedules
from schema import export_jobs, reports
from schema.costs import assumed
from schema.deliveries import Delivery
from schema.export_job_enums import ExportFormat, FailureCode
from schema.periods import TimeZone
from schema.relay import Info, Node, global_id

if TYPE_CHECKING:
    from schema.export_jobs import ExportJob
    from schema.reports import Report


@strawberry.type(
    description="When a saved report is made: at local times of a zone. A time that clocks skip is the first instant after; one that "
    "they show twice is its first. What was missed while no worker ran is made once."
)
class ExportSchedule(Node):
    row: strawberry.Private[ScheduleRow]
    format: ExportFormat = strawberry.field(description="What kind of file.")
    cron: str = strawberry.field(description="Minute, hour, day of the month, month, day of the week.")
    time_zone: TimeZone = strawberry.field(description="Whose local times these are.")
    enabled: bool = strawberry.field(description="Whether it runs; otherwise it is paused.")
    paused_for: FailureCode | None = strawberry.field(
        description="What three runs failed with, one after the other, so that it was paused; null where that is not why."
    )
    next_run_at: datetime | None = strawberry.field(description="When it runs next; null while it is paused.")
    created_at: datetime = strawberry.field(description="When it was saved first.")

    @classmethod
    def from_row(cls, row: ScheduleRow) -> Self:
        return cls(
            id=global_id("ExportSchedule", row.id),
            row=row,
            format=ExportFormat(row.format),
            cron=row.cron,
            time_zone=TimeZone(row.time_zone),
            enabled=row.next_run_at is not None,
            paused_for=FailureCode(row.paused_for) if row.paused_for else None,
            next_run_at=row.next_run_at,
            created_at=row.created_at,
        )

    @classmethod
    async def from_key(cls, info: Info, key: int) -> Self:
        """The schedule as the viewer may see it. Raises NotFound."""
        return cls.from_row(await resolve_schedule(info.context, key))

    @strawberry.field(
        description="The next five times that it runs; none while it is paused.", directives=[assumed(NEXT_RUNS)]
    )
    def next_runs(self) -> list[datetime]:
        return next_runs(self.row)

    @strawberry.field(description="The report that is made; null where the viewer may no longer see it.")
    async def report(self, info: Info) -> Annotated[Report, strawberry.lazy("schema.reports")] | None:
        return await reports.Report.from_key(info, self.row.report_id)

    @strawberry.field(description="To whom each run is delivered.", directives=[assumed(MOST_TARGETS)])
    async def deliveries(self, info: Info) -> list[Delivery]:
        rows = await info.context.load(load_deliveries_by_schedule, self.row.id)
        return [Delivery.from_row(row) for row in rows]

    @strawberry.field(description="What it made last; null before the first run.")
    async def last_run(self, info: Info) -> Annotated[ExportJob, strawberry.lazy("schema.export_jobs")] | None:
        key = await info.context.load(load_last_run_by_schedule, self.row.id)
        row = await info.context.load(load_export_by_id, key) if key else None
        return export_jobs.ExportJob.from_row(row) if row else None


@strawberry.type
class ExportScheduleQuery:
    @strawberry.field(
        description="Schedules of one's own reports or, for an ADMIN, those of the organization. Needs EXPORT.",
        directives=[assumed(20)],
    )
    async def export_schedules(self, info: Info) -> list[ExportSchedule] | None:
        return [ExportSchedule.from_row(row) for row in await resolve_schedules(info.context)]
