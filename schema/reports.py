"""Saved reports: what is made again and again, by schedules or when somebody asks for it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Self

import strawberry

from db.queries.export_jobs import ExportSelection
from db.queries.reports import ReportRow
from resolvers.export_jobs import ORDER as RUNS_ORDER
from resolvers.export_jobs import ORDER_TYPES as RUNS_ORDER_TYPES
from resolvers.export_jobs import resolve_exports
from resolvers.loaders.report_schedules import load_schedules_by_report
from resolvers.loaders.users import load_user_by_id
from resolvers.report_schedules import MOST_SCHEDULES
from resolvers.reports import ORDER, ORDER_TYPES, resolve_report, resolve_reports
from schema import export_jobs, report_schedules, users
from schema.costs import assumed
from schema.export_job_enums import ExportKind
from schema.relay import (
    PAGED,
    After,
    Before,
    Connection,
    First,
    Info,
    Last,
    Node,
    connection_of,
    global_id,
    key_of,
    page_of,
)
from schema.scalars import JSON

if TYPE_CHECKING:
    from schema.export_jobs import ExportJob
    from schema.report_schedules import ExportSchedule
    from schema.users import User


@strawberry.type(description="A saved report: what is to be in files that are made of it, as its owner may see it.")
class Report(Node):
    row: strawberry.Private[ReportRow]
    title: str = strawberry.field(description="What it is called, also in messages.")
    description: str | None = strawberry.field(description="What it is for, in its owner's words.")
    kind: ExportKind = strawberry.field(description="What it is about.")
    created_at: datetime = strawberry.field(description="When it was saved first.")
    updated_at: datetime = strawberry.field(description="When it was saved last.")

    @classmethod
    def from_row(cls, row: ReportRow) -> Self:
        return cls(
            id=global_id("Report", row.id),
            row=row,
            title=row.title,
            description=row.description,
            kind=ExportKind(row.kind),
            created_at=row.created_at,
            updated_at=row.updated_at,
        )

    @classmethod
    async def from_key(cls, info: Info, key: int) -> Self:
        """The report as the viewer may see it. Raises NotFound."""
        return cls.from_row(await resolve_report(info.context, key))

    @strawberry.field(description="What is to be in it, with the period as it was said; without one, all time.")
    def parameters(self) -> JSON:
        shown = export_jobs.shown_parameters(self.row.parameters)
        return JSON(shown if self.row.period is None else {**shown, "period": self.row.period})

    @strawberry.field(description="Whose it is; null for a service, and for people whom the viewer may not see.")
    async def owner(self, info: Info) -> Annotated[User, strawberry.lazy("schema.users")] | None:
        row = await info.context.load(load_user_by_id, self.row.owner_id) if self.row.owner_id else None
        return users.User.from_row(row) if row else None

    @strawberry.field(description="When it is made by itself.", directives=[assumed(MOST_SCHEDULES)])
    async def schedules(
        self, info: Info
    ) -> list[Annotated[ExportSchedule, strawberry.lazy("schema.report_schedules")]]:
        rows = await info.context.load(load_schedules_by_report, self.row.id)
        return [report_schedules.ExportSchedule.from_row(row) for row in rows]

    @strawberry.field(description="The exports that were made of it, newest first.", directives=PAGED)
    async def runs(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Annotated[ExportJob, strawberry.lazy("schema.export_jobs")]]:
        page = page_of(first, after, last, before, order=RUNS_ORDER, types=RUNS_ORDER_TYPES)
        listing = await resolve_exports(info.context, ExportSelection(report_id=self.row.id), page)
        return connection_of(page, listing, RUNS_ORDER, export_jobs.ExportJob.from_row)


@strawberry.type
class ReportQuery:
    @strawberry.field(description="One saved report: one's own or, for an ADMIN, any of the organization.")
    async def report(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="The report.")]
    ) -> Report | None:
        return await Report.from_key(info, key_of("Report", id, "id"))

    @strawberry.field(
        description="Saved reports, newest first: one's own or, for an ADMIN, those of the organization.",
        directives=PAGED,
    )
    async def reports(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Report] | None:
        page = page_of(first, after, last, before, order=ORDER, types=ORDER_TYPES)
        return connection_of(page, await resolve_reports(info.context, page), ORDER, Report.from_row)
