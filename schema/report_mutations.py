"""Saving and deleting reports and their schedules, and having a report made now."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import strawberry

from resolvers.report_schedules import MOST_SCHEDULES, ScheduleDraft, resolve_delete_schedule, resolve_save_schedule
from resolvers.reports import (
    MOST_REPORTS,
    ReportDraft,
    resolve_delete_report,
    resolve_generate_report,
    resolve_save_report,
)
from resolvers.user_errors import Refused
from schema.costs import FEW
from schema.deliveries import DELIVERIES, DeliveryInput, targets_of
from schema.export_job_enums import ExportFormat
from schema.export_jobs import ExportJob
from schema.export_requests import CONTENT, DIALECT, CsvDialect, ExportContentInput, check_document, said_dialect
from schema.periods import TimeZone
from schema.relay import Info
from schema.report_schedules import ExportSchedule
from schema.reports import Report
from schema.roster import REPLAYED, USER_ERRORS
from schema.roster_inputs import KEY_DESCRIPTION, key_at
from schema.user_errors import UserError, user_errors_of

KEPT = "As it is where it is left out, on a schedule that is there."


@strawberry.input(
    description=f"A report to be saved. {CONTENT} The period is one that goes along with time: lastDays, calendar or allTime."
)
class SaveReportInput(ExportContentInput):
    id: strawberry.ID | None = strawberry.field(
        default=None, description="The report that it replaces; none, a new one."
    )
    title: str = strawberry.field(description="1 to 200 characters.")
    description: str | None = strawberry.field(default=None, description="What it is for, 1 to 2,000 characters.")

    def to_draft(self) -> ReportDraft:
        """Raises Refused."""
        key = None if self.id is None else _key("Report", self.id)
        return ReportDraft(key, self.title, self.description, self.to_content)


@strawberry.input(description="Which report to delete.")
class DeleteReportInput:
    id: strawberry.ID = strawberry.field(description="The report.")


@strawberry.input(description="Which report to make now.")
class GenerateReportInput:
    report_id: strawberry.ID = strawberry.field(description="The report.")
    format: ExportFormat = strawberry.field(description="What kind of file.")
    dialect: CsvDialect | None = strawberry.field(default=None, description=DIALECT)
    deliveries: list[DeliveryInput] | None = strawberry.field(default=None, description=DELIVERIES)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY_DESCRIPTION)


@strawberry.input(
    description="A schedule to be saved. A new one needs all but dialect and enabled; of one that is there, what is left out stays as "
    "it is."
)
class SaveExportScheduleInput:
    id: strawberry.ID | None = strawberry.field(
        default=None, description="The schedule that is changed; none, a new one."
    )
    report_id: strawberry.ID | None = strawberry.field(default=None, description="The report.")
    format: ExportFormat | None = strawberry.field(default=None, description=f"What kind of file. {KEPT}")
    dialect: CsvDialect | None = strawberry.field(default=None, description=DIALECT)
    cron: str | None = strawberry.field(
        default=None,
        description="When: minute, hour, day of the month, month, day of the week, as in `30 7 * * MON-FRI`; `L` is the last day of a "
        f"month. At most once an hour. {KEPT}",
    )
    time_zone: TimeZone | None = strawberry.field(default=None, description=f"Whose local times these are. {KEPT}")
    deliveries: list[DeliveryInput] | None = strawberry.field(default=None, description=f"{DELIVERIES} {KEPT}")
    enabled: bool | None = strawberry.field(
        default=None, description=f"False pauses it, true has it go on; a new one runs. {KEPT}"
    )

    def to_draft(self) -> ScheduleDraft:
        """Raises Refused."""
        return ScheduleDraft(
            key=None if self.id is None else _key("ExportSchedule", self.id),
            report_id=None if self.report_id is None else _key("Report", self.report_id, "reportId"),
            format=self.format,
            dialect=self.dialect.name if self.dialect else None,
            cron=self.cron,
            time_zone=None if self.time_zone is None else str(self.time_zone),
            deliveries=None if self.deliveries is None else targets_of(self.deliveries),
            enabled=self.enabled,
        )


@strawberry.input(description="Which schedule to delete.")
class DeleteExportScheduleInput:
    id: strawberry.ID = strawberry.field(description="The schedule.")


@strawberry.type(description="What became of saving.")
class SaveReportPayload:
    report: Report | None = strawberry.field(default=None, description="As it is now.")
    user_errors: list[UserError] = strawberry.field(default_factory=list, description=USER_ERRORS, directives=FEW)


@strawberry.type(description="What became of deleting.")
class DeleteReportPayload:
    deleted_id: strawberry.ID | None = strawberry.field(default=None, description="The report that is gone.")
    user_errors: list[UserError] = strawberry.field(default_factory=list, description=USER_ERRORS, directives=FEW)


@strawberry.type(description="What became of having a report made.")
class GenerateReportPayload:
    export: ExportJob | None = strawberry.field(default=None, description="As it is now.")
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    user_errors: list[UserError] = strawberry.field(default_factory=list, description=USER_ERRORS, directives=FEW)


@strawberry.type(description="What became of saving.")
class SaveExportSchedulePayload:
    schedule: ExportSchedule | None = strawberry.field(default=None, description="As it is now.")
    user_errors: list[UserError] = strawberry.field(default_factory=list, description=USER_ERRORS, directives=FEW)


@strawberry.type(description="What became of deleting.")
class DeleteExportSchedulePayload:
    deleted_id: strawberry.ID | None = strawberry.field(default=None, description="The schedule that is gone.")
    user_errors: list[UserError] = strawberry.field(default_factory=list, description=USER_ERRORS, directives=FEW)


@strawberry.type
class ReportMutation:
    @strawberry.mutation(
        description=f"Saves a report, of which exports are made later. One person has {MOST_REPORTS} at most. Only the owner and an ADMIN "
        "may change one. Needs EXPORT."
    )
    async def save_report(
        self, info: Info, input: Annotated[SaveReportInput, strawberry.argument(description="What is to be in it.")]
    ) -> SaveReportPayload:
        try:
            done = await resolve_save_report(info.context, input.to_draft(), partial(check_document, info.schema))
        except Refused as refused:
            return SaveReportPayload(user_errors=user_errors_of(refused.errors))
        return SaveReportPayload(report=await Report.from_key(info, done.ids[0]))

    @strawberry.mutation(
        description="Deletes a report with its schedules. The exports that were made of it stay. Needs EXPORT."
    )
    async def delete_report(
        self, info: Info, input: Annotated[DeleteReportInput, strawberry.argument(description="Which one.")]
    ) -> DeleteReportPayload:
        try:
            await resolve_delete_report(info.context, _key("Report", input.id))
        except Refused as refused:
            return DeleteReportPayload(user_errors=user_errors_of(refused.errors))
        return DeleteReportPayload(deleted_id=input.id)

    @strawberry.mutation(
        description="Asks for a file of a saved report, as requestExport does: made as whoever asks, within their hourly limit."
    )
    async def generate_report(
        self, info: Info, input: Annotated[GenerateReportInput, strawberry.argument(description="Which one, and how.")]
    ) -> GenerateReportPayload:
        try:
            done = await resolve_generate_report(
                info.context,
                _key("Report", input.report_id, "reportId"),
                input.format,
                said_dialect(input.format, input.dialect),
                targets_of(input.deliveries),
                input.idempotency_key,
                partial(check_document, info.schema),
            )
        except Refused as refused:
            return GenerateReportPayload(user_errors=user_errors_of(refused.errors))
        return GenerateReportPayload(export=await ExportJob.from_key(info, done.ids[0]), replayed=done.replayed)

    @strawberry.mutation(
        description="Saves when a report is made by itself, as its owner with the rights that they have then, and to whom it is delivered. "
        f"A report has {MOST_SCHEDULES} at most. Runs have an hourly limit of their own; one that finds it used up waits. After three runs "
        "that failed for want of rights, or were too large, it is paused; who saves it lets it run again. Needs EXPORT."
    )
    async def save_export_schedule(
        self,
        info: Info,
        input: Annotated[SaveExportScheduleInput, strawberry.argument(description="When, and to whom.")],
    ) -> SaveExportSchedulePayload:
        try:
            done = await resolve_save_schedule(info.context, input.to_draft())
        except Refused as refused:
            return SaveExportSchedulePayload(user_errors=user_errors_of(refused.errors))
        return SaveExportSchedulePayload(schedule=await ExportSchedule.from_key(info, done.ids[0]))

    @strawberry.mutation(description="Deletes a schedule. The exports that it made stay. Needs EXPORT.")
    async def delete_export_schedule(
        self, info: Info, input: Annotated[DeleteExportScheduleInput, strawberry.argument(description="Which one.")]
    ) -> DeleteExportSchedulePayload:
        try:
            await resolve_delete_schedule(info.context, _key("ExportSchedule", input.id))
        except Refused as refused:
            return DeleteExportSchedulePayload(user_errors=user_errors_of(refused.errors))
        return DeleteExportSchedulePayload(deleted_id=input.id)


def _key(kind: str, value: str, name: str = "id") -> int:
    return key_at(kind, value, ("input", name))
