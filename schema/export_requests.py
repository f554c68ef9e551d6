"""Asking for exports, cancelling them, and having them tried again."""

from __future__ import annotations

from enum import Enum
from functools import partial
from typing import Annotated, Any

import strawberry
from strawberry import Schema

from db.queries.leaderboards import LeaderboardMetric, LeaderboardScope, RankingMethod
from execution.lists import NoList, list_of
from execution.operations import Operations, RequestErrors
from execution.refusals import Refusal
from execution.variables import variables_of
from resolvers.export_requests import (
    ExportContent,
    ExportDraft,
    refuse_dialect,
    resolve_cancel_export,
    resolve_request_export,
    resolve_retry_export,
)
from resolvers.keyed_changes import Done
from resolvers.user_errors import Refused, ValidationError
from schema.costs import FEW
from schema.deliveries import DELIVERIES, DeliveryInput, targets_of
from schema.export_job_enums import ExportFormat, ExportKind
from schema.export_jobs import ExportJob
from schema.leaderboards import KINDS as BOARD_KINDS
from schema.periods import PeriodInput, TimeZone
from schema.relay import LARGEST_PAGE, Info
from schema.roster import REPLAYED, USER_ERRORS
from schema.roster_inputs import KEY_DESCRIPTION, key_at
from schema.scalars import JSON
from schema.user_errors import UserError, user_errors_of

DIALECT = "Of a CSV; by default EXCEL_SEMICOLON where the locale writes a decimal comma, else EXCEL."


@strawberry.enum(description="How a CSV is written.")
class CsvDialect(Enum):
    EXCEL = strawberry.enum_value(
        "EXCEL", description="For people: commas, local times, no text that a program would take for a formula."
    )
    EXCEL_SEMICOLON = strawberry.enum_value(
        "EXCEL_SEMICOLON",
        description="The same with semicolons, and decimal commas: for spreadsheets in languages that write them.",
    )
    RFC4180 = strawberry.enum_value(
        "RFC4180", description="For programs: values as they are, times in ISO 8601. Do not open it in a spreadsheet."
    )


@strawberry.input(description="Which leaderboard.")
class ExportLeaderboardInput:
    scope: LeaderboardScope = strawberry.field(
        default=LeaderboardScope.ORGANIZATION, description="Whose and which attempts it is made of."
    )
    scope_id: strawberry.ID | None = strawberry.field(
        default=None, description="The group, topic, level or lab; not for ORGANIZATION."
    )
    metric: LeaderboardMetric = strawberry.field(
        default=LeaderboardMetric.SCORE, description="What people are ranked by."
    )
    ranking: RankingMethod = strawberry.field(
        default=RankingMethod.COMPETITION, description="What happens to places after a tie."
    )

    def said(self) -> dict[str, Any]:
        """Raises Refused."""
        given = {"scope": self.scope.value, "metric": self.metric.value, "ranking": self.ranking.value}
        if self.scope_id is None:
            return given
        return {**given, "scopeId": key_at(BOARD_KINDS[self.scope], self.scope_id, ("input", "leaderboard", "scopeId"))}


CONTENT = (
    "GROUP_REPORT needs groupId, USER_PERFORMANCE userId, LAB_REPORT labId; the first two also take topicIds. LEADERBOARD takes "
    "leaderboard. ATTEMPTS takes any of the ids, combined with AND. DOCUMENT needs documentId, and takes variables but no period."
)


@strawberry.input(description="What is to be in a file.")
class ExportContentInput:
    """What requests and saved reports have in common; not in the graph by itself."""

    kind: ExportKind = strawberry.field(description="What it is about.")
    group_id: strawberry.ID | None = strawberry.field(default=None, description="The group: as it is when it is made.")
    user_id: strawberry.ID | None = strawberry.field(default=None, description="The person.")
    lab_id: strawberry.ID | None = strawberry.field(default=None, description="The lab.")
    leaderboard: ExportLeaderboardInput | None = strawberry.field(
        default=None, description="The board; that of the organization by default."
    )
    topic_ids: list[strawberry.ID] | None = strawberry.field(default=None, description="Topics, at most 200.")
    period: PeriodInput | None = strawberry.field(
        default=None, description="Only what was completed in this period; all time by default."
    )
    document_id: str | None = strawberry.field(
        default=None,
        description="Id or alias of a registered document with one query. The file has the first list that it asks for, to its end: "
        "a row for each object, a column for each value.",
    )
    variables: JSON | None = strawberry.field(
        default=None, description="The variables of the document, an object; those that say which page are left out."
    )
    time_zone: TimeZone | None = strawberry.field(
        default=None, description="Whose local times and days the file shows; those of the organization by default."
    )
    locale: str | None = strawberry.field(
        default=None,
        description="A language tag such as `de-AT`; `en` by default. A CSV goes by it, and the direction of pages.",
    )

    def to_content(self) -> ExportContent:
        """Raises Refused, PeriodError."""
        return ExportContent(self.kind, self._said(), self.period.to_spec() if self.period else None)

    def _said(self) -> dict[str, Any]:
        said: dict[str, Any] = {}
        for name, kind, value in (
            ("groupId", "Group", self.group_id),
            ("userId", "User", self.user_id),
            ("labId", "Lab", self.lab_id),
        ):
            if value is not None:
                said[name] = key_at(kind, value, ("input", name))
        if self.topic_ids is not None:
            places = enumerate(self.topic_ids)
            said["topicIds"] = [key_at("Topic", id, ("input", "topicIds", str(place))) for place, id in places]
        if self.leaderboard is not None or self.kind is ExportKind.LEADERBOARD:
            said |= (self.leaderboard or ExportLeaderboardInput()).said()
        if self.document_id is not None:
            said["documentId"] = self.document_id
        if self.variables is not None:
            said["variables"] = self.variables
        if self.time_zone is not None:
            said["timeZone"] = str(self.time_zone)
        if self.locale is not None:
            said["locale"] = self.locale
        return said


@strawberry.input(description=f"What is to be in a file. {CONTENT}")
class RequestExportInput(ExportContentInput):
    format: ExportFormat = strawberry.field(description="What kind of file.")
    dialect: CsvDialect | None = strawberry.field(default=None, description=DIALECT)
    deliveries: list[DeliveryInput] | None = strawberry.field(default=None, description=DELIVERIES)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY_DESCRIPTION)

    def to_draft(self) -> ExportDraft:
        """Raises Refused, PeriodError."""
        content = self.to_content()
        return ExportDraft(
            kind=content.kind,
            said=content.said,
            period=content.period,
            format=self.format,
            dialect=said_dialect(self.format, self.dialect),
            deliveries=targets_of(self.deliveries),
        )


def said_dialect(format: ExportFormat, dialect: CsvDialect | None) -> str | None:
    """Raises Refused."""
    said = dialect.name if dialect else None
    refuse_dialect(format, said)
    return said


@strawberry.input(description="Which export to cancel.")
class CancelExportInput:
    id: strawberry.ID = strawberry.field(description="The export.")


@strawberry.input(description="Which export to try again.")
class RetryExportInput:
    id: strawberry.ID = strawberry.field(description="The export.")


@strawberry.type(description="What became of a request for an export.")
class RequestExportPayload:
    export: ExportJob | None = strawberry.field(default=None, description="As it is now.")
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    user_errors: list[UserError] = strawberry.field(default_factory=list, description=USER_ERRORS, directives=FEW)


@strawberry.type(description="What became of cancelling.")
class CancelExportPayload:
    export: ExportJob | None = strawberry.field(default=None, description="As it is now.")
    user_errors: list[UserError] = strawberry.field(default_factory=list, description=USER_ERRORS, directives=FEW)


@strawberry.type(description="What became of trying again.")
class RetryExportPayload:
    export: ExportJob | None = strawberry.field(default=None, description="As it is now.")
    user_errors: list[UserError] = strawberry.field(default_factory=list, description=USER_ERRORS, directives=FEW)


@strawberry.type
class ExportMutation:
    @strawberry.mutation(
        description="Asks for a file. A worker makes it as the requester, with the rights that they have then. There is a limit for "
        "any hour (RATE_LIMITED says when there is room); requests that are refused or replayed do not count, nor do failures "
        "of ours. Needs EXPORT; whoever lacks it may ask for USER_PERFORMANCE of themselves."
    )
    async def request_export(
        self, info: Info, input: Annotated[RequestExportInput, strawberry.argument(description="What is to be in it.")]
    ) -> RequestExportPayload:
        try:
            check = partial(check_document, info.schema)
            done = await resolve_request_export(info.context, input.to_draft(), input.idempotency_key, check)
        except Refused as refused:
            return RequestExportPayload(user_errors=user_errors_of(refused.errors))
        return RequestExportPayload(export=await _export(info, done), replayed=done.replayed)

    @strawberry.mutation(
        description="Cancels an export that is not finished; who makes it stops within seconds. It still counts in the limit."
    )
    async def cancel_export(
        self, info: Info, input: Annotated[CancelExportInput, strawberry.argument(description="Which one.")]
    ) -> CancelExportPayload:
        try:
            done = await resolve_cancel_export(info.context, _key(input.id))
        except Refused as refused:
            return CancelExportPayload(user_errors=user_errors_of(refused.errors))
        return CancelExportPayload(export=await _export(info, done))

    @strawberry.mutation(
        description="Has an export made that failed by no fault of what was asked for (`failure.retryable`). It counts as a new one."
    )
    async def retry_export(
        self, info: Info, input: Annotated[RetryExportInput, strawberry.argument(description="Which one.")]
    ) -> RetryExportPayload:
        try:
            done = await resolve_retry_export(info.context, _key(input.id))
        except Refused as refused:
            return RetryExportPayload(user_errors=user_errors_of(refused.errors))
        return RetryExportPayload(export=await _export(info, done))


def check_document(schema: Schema, text: str, variables: dict[str, Any]) -> None:
    """Whether a document can be exported with these variables. Raises Refused."""
    operations = Operations(schema._schema)
    try:
        found = list_of(operations, schema._schema, text, LARGEST_PAGE)
    except NoList as error:
        raise Refused(ValidationError(str(error), ("input", "documentId"), "CONSISTENCY")) from None
    except (RequestErrors, Refusal):
        message = "The document has no single query that is valid now."
        raise Refused(ValidationError(message, ("input", "documentId"), "CONSISTENCY")) from None
    try:
        variables_of(schema._schema, found.operation, variables)
    except RequestErrors as error:
        problems = [ValidationError(problem.message, ("input", "variables"), "FORMAT") for problem in error.errors]
        raise Refused(*problems) from None


def _key(value: str) -> int:
    return key_at("ExportJob", value, ("input", "id"))


async def _export(info: Info, done: Done) -> ExportJob:
    return await ExportJob.from_key(info, done.ids[0])
