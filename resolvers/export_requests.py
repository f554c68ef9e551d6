"""Asking for exports, cancelling them, and having them tried again.

The file is made later, by a worker, as whoever asked for it: with the rights that they have then.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import orjson
from pydantic import ValidationError as ParametersError
from sqlalchemy.ext.asyncio import AsyncConnection

from db.entering import Viewer
from db.export_parameters import PARAMETERS, DocumentParameters, ExportKind, ExportParameters
from db.number_writing import dialect_of
from db.queries.deliveries import Target, insert_deliveries
from db.queries.export_jobs import OUR_FAILURES, UNFINISHED, ExportFormat, ExportStatus, groups_shown
from db.queries.export_requests import (
    LockedExport,
    RequestContext,
    Subjects,
    cancel_export,
    count_used,
    count_used_by_group,
    find_by_key,
    get_request_context,
    get_subject,
    insert_export,
    lock_export,
    lock_requester,
    queue_again,
)
from db.queries.idempotency import KeptAnswer
from db.queries.leaderboards import LeaderboardScope
from db.queries.trusted_documents import find_document
from resolvers.context import Context
from resolvers.deliveries import refuse_targets
from resolvers.idempotency import answer_again, idempotency_key
from resolvers.keyed_changes import Done, refuse_without, written
from resolvers.periods import PeriodError, PeriodSpec, Weekday, resolve_period
from resolvers.permissions import Permission
from resolvers.user_errors import (
    InvalidStateError,
    NotFoundError,
    RateLimitedError,
    Refused,
    UserError,
    ValidationError,
)
from settings import Settings

ID_PATH = ("input", "id")
NOT_TAKEN = "This kind of export does not take it."


@dataclass(frozen=True, slots=True)
class ExportContent:
    """``said`` are parameters of the kind, by argument, with ids of rows; what was not said is not in it. ``period`` None: all
    time.
    """

    kind: ExportKind
    said: dict[str, Any]
    period: PeriodSpec | None

    def checked(self) -> ExportParameters:
        """The parameters without the period. Raises Refused."""
        if self.kind is ExportKind.DOCUMENT and self.period is not None:
            raise Refused(ValidationError(NOT_TAKEN, ("input", "period"), "CONSISTENCY"))
        try:
            return PARAMETERS[self.kind].model_validate(self.said)
        except ParametersError as error:
            raise Refused(*_problems(error)) from error


@dataclass(frozen=True, slots=True)
class ExportDraft(ExportContent):
    """``dialect`` is how a CSV is written; None for other formats. ``report_id`` is that of the saved report that it is one of."""

    format: ExportFormat
    dialect: str | None
    deliveries: tuple[Target, ...] = ()
    report_id: int | None = None

    def body(self) -> Any:
        """What was said, as JSON: the same draft gives the same body. Of a target, nothing that it could be used with."""
        said = asdict(replace(self, deliveries=()))
        return orjson.loads(orjson.dumps({**said, "deliveries": [target.digest() for target in self.deliveries]}))


CheckDocument = Callable[[str, dict[str, Any]], None]
"""Raises Refused for a document, or variables, that cannot be exported."""


async def resolve_request_export(
    context: Context, draft: ExportDraft, key: str | None, check_document: CheckDocument
) -> Done:
    """Asks for an export. Raises Refused, Unauthenticated."""

    async def work(connection: AsyncConnection, viewer: Viewer) -> Done:
        return await ask_for_export(connection, context, viewer, draft, key, check_document)

    return await written(context, "requestExport", work, kind=draft.kind.value, format=draft.format.value)


async def ask_for_export(
    connection: AsyncConnection,
    context: Context,
    viewer: Viewer,
    draft: ExportDraft,
    key: str | None,
    check_document: CheckDocument,
) -> Done:
    """As a part of a change. Raises Refused."""
    settings, caller = context.services.settings, context.caller
    refuse_forbidden(viewer, draft)
    checked, body = draft.checked(), draft.body()
    claimed = idempotency_key(context, viewer, "requestExport", key)
    await lock_requester(connection, viewer.organization_id, caller.subject)
    kept = await find_by_key(connection, viewer.organization_id, caller.subject, claimed.key) if claimed else None
    if kept is not None:
        return Done([answer_again(KeptAnswer(kept[1], kept[0]), body)], replayed=True)
    found = await refuse_unseen(connection, viewer, draft)
    parameters = _parameters(draft, checked, found) | await document_said(connection, checked, check_document)
    await refuse_targets(connection, settings, viewer, draft.deliveries, *shown_of(draft, viewer))
    subjects = subjects_of(draft.said)
    await _refuse_too_many(connection, settings, viewer.organization_id, caller.subject, subjects.group_id)
    export_id = await insert_export(
        connection,
        parameters,
        body,
        organization_id=viewer.organization_id,
        requested_by=viewer.user_id,
        subject=caller.subject,
        role=caller.role,
        claimed_groups=None if caller.group_ids is None else list(caller.group_ids),
        kind=draft.kind.value,
        format=draft.format.value,
        dialect=dialect_of(draft.format, draft.dialect, checked.locale),
        group_id=subjects.group_id,
        user_id=subjects.user_id,
        idempotency_key=claimed.key if claimed else None,
        report_id=draft.report_id,
    )
    await insert_deliveries(connection, viewer.organization_id, export_id, draft.deliveries)
    return Done([export_id], replayed=False)


async def resolve_cancel_export(context: Context, key: int) -> Done:
    """Whoever makes it stops within seconds. Raises Refused, Unauthenticated."""

    async def work(connection: AsyncConnection, viewer: Viewer) -> Done:
        export = await _locked(connection, key)
        if export.status in UNFINISHED:
            await cancel_export(connection, key)
        elif export.status != ExportStatus.CANCELLED:
            raise Refused(InvalidStateError("It is over already.", ID_PATH, export.status))
        return Done([key], replayed=export.status == ExportStatus.CANCELLED)

    return await written(context, "cancelExport", work)


async def resolve_retry_export(context: Context, key: int) -> Done:
    """Has an export made that failed by no fault of what was asked for. It counts as a new one. Raises Refused,
    Unauthenticated.
    """
    settings = context.services.settings

    async def work(connection: AsyncConnection, viewer: Viewer) -> Done:
        subject = await get_subject(connection, key)
        if subject is not None:
            await lock_requester(connection, viewer.organization_id, subject)
        export = await _locked(connection, key)
        if export.status in UNFINISHED:
            return Done([key], replayed=True)
        if export.failure_code not in OUR_FAILURES:
            raise Refused(
                InvalidStateError("Only what failed by our fault can be tried again.", ID_PATH, export.status)
            )
        await _refuse_too_many(connection, settings, viewer.organization_id, export.subject, export.group_id)
        await queue_again(connection, key)
        return Done([key], replayed=False)

    return await written(context, "retryExport", work)


async def _locked(connection: AsyncConnection, key: int) -> LockedExport:
    export = await lock_export(connection, key)
    if export is None:
        raise Refused(NotFoundError("There is no such export.", ID_PATH))
    return export


def refuse_forbidden(viewer: Viewer, content: ExportContent) -> None:
    is_of_oneself = (
        content.kind is ExportKind.USER_PERFORMANCE and content.said.get("userId") == viewer.user_id is not None
    )
    if not is_of_oneself:
        refuse_without(viewer, Permission.EXPORT)


async def _refuse_too_many(
    connection: AsyncConnection, settings: Settings, organization_id: int, subject: str, group_id: int | None
) -> None:
    limit, limit_of_group = settings.exports_per_hour, settings.group_exports_per_hour
    usage = await count_used(connection, organization_id, subject, limit)
    if usage.retry_at is not None:
        raise Refused(RateLimitedError(f"There are at most {limit} exports an hour.", ("input",), usage.retry_at))
    if group_id is None:
        return
    usage = await count_used_by_group(connection, group_id, limit_of_group)
    if usage.retry_at is not None:
        message = f"There are at most {limit_of_group} exports of a group an hour."
        raise Refused(RateLimitedError(message, ("input", "groupId"), usage.retry_at))


async def document_said(connection: AsyncConnection, asked: ExportParameters, check: CheckDocument) -> dict[str, str]:
    """The id of the document, whatever it was called; nothing for other kinds. Raises Refused."""
    if not isinstance(asked, DocumentParameters):
        return {}
    found = await find_document(connection, asked.document_id)
    if found is None:
        raise Refused(NotFoundError("There is no registered document of this id.", ("input", "documentId")))
    id, body = found
    check(body, asked.variables)
    return {"documentId": id}


async def refuse_unseen(connection: AsyncConnection, viewer: Viewer, content: ExportContent) -> RequestContext:
    """Refuses what is not there, or not the viewer's to see."""
    subjects = subjects_of(content.said)
    found = await get_request_context(connection, viewer.organization_id, subjects)
    if errors := list(_unseen(content, subjects, found)):
        raise Refused(*errors)
    return found


def refuse_dialect(format: ExportFormat, dialect: str | None) -> None:
    """Raises Refused."""
    if dialect is not None and format is not ExportFormat.CSV:
        raise Refused(ValidationError("Only a CSV has a dialect.", ("input", "dialect"), "CONSISTENCY"))


def shown_of(content: ExportContent, viewer: Viewer) -> tuple[Sequence[int], int | None]:
    """The led groups, and the person, of whom the viewer will be shown something."""
    subjects = subjects_of(content.said)
    return groups_shown(subjects.group_id, subjects.user_id, viewer.group_ids), subjects.user_id


def _parameters(draft: ExportDraft, checked: ExportParameters, found: RequestContext) -> dict[str, Any]:
    """What is kept of a draft: its period as instants, so that it means the same however late it is made."""
    parameters = {**draft.said, "timeZone": checked.time_zone or found.time_zone, "locale": checked.locale}
    if draft.period is not None and not draft.period.all_time:
        try:
            period = resolve_period(
                draft.period, time_zone=parameters["timeZone"], week_start=Weekday.MONDAY, now=found.now
            )
        except PeriodError as error:
            raise Refused(
                ValidationError(str(error), ("input", "period", *error.argument.split(".")), "TIME")
            ) from None
        parameters["period"] = {"from": period.start, "to": period.end}
    return parameters


def subjects_of(said: dict[str, Any]) -> Subjects:
    """What is asked about, also where it is the scope of a board."""
    scope, scope_id = said.get("scope"), said.get("scopeId")

    def of(name: str, kind: LeaderboardScope) -> int | None:
        return scope_id if scope == kind else said.get(name)

    topic_id = of("", LeaderboardScope.TOPIC)
    return Subjects(
        group_id=of("groupId", LeaderboardScope.GROUP),
        user_id=said.get("userId"),
        lab_id=of("labId", LeaderboardScope.LAB),
        level_id=of("", LeaderboardScope.LEVEL),
        topic_ids=tuple(said.get("topicIds", ())) if topic_id is None else (topic_id,),
    )


def _unseen(content: ExportContent, subjects: Subjects, found: RequestContext) -> Sequence[UserError]:
    """What is not there, or not the viewer's to see."""

    def error(what: str, *path: str) -> UserError:
        of_board = ("leaderboard", "scopeId")
        return NotFoundError(f"There is no such {what}.", ("input", *(of_board if "scopeId" in content.said else path)))

    errors = [
        error(what, argument)
        for what, argument, asked, is_there in (
            ("group", "groupId", subjects.group_id, found.has_group),
            ("user", "userId", subjects.user_id, found.has_user),
            ("lab", "labId", subjects.lab_id, found.has_lab),
            ("level", "levelId", subjects.level_id, found.has_level),
        )
        if asked is not None and not is_there
    ]
    for place, topic_id in enumerate(subjects.topic_ids):
        if topic_id not in found.topic_ids:
            errors.append(error("topic", "topicIds", str(place)))
    return errors


def _problems(error: ParametersError) -> list[UserError]:
    rules = {"missing": "REQUIRED", "extra_forbidden": "CONSISTENCY", "too_long": "SIZE", "too_short": "SIZE"}
    problems: list[UserError] = []
    for found in error.errors(include_url=False, include_context=False, include_input=False):
        path = tuple(map(str, found["loc"]))
        if path and path[0] in ("scope", "scopeId", "metric", "ranking"):
            path = ("leaderboard", *path)
        message = {
            "missing": "This kind of export needs it.",
            "extra_forbidden": NOT_TAKEN,
            "string_pattern_mismatch": "This is no language tag such as de-AT.",
            "dict_type": "Variables are an object.",
        }.get(found["type"], found["msg"].removeprefix("Value error, "))
        problems.append(ValidationError(message, ("input", *path), rules.get(found["type"], "FORMAT")))
    return problems
