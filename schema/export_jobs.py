"""Exports: files of what somebody sees, made by a worker."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Self

import strawberry

from db.queries.export_jobs import OUR_FAILURES, ExportRow, ExportSelection, Usage
from resolvers.deliveries import MOST_TARGETS
from resolvers.export_jobs import ORDER, ORDER_TYPES, resolve_export, resolve_exports
from resolvers.export_links import LONGEST_SECONDS, resolve_export_link
from resolvers.live import DEFAULT_THROTTLE, Live
from resolvers.loaders.deliveries import load_deliveries_by_export
from resolvers.loaders.groups import load_group_by_id
from resolvers.loaders.reports import load_report_by_id
from resolvers.loaders.users import load_user_by_id
from resolvers.permissions import Permission
from schema import groups, reports, users
from schema.costs import FEW, assumed
from schema.deliveries import ExportDelivery
from schema.export_job_enums import ExportFormat, ExportKind, ExportStatus, FailureCode
from schema.leaderboards import KINDS as BOARD_KINDS
from schema.live import Throttle
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
from schema.scalars import JSON, BigInt

if TYPE_CHECKING:
    from schema.groups import Group
    from schema.reports import Report
    from schema.users import User

# Parameters that are ids, with their types; a board's is that of its scope.
ID_TYPES = {"groupId": "Group", "userId": "User", "labId": "Lab"}


@strawberry.type(description="Why there is no file.")
class ExportFailure:
    code: FailureCode = strawberry.field(description="For programs.")
    message: str = strawberry.field(description="For people; the text may change.")
    retryable: bool = strawberry.field(description="Whether `retryExport` may help. Such a failure counts in no limit.")


@strawberry.type(description="What was asked for, by name.")
class ExportFilter:
    name: str = strawberry.field(description="What is narrowed, such as `Group`.")
    value: str = strawberry.field(description="To what.")


@strawberry.type(description="A table of a file.")
class ExportTable:
    title: str = strawberry.field(description="As the file has it.")
    rows: BigInt = strawberry.field(description="How many rows it has; of a PDF, those that are shown.")
    columns: list[str] = strawberry.field(description="Their headings, in their order.", directives=FEW)


@strawberry.type(description="What a file says of itself. `scoregraph export verify` holds a file against it.")
class ExportManifest:
    title: str = strawberry.field(description="The title.")
    subtitle: str = strawberry.field(description="The line below it, such as the period; may be empty.")
    time_zone: str = strawberry.field(description="Whose local times and days the file shows.")
    filters: list[ExportFilter] = strawberry.field(description="What was asked for.", directives=FEW)
    tables: list[ExportTable] = strawberry.field(description="Its tables, in their order.", directives=FEW)
    url: str = strawberry.field(
        description="Where all of it can be fetched as JSON, with the token in the header: a path of the gateway. Kept beside the file, "
        "under its name and `.manifest.json`, it is found by `scoregraph export verify`."
    )

    @classmethod
    def from_row(cls, row: ExportRow) -> Self | None:
        about = row.manifest
        if about is None:
            return None
        return cls(
            title=about["title"],
            subtitle=about["subtitle"],
            time_zone=about["timeZone"],
            filters=[ExportFilter(name=name, value=value) for name, value in about["filters"].items()],
            tables=[
                ExportTable(
                    title=table["title"],
                    rows=BigInt(table["rows"]),
                    columns=[column["title"] for column in table["columns"]],
                )
                for table in about["tables"]
            ],
            url=f"{path_of(row)}/manifest",
        )


@strawberry.type(description="A link that needs no token.")
class SignedUrl:
    url: str = strawberry.field(description="A path of the gateway.")
    expires_at: datetime = strawberry.field(description="When it ends at the latest.")


@strawberry.type(description="A limit over a sliding hour.")
class Quota:
    limit: int = strawberry.field(description="How many in any hour.")
    remaining: int = strawberry.field(description="How many are left now.")
    resets_at: datetime | None = strawberry.field(
        description="When the next one that was used up is there again; null where none is."
    )

    @classmethod
    def from_usage(cls, usage: Usage, limit: int) -> Self:
        return cls(limit=limit, remaining=max(limit - usage.used, 0), resets_at=usage.resets_at)


@strawberry.type(description="A file that was asked for, and what became of it. It shows what its requester may see.")
class ExportJob(Node):
    row: strawberry.Private[ExportRow]
    kind: ExportKind = strawberry.field(description="What it is about.")
    format: ExportFormat = strawberry.field(description="What kind of file.")
    status: ExportStatus = strawberry.field(description="How far it is.")
    progress: float | None = strawberry.field(
        description="About how much of it is done, 0–1; null where nothing is being done."
    )
    requested_at: datetime = strawberry.field(description="When it was asked for.")
    started_at: datetime | None = strawberry.field(description="When it was begun first; null before.")
    finished_at: datetime | None = strawberry.field(
        description="When it was ready, failed or was cancelled; null before."
    )
    expires_at: datetime | None = strawberry.field(description="Until when the file is kept; null without one.")
    as_of: datetime | None = strawberry.field(description="The instant that the file shows; null without one.")
    sha256: str | None = strawberry.field(description="SHA-256 of the file in hexadecimal; null without one.")
    sanitized_cells: int | None = strawberry.field(
        description="Texts that were changed so that no program takes them for formulas; null without a file."
    )
    truncated: bool = strawberry.field(description="Whether cells were cut because the format holds no longer ones.")
    tries: int = strawberry.field(description="How often it was begun.")
    due_at: datetime | None = strawberry.field(
        description="When its schedule wanted it; null for one that somebody asked for."
    )
    is_late: bool = strawberry.field(
        description="Whether it was asked for later than its schedule wanted, because no worker ran then or a limit was used up."
    )

    @classmethod
    def from_row(cls, row: ExportRow) -> Self:
        return cls(
            id=global_id("ExportJob", row.id),
            row=row,
            kind=ExportKind(row.kind),
            format=ExportFormat(row.format),
            status=ExportStatus(row.status),
            progress=row.progress,
            requested_at=row.requested_at,
            started_at=row.started_at,
            finished_at=row.finished_at,
            expires_at=row.expires_at,
            as_of=row.as_of,
            sha256=row.sha256,
            sanitized_cells=row.neutralized,
            truncated=bool(row.truncated),
            tries=row.tries,
            due_at=row.due_at,
            is_late=row.is_late,
        )

    @classmethod
    async def from_key(cls, info: Info, key: int) -> Self:
        """The export as the viewer may see it. Raises NotFound."""
        return cls.from_row(await resolve_export(info.context, key))

    @strawberry.field(description="To whom the file is delivered.", directives=[assumed(MOST_TARGETS)])
    async def deliveries(self, info: Info) -> list[ExportDelivery]:
        rows = await info.context.load(load_deliveries_by_export, self.row.id)
        return [ExportDelivery.from_row(row) for row in rows]

    @strawberry.field(
        description="The saved report that it is one of; null where it is of none, or the viewer may not see it."
    )
    async def report(self, info: Info) -> Annotated[Report, strawberry.lazy("schema.reports")] | None:
        row = await info.context.load(load_report_by_id, self.row.report_id) if self.row.report_id else None
        return reports.Report.from_row(row) if row else None

    @strawberry.field(description="Rows of its first table; null without a file.")
    def row_count(self) -> BigInt | None:
        return None if self.row.row_count is None else BigInt(self.row.row_count)

    @strawberry.field(description="Size of the file; null without one.")
    def byte_size(self) -> BigInt | None:
        return None if self.row.byte_size is None else BigInt(self.row.byte_size)

    @strawberry.field(description="What was asked for, with the period as it was understood.")
    def parameters(self) -> JSON:
        return JSON(shown_parameters(self.row.parameters))

    @strawberry.field(
        description="Where the file can be fetched, with the token in the header: a path of the gateway that stays the same and "
        "decides anew each time who may have it. Null where the viewer cannot have it now."
    )
    def download_url(self) -> str | None:
        return f"{path_of(self.row)}/file" if self._is_there else None

    @strawberry.field(
        description="Where the file can be fetched without a token, for a while and by whoever has the link: as the viewer, whose rights are "
        "looked at anew each time, so that it ends with them. Null where the viewer cannot have the file now."
    )
    async def signed_url(
        self,
        info: Info,
        ttl_seconds: Annotated[
            int, strawberry.argument(description="For how long: at most 900 seconds, 15 minutes, the default.")
        ] = LONGEST_SECONDS,
    ) -> SignedUrl | None:
        if not self._is_there:
            return None
        link = await resolve_export_link(info.context, self.row, ttl_seconds)
        return SignedUrl(url=f"{path_of(self.row)}/file?link={link.text}", expires_at=link.expires_at)

    @strawberry.field(
        description="What the file says of itself; null without one, and where the viewer may not have it."
    )
    def manifest(self) -> ExportManifest | None:
        return ExportManifest.from_row(self.row) if self._is_there else None

    @property
    def _is_there(self) -> bool:
        return self.status is ExportStatus.READY and self.row.may_read

    @strawberry.field(description="The run that has it, which names its place in the storage. Needs OPERATE.")
    async def storage_key(self, info: Info) -> str | None:
        await info.context.require(Permission.OPERATE)
        return self.row.run

    @strawberry.field(description="Why there is no file; null unless it failed.")
    def failure(self) -> ExportFailure | None:
        if self.row.failure_code is None:
            return None
        code = FailureCode(self.row.failure_code)
        return ExportFailure(code=code, message=self.row.failure_message or "", retryable=code in OUR_FAILURES)

    @strawberry.field(
        description="The group that it is about; null where it is about no single one, or the viewer may not see it."
    )
    async def group(self, info: Info) -> Annotated[Group, strawberry.lazy("schema.groups")] | None:
        row = await info.context.load(load_group_by_id, self.row.group_id) if self.row.group_id else None
        return groups.Group.from_row(row) if row else None

    @strawberry.field(
        description="The person whom it is about; null where it is about no single one, or the viewer may not see them."
    )
    async def subject(self, info: Info) -> Annotated[User, strawberry.lazy("schema.users")] | None:
        row = await info.context.load(load_user_by_id, self.row.user_id) if self.row.user_id else None
        return users.User.from_row(row) if row else None

    @strawberry.field(description="Who asked for it; null for a service, and for people whom the viewer may not see.")
    async def requested_by(self, info: Info) -> Annotated[User, strawberry.lazy("schema.users")] | None:
        row = await info.context.load(load_user_by_id, self.row.requested_by) if self.row.requested_by else None
        return users.User.from_row(row) if row else None


def path_of(row: ExportRow) -> str:
    """Of an export, below the gateway."""
    return f"/exports/{global_id('ExportJob', row.id)}"


def shown_parameters(parameters: dict[str, Any]) -> dict[str, Any]:
    """With ids as the graph has them."""
    shown = dict(parameters)
    for name, kind in ID_TYPES.items():
        if name in shown:
            shown[name] = global_id(kind, shown[name])
    if "topicIds" in shown:
        shown["topicIds"] = [global_id("Topic", key) for key in shown["topicIds"]]
    if "scopeId" in shown:
        shown["scopeId"] = global_id(BOARD_KINDS[shown["scope"]], shown["scopeId"])
    return shown


ExportId = Annotated[strawberry.ID, strawberry.argument(description="The export.")]


@strawberry.type
class ExportQuery:
    @strawberry.field(description="One export: one's own or, for an ADMIN, any of the organization.")
    async def export(self, info: Info, id: ExportId) -> ExportJob | None:
        return await ExportJob.from_key(info, key_of("ExportJob", id, "id"))

    @strawberry.field(
        description="Exports, newest first: one's own or, for an ADMIN, those of the organization.", directives=PAGED
    )
    async def exports(
        self,
        info: Info,
        status: Annotated[
            ExportStatus | None, strawberry.argument(description="Only those that are so far; all by default.")
        ] = None,
        group_id: Annotated[
            strawberry.ID | None, strawberry.argument(description="Only those about this group; all by default.")
        ] = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[ExportJob] | None:
        page = page_of(first, after, last, before, order=ORDER, types=ORDER_TYPES)
        selection = ExportSelection(status, None if group_id is None else key_of("Group", group_id, "groupId"))
        listing = await resolve_exports(info.context, selection, page)
        return connection_of(page, listing, ORDER, ExportJob.from_row)


@strawberry.type
class ExportSubscription:
    @strawberry.subscription(
        description="An export: at once, and again whenever it goes on. Access is decided anew for each answer; the stream ends "
        "when the token does."
    )
    async def export_updated(
        self, info: Info, id: ExportId, throttle: Throttle = DEFAULT_THROTTLE
    ) -> AsyncGenerator[ExportJob, None]:
        key = key_of("ExportJob", id, "id")
        export = await ExportJob.from_key(info, key)
        live = info.context.live or Live()
        live.follow([f"export:{key}"], throttle)
        yield export
