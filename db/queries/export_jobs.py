"""Exports as their requesters see them, and how many more they may ask for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Select, func, literal, select, text

from db.dependencies import Dependency
from db.keyset import Page, SortKey, among, bounded_count, paged, sort_values
from db.models.exports import exports
from db.snapshot import Snapshot
from db.statement import Statement, sql


class ExportFormat(StrEnum):
    """What kind of file."""

    CSV = "CSV"
    XLSX = "XLSX"
    PDF = "PDF"
    JSON = "JSON"

    @property
    def extension(self) -> str:
        return self.value.lower()


MEDIA_TYPES = {
    ExportFormat.CSV: "text/csv; charset=utf-8",
    ExportFormat.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ExportFormat.PDF: "application/pdf",
    ExportFormat.JSON: "application/json",
}


class ExportStatus(StrEnum):
    """How far it is."""

    PENDING = "PENDING"
    PROCESSING = "PROCESSING"
    READY = "READY"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"


UNFINISHED = frozenset({ExportStatus.PENDING, ExportStatus.PROCESSING})


class FailureCode(StrEnum):
    """Why there is no file."""

    TOO_LARGE = "TOO_LARGE"
    TIMEOUT = "TIMEOUT"
    PERMISSION_REVOKED = "PERMISSION_REVOKED"
    STORAGE = "STORAGE"
    INTERNAL = "INTERNAL"


OUR_FAILURES = frozenset({FailureCode.TIMEOUT, FailureCode.STORAGE, FailureCode.INTERNAL})
"""Those that are no fault of what was asked for: they can be tried again, and no limit counts them."""


class ExportRow(NamedTuple):
    """``may_read``: whether the viewer may have the file, once there is one. ``due_at`` is when a schedule wanted it. Sizes are bytes,
    ``progress`` is 0 to 1. ``link_key`` is a secret: it signs links to the file.
    """

    id: int
    organization_id: int
    requested_by: int | None
    kind: str
    format: str
    dialect: str | None
    parameters: dict[str, Any]
    group_id: int | None
    user_id: int | None
    requested_at: datetime
    status: str
    tries: int
    run: str | None
    started_at: datetime | None
    progress: float | None
    finished_at: datetime | None
    failure_code: str | None
    failure_message: str | None
    file_name: str | None
    as_of: datetime | None
    row_count: int | None
    byte_size: int | None
    sha256: str | None
    neutralized: int | None
    truncated: int | None
    expires_at: datetime | None
    report_id: int | None
    due_at: datetime | None
    is_late: bool
    manifest: dict[str, Any] | None
    link_key: bytes
    may_read: bool


@dataclass(frozen=True, slots=True)
class ExportSelection:
    """Which exports of those visible; None means any."""

    status: ExportStatus | None = None
    group_id: int | None = None
    report_id: int | None = None


class Usage(NamedTuple):
    """``used`` of the hour that is just past. ``retry_at``: when there is room again, where there is none. ``resets_at``: when
    the oldest of them no longer counts.
    """

    used: int
    retry_at: datetime | None
    resets_at: datetime | None


def folder_of(export_id: int, run: str | None = None) -> str:
    """Where the files of an export are in the storage; in it each run has a folder."""
    return f"{export_id}" if run is None else f"{export_id}/{run}"


def file_key(export_id: int, run: str) -> str:
    """Where the file that a run made is in the storage."""
    return f"{folder_of(export_id, run)}/file"


MAY_READ = func.viewer_may_read_export(exports.c.role, exports.c.reads_groups, exports.c.user_id)
COLUMNS = (*(exports.c[name] for name in ExportRow._fields[:-1]), MAY_READ.label("may_read"))
NEWEST_FIRST = (SortKey(exports.c.id, descending=True),)
# As row security has it. Said here, too: who of those that see a whole organization is asking, matters for once.
OWN = text("(viewer_role() = 'ADMIN' OR exports.requested_by IS NOT DISTINCT FROM viewer_user_id())")


def usage(which: str) -> str:
    """Of the exports of a subject that are ``which``."""
    # The window slides by the clock, not by the beginning of a transaction that may have waited.
    return f"""
SELECT count(*) AS used,
  (array_agg(queued_at ORDER BY queued_at DESC))[CAST(:hourly_limit AS integer)] + interval '1 hour' AS retry_at,
  min(queued_at) + interval '1 hour' AS resets_at
FROM exports
WHERE organization_id = :organization_id AND subject = :subject AND queued_at > clock_timestamp() - interval '1 hour' AND {which}
  AND (failure_code IS NULL OR failure_code NOT IN ({", ".join(f"'{code}'" for code in sorted(OUR_FAILURES))}))
"""


# What schedules make has a limit of its own.
USAGE = usage("due_at IS NULL")
USAGE_IN_SNAPSHOT = sql(USAGE)
MAY_HAVE = sql(
    "SELECT viewer_may_read_export(:role, CAST(:group_ids AS bigint[]), CAST(:user_id AS bigint))",
)


# To whom it was sent is looked up by who the viewer is; that they may read it is a condition of the function.
SENT_TO_VIEWER = sql(f"SELECT {', '.join(ExportRow._fields[:-1])}, true AS may_read FROM export_sent_to_viewer(:id)")


async def get_export_sent_to_viewer(snapshot: Snapshot, key: int) -> ExportRow | None:
    """An export of anybody's that was delivered to the viewer's own address, while they may have its file."""
    row = await snapshot.row(SENT_TO_VIEWER, id=key)
    return ExportRow(*row) if row else None


async def get_exports(snapshot: Snapshot, ids: Sequence[int]) -> list[ExportRow]:
    return [ExportRow(*row) for row in await snapshot.rows(EXPORTS_BY_ID, ids=ids)]


def exports_statement(selection: ExportSelection, page: Page) -> Statement:
    selected = _selected(select(*COLUMNS, *sort_values(NEWEST_FIRST)), selection)
    return Statement(paged(selected, NEWEST_FIRST, page), Dependency("exports"))


async def list_exports(
    snapshot: Snapshot, selection: ExportSelection, page: Page
) -> list[tuple[ExportRow, tuple[Any, ...]]]:
    width = len(COLUMNS)
    rows = await snapshot.rows(exports_statement(selection, page))
    return [(ExportRow(*row[:width]), tuple(row[width:])) for row in rows]


async def count_exports(snapshot: Snapshot, selection: ExportSelection, bound: int | None) -> int:
    """How many there are; no further than ``bound``."""
    counted = bounded_count(_selected(select(exports.c.id), selection), bound)
    return await snapshot.count(Statement(counted, Dependency("exports")))


async def get_usage(snapshot: Snapshot, organization_id: int, subject: str, hourly_limit: int) -> Usage:
    """Of the hourly limit, by the subject of a token."""
    row = await snapshot.row(
        USAGE_IN_SNAPSHOT, organization_id=organization_id, subject=subject, hourly_limit=hourly_limit
    )
    assert row is not None
    return Usage(*row)


def groups_shown(group_id: int | None, user_id: int | None, led: Sequence[int]) -> list[int]:
    """The led groups of which somebody is shown something who asks about a group, a person, or all that they see."""
    if group_id is not None:
        return [group_id]
    return [] if user_id is not None else list(led)


async def may_have(snapshot: Snapshot, role: str, group_ids: Sequence[int], user_id: int | None) -> bool:
    """Whether the viewer may have what somebody of this role is shown of these led groups and this person."""
    row = await snapshot.row(MAY_HAVE, role=role, group_ids=group_ids, user_id=user_id)
    return row is not None and bool(row[0])


def _selected(statement: Select[Any], selection: ExportSelection) -> Select[Any]:
    statement = statement.where(OWN)
    if selection.status is not None:
        statement = statement.where(exports.c.status == selection.status.value)
    if selection.group_id is not None:
        statement = statement.where(exports.c.group_id == literal(selection.group_id, BigInteger))
    if selection.report_id is not None:
        statement = statement.where(exports.c.report_id == literal(selection.report_id, BigInteger))
    return statement


EXPORTS_BY_ID = Statement(select(*COLUMNS).where(OWN, among(exports.c.id, "ids")), Dependency("export", "ids"))
