"""Changing, deleting and restoring attempts: one writer at a time, nothing forgotten."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func
from sqlalchemy.ext.asyncio import AsyncConnection

from db.attempt_drafts import AttemptDraft, content_problems
from db.entering import Viewer
from db.queries.attempt_edits import change_attempt, get_attempt_to_change
from db.queries.attempt_writes import AssignmentQuestion, get_assignments
from db.queries.attempts import AttemptRow
from resolvers.attempt_errors import problem_errors
from resolvers.attempt_patches import asks_for_assignment, patched, stored
from resolvers.audit_log import trace
from resolvers.context import Context
from resolvers.errors import ClientError
from resolvers.permissions import Permission
from resolvers.user_errors import (
    ConflictError,
    InvalidStateError,
    NotFoundError,
    Refused,
    UserError,
    ValidationError,
    user_error_of,
)
from resolvers.writing import write

PATCH = ("input", "patch")
ACTIONS = {"UPDATED": "updateAttempt", "DELETED": "deleteAttempt", "RESTORED": "restoreAttempt"}
"""By what they do to an attempt."""


@dataclass(frozen=True, slots=True)
class EditCall:
    """Which attempt, at which revision the caller saw it (None: whatever it is), and why."""

    key: int
    expected_revision: int | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class EditedAttempt:
    """Which attempt was changed (as it was before), or why nothing was written."""

    written: AttemptRow | None = None
    errors: tuple[UserError, ...] = ()


async def resolve_update_attempt(context: Context, call: EditCall, changes: dict[str, Any]) -> EditedAttempt:
    """Changes what an attempt says; ``changes`` are by field of a draft. A patch that changes nothing makes no revision."""

    async def columns(connection: AsyncConnection, row: AttemptRow) -> dict[str, Any]:
        if row.deleted_at is not None:
            raise Refused(InvalidStateError("The attempt is deleted; restore it first.", ("input", "id"), "DELETED"))
        draft = patched(row, changes)
        problems = content_problems(draft, datetime.now(UTC))
        if problems:
            raise Refused(*problem_errors(problems, PATCH))
        await _settle_deadline(connection, row, draft, changes)
        new = stored(draft, changes)
        return {name: value for name, value in new.items() if value != getattr(row, name)}

    return await _edit(context, call, "UPDATED", columns)


async def resolve_delete_attempt(context: Context, call: EditCall) -> EditedAttempt:
    """Takes an attempt out of all measures; it can be restored."""

    async def columns(connection: AsyncConnection, row: AttemptRow) -> dict[str, Any]:
        if row.deleted_at is not None:
            raise Refused(InvalidStateError("The attempt is deleted already.", ("input", "id"), "DELETED"))
        return {"deleted_at": func.now()}

    return await _edit(context, call, "DELETED", columns)


async def resolve_restore_attempt(context: Context, call: EditCall) -> EditedAttempt:
    """Puts a deleted attempt back: every measure is as if it had never been deleted."""

    async def columns(connection: AsyncConnection, row: AttemptRow) -> dict[str, Any]:
        if row.deleted_at is None:
            raise Refused(InvalidStateError("The attempt is not deleted.", ("input", "id"), "PRESENT"))
        return {"deleted_at": None}

    return await _edit(context, call, "RESTORED", columns)


async def _edit(
    context: Context,
    call: EditCall,
    change: str,
    columns: Callable[[AsyncConnection, AttemptRow], Awaitable[dict[str, Any]]],
) -> EditedAttempt:
    """Locks the attempt, asks ``columns`` for its new values, and writes them with a revision."""

    async def work(connection: AsyncConnection, viewer: Viewer) -> AttemptRow:
        row = await get_attempt_to_change(connection, viewer.organization_id, call.key)
        if row is None:
            raise Refused(NotFoundError("There is no such attempt.", ("input", "id")))
        if call.expected_revision not in (None, row.revision):
            raise Refused(
                ConflictError("The attempt was changed meanwhile.", ("input", "expectedRevision"), row.revision)
            )
        values = await columns(connection, row)
        if values:
            await change_attempt(connection, row, values, change=change, actor_id=viewer.user_id, reason=call.reason)
            await trace(context, connection, viewer, ACTIONS[change], [row.id], revision=row.revision + 1)
        return row

    try:
        await context.require(Permission.EDIT_ATTEMPTS)
        await context.renew()
        row = await write(context, work)
    except Refused as refused:
        return EditedAttempt(errors=refused.errors)
    except ClientError as error:
        return EditedAttempt(errors=(user_error_of(error),))
    return EditedAttempt(row)


async def _settle_deadline(
    connection: AsyncConnection, row: AttemptRow, draft: AttemptDraft, changes: dict[str, Any]
) -> None:
    """Gives the draft the assignment that it belongs to now, and the person's deadline of it unless another was given."""
    if "assignment_id" in changes:
        draft.due_at = changes.get("due_at")
    if not asks_for_assignment(row, draft, changes):
        return
    question = AssignmentQuestion(row.user_id, row.lab_id, draft.assignment_id, draft.occurred_at)
    found = (await get_assignments(connection, row.organization_id, [question])).get(0)
    if found is None and draft.assignment_id is not None:
        raise Refused(NotFoundError("There is no such assignment.", (*PATCH, "assignmentId")))
    if found is not None and found.lab_id != row.lab_id:
        raise Refused(ValidationError("The assignment is for another lab.", (*PATCH, "assignmentId"), "CONSISTENCY"))
    if found is not None:
        draft.assignment_id = found.id
        draft.due_at = changes.get("due_at", found.due_at)
