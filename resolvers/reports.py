"""Saved reports: those of the viewer, or, for ADMIN, of the organization; saving and deleting them, and having one made now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError as PeriodProblem
from sqlalchemy.ext.asyncio import AsyncConnection

from db.entering import Viewer
from db.export_parameters import ExportKind
from db.keyset import Listing, Page
from db.problems import is_storable, text_problem
from db.queries.deliveries import Target
from db.queries.export_jobs import ExportFormat
from db.queries.export_requests import lock_requester
from db.queries.report_writes import (
    LockedReport,
    count_reports_of,
    delete_report,
    insert_report,
    lock_report,
    renew_owner,
    update_report,
)
from db.queries.reports import ReportRow, count_reports, list_reports
from db.relative_period import LONGEST_LAST_DAYS, RelativePeriod
from resolvers.context import Context
from resolvers.errors import NotFound
from resolvers.export_requests import (
    CheckDocument,
    ExportContent,
    ExportDraft,
    ask_for_export,
    document_said,
    refuse_unseen,
    subjects_of,
)
from resolvers.keyed_changes import Done, refuse_without, written
from resolvers.loaders.reports import load_report_by_id
from resolvers.periods import PeriodSpec
from resolvers.permissions import Permission
from resolvers.user_errors import InvalidStateError, NotFoundError, Refused, ValidationError

# Names the order of reports in cursors, and the types of its sort values.
ORDER = "reports:NEWEST"
ORDER_TYPES = (int,)
MOST_REPORTS = 200
LONGEST_DESCRIPTION = 2_000
ID_PATH = ("input", "id")


@dataclass(frozen=True, slots=True)
class ReportDraft:
    """What is to be saved; ``key`` is that of the report that it replaces. ``content`` is read where a refusal is an answer."""

    key: int | None
    title: str
    description: str | None
    content: Callable[[], ExportContent] = field(repr=False)


async def resolve_report(context: Context, key: int) -> ReportRow:
    """Raises NotFound, also for one that the viewer may not see."""
    row = await context.load(load_report_by_id, key)
    if row is None:
        raise NotFound("report")
    return row


async def resolve_reports(context: Context, page: Page) -> Listing[ReportRow]:
    """A page of the reports that the viewer may see, newest first."""
    snapshot = context.snapshot

    async def count(bound: int | None) -> int:
        return await count_reports(snapshot, bound)

    return Listing.of(page, await list_reports(snapshot, page), count)


async def resolve_save_report(context: Context, draft: ReportDraft, check_document: CheckDocument) -> Done:
    """Saves a new report, or another content of one. Raises Refused, Unauthenticated."""

    async def work(connection: AsyncConnection, viewer: Viewer) -> Done:
        refuse_without(viewer, Permission.EXPORT)
        content = draft.content()
        checked = content.checked()
        _refuse_texts(draft)
        period = _relative(content.period)
        await refuse_unseen(connection, viewer, content)
        document = await document_said(connection, checked, check_document)
        subjects = subjects_of(content.said)
        values: dict[str, Any] = {
            "title": draft.title,
            "description": draft.description,
            "kind": content.kind.value,
            "parameters": {**content.said, **document, "locale": checked.locale},
            "period": period,
            "group_id": subjects.group_id,
            "user_id": subjects.user_id,
        }
        if draft.key is None:
            return Done([await _insert(connection, context, viewer, values)], replayed=False)
        await locked_report(connection, draft.key, ID_PATH)
        await update_report(connection, draft.key, **values)
        await renew(connection, context, viewer, draft.key)
        return Done([draft.key], replayed=False)

    return await written(context, "saveReport", work)


async def resolve_delete_report(context: Context, key: int) -> Done:
    """Its schedules go with it, its exports stay. Raises Refused, Unauthenticated."""

    async def work(connection: AsyncConnection, viewer: Viewer) -> Done:
        refuse_without(viewer, Permission.EXPORT)
        if not await delete_report(connection, key):
            raise Refused(NotFoundError("There is no such report.", ID_PATH))
        return Done([key], replayed=False)

    return await written(context, "deleteReport", work)


async def resolve_generate_report(
    context: Context,
    report_id: int,
    format: ExportFormat,
    dialect: str | None,
    deliveries: tuple[Target, ...],
    key: str | None,
    check_document: CheckDocument,
) -> Done:
    """Asks for an export of a saved report now, as whoever asks; it counts in their hourly limit. Raises Refused, Unauthenticated."""

    async def work(connection: AsyncConnection, viewer: Viewer) -> Done:
        report = await locked_report(connection, report_id, ("input", "reportId"))
        draft = ExportDraft(
            kind=ExportKind(report.kind),
            said=report.parameters,
            period=_spec(report.period),
            format=format,
            dialect=dialect,
            deliveries=deliveries,
            report_id=report.id,
        )
        return await ask_for_export(connection, context, viewer, draft, key, check_document)

    return await written(context, "generateReport", work)


async def locked_report(connection: AsyncConnection, key: int, path: tuple[str, ...]) -> LockedReport:
    """Raises Refused."""
    report = await lock_report(connection, key)
    if report is None:
        raise Refused(NotFoundError("There is no such report.", path))
    return report


async def renew(connection: AsyncConnection, context: Context, viewer: Viewer, key: int) -> None:
    """Where its owner changes something, it is made as what their token claims now."""
    await renew_owner(connection, key, **_owner(context, viewer))


async def _insert(connection: AsyncConnection, context: Context, viewer: Viewer, values: dict[str, Any]) -> int:
    # One after the other, so that each counts those before it.
    await lock_requester(connection, viewer.organization_id, context.caller.subject)
    if await count_reports_of(connection, viewer.organization_id, viewer.user_id) >= MOST_REPORTS:
        raise Refused(InvalidStateError(f"There are {MOST_REPORTS} reports already.", ("input",), "FULL"))
    owner = _owner(context, viewer)
    return await insert_report(connection, organization_id=viewer.organization_id, **owner, **values)


def _owner(context: Context, viewer: Viewer) -> dict[str, Any]:
    caller = context.caller
    return {
        "owner_id": viewer.user_id,
        "subject": caller.subject,
        "role": caller.role,
        "claimed_groups": None if caller.group_ids is None else list(caller.group_ids),
    }


def _refuse_texts(draft: ReportDraft) -> None:
    if (problem := text_problem("title", draft.title)) is not None or not draft.title.strip():
        message, rule = (problem.message, problem.rule) if problem else ("The text is blank.", "LENGTH")
        raise Refused(ValidationError(message, ("input", "title"), rule))
    said = draft.description
    if said is not None and not (1 <= len(said) <= LONGEST_DESCRIPTION and is_storable(said)):
        message = f"The text has 1 to {LONGEST_DESCRIPTION:,} characters that can be stored."
        raise Refused(ValidationError(message, ("input", "description"), "TEXT"))


def _relative(spec: PeriodSpec | None) -> dict[str, Any] | None:
    """As it is kept. Raises Refused for one that does not go along with time."""
    if spec is None or spec.all_time:
        return None
    if spec.range or spec.dates:
        message = "A saved report takes lastDays, calendar or allTime: it is made again and again."
        raise Refused(ValidationError(message, ("input", "period"), "CONSISTENCY"))
    try:
        period = RelativePeriod(last_days=spec.last_days, calendar=spec.calendar)
    except PeriodProblem:
        message = f"lastDays is a number from 1 to {LONGEST_LAST_DAYS:,}."
        raise Refused(ValidationError(message, ("input", "period", "lastDays"), "RANGE")) from None
    return period.model_dump(mode="json", by_alias=True, exclude_none=True)


def _spec(kept: dict[str, Any] | None) -> PeriodSpec | None:
    if kept is None:
        return None
    period = RelativePeriod.model_validate(kept)
    return PeriodSpec(last_days=period.last_days, calendar=period.calendar)
