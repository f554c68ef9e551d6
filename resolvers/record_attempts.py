"""Recording attempts: who may, what is refused, and answering the same call again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from db.attempt_drafts import AttemptDraft, settle
from db.attempt_recording import Outcome, Parked, Recorded, record_drafts
from db.entering import Viewer
from db.queries.idempotency import IdempotencyKey, KeptAnswer, claim_key, get_kept_answer, keep_answer
from resolvers.attempt_errors import draft_body, outcome_error, problem_errors
from resolvers.audit_log import trace
from resolvers.context import Context
from resolvers.errors import ClientError
from resolvers.idempotency import answer_again, idempotency_key
from resolvers.permissions import Permission
from resolvers.user_errors import (
    Path,
    Refused,
    UserError,
    ValidationError,
    errors_as_json,
    errors_from_json,
    user_error_of,
)
from resolvers.user_progress_checks import ProgressCheck, check_user_progress
from resolvers.writing import write
from settings import UserProgressMode

MOST_ATTEMPTS = 1000


@dataclass(frozen=True, slots=True)
class SentAttempt:
    """A draft as it came (or why it is none), and its path in the input."""

    draft: AttemptDraft | UserError
    path: Path

    def body(self) -> Any:
        return self.draft.message if isinstance(self.draft, UserError) else draft_body(self.draft)


@dataclass(frozen=True, slots=True)
class RecordCall:
    """One call of a mutation. ``operation`` is the mutation's name, the scope of its idempotency keys."""

    operation: str
    key: str | None
    attempts: Sequence[SentAttempt]
    atomic: bool

    def body(self) -> dict[str, Any]:
        bodies = [sent.body() for sent in self.attempts]
        if self.operation == "recordAttempt":
            return {"attempt": bodies[0]}
        return {"attempts": bodies, "atomic": self.atomic}


@dataclass(frozen=True, slots=True)
class RecordedAttempt:
    """What became of one attempt: recorded (``written``), parked, or neither, for the errors' reasons."""

    written: Recorded | None = None
    replayed: bool = False
    parked: bool = False
    errors: tuple[UserError, ...] = ()


@dataclass(frozen=True, slots=True)
class RecordedBatch:
    """``errors`` are about the whole call: nothing was written then."""

    items: tuple[RecordedAttempt, ...] = ()
    replayed: bool = False
    errors: tuple[UserError, ...] = ()


# What the transaction found for an attempt: what became of it, or why nothing did.
Found = Outcome | tuple[UserError, ...]


class _NotWritten(Exception):
    """Rolls back a transaction that is not to be kept, and carries what it found."""

    def __init__(self, found: list[Found]) -> None:
        super().__init__()
        self.found = found


async def resolve_record_attempts(context: Context, call: RecordCall) -> RecordedBatch:
    """Records attempts, each by itself or all or nothing. Refusals are errors in the answer.

    Afterwards the context reads from a snapshot that has what was written.
    """
    try:
        return await _record(context, call)
    except Refused as refused:
        return RecordedBatch(errors=refused.errors)
    except ClientError as error:
        return RecordedBatch(errors=(user_error_of(error),))


async def _record(context: Context, call: RecordCall) -> RecordedBatch:
    viewer = await context.require(Permission.INGEST)
    if len(call.attempts) > MOST_ATTEMPTS:
        raise Refused(ValidationError(f"At most {MOST_ATTEMPTS} attempts at once.", ("input", "attempts"), "SIZE"))
    key = idempotency_key(context, viewer, call.operation, call.key)
    body = call.body() if key else None
    errors, drafts = _checked(call)
    if key is not None and context.services.user_progress is not None:
        # An answer that was given holds whether or not the service answers now.
        kept = await get_kept_answer(context.snapshot, key)
        if kept is not None:
            return _replay(kept, body)
    check = await check_user_progress(context, drafts)
    errors.update((position, (error,)) for position, error in check.refused.items())
    # What the answer reads comes from a snapshot that has what is written now.
    await context.renew()
    found: list[Found] | KeptAnswer
    try:
        found = await _write(context, call, key, body, errors, drafts, check)
    except _NotWritten as nothing:
        return _refusal(call, nothing.found)
    if isinstance(found, KeptAnswer):
        return _replay(found, body)
    return RecordedBatch(_answered(found))


def _checked(
    call: RecordCall,
) -> tuple[dict[int, tuple[UserError, ...]], dict[int, tuple[AttemptDraft, Path]]]:
    """By position: what is wrong with some, and the drafts of the others."""
    now = datetime.now(UTC)
    errors: dict[int, tuple[UserError, ...]] = {}
    drafts: dict[int, tuple[AttemptDraft, Path]] = {}
    for position, sent in enumerate(call.attempts):
        if isinstance(sent.draft, UserError):
            errors[position] = (sent.draft,)
        elif problems := settle(sent.draft, now):
            errors[position] = problem_errors(problems, sent.path)
        else:
            drafts[position] = (sent.draft, sent.path)
    return errors, drafts


async def _write(
    context: Context,
    call: RecordCall,
    key: IdempotencyKey | None,
    body: Any,
    errors: dict[int, tuple[UserError, ...]],
    drafts: dict[int, tuple[AttemptDraft, Path]],
    check: ProgressCheck,
) -> list[Found] | KeptAnswer:
    positions = [position for position in drafts if position not in errors]
    order = {position: number for number, position in enumerate(positions)}
    held = {order[position]: reason for position, reason in check.held.items() if position in order}
    park_unknown = context.services.settings.user_progress_mode is UserProgressMode.DEFER

    async def work(connection: AsyncConnection, viewer: Viewer) -> list[Found] | KeptAnswer:
        if key is not None:
            kept = await claim_key(connection, key, body)
            if kept is not None:
                return kept
        outcomes = await record_drafts(
            connection,
            viewer.organization_id,
            [drafts[position][0] for position in positions],
            park_unknown=park_unknown,
            held=held,
        )
        found: list[Found] = [errors.get(position, ()) for position in range(len(call.attempts))]
        for position, outcome in zip(positions, outcomes, strict=True):
            error = outcome_error(outcome, *drafts[position])
            found[position] = outcome if error is None else (error,)
        refused = [item for item in found if isinstance(item, tuple)]
        if (call.atomic and refused) or len(refused) == len(found):
            raise _NotWritten(found)
        recorded = [item.attempt_id for item in found if isinstance(item, Recorded) and not item.replayed]
        parked = sum(isinstance(item, Parked) and not item.replayed for item in found)
        if recorded or parked:
            await trace(context, connection, viewer, call.operation, recorded, parked=parked)
        if key is not None:
            await keep_answer(connection, key, [_kept(item) for item in found])
        return found

    return await write(context, work)


def _refusal(call: RecordCall, found: list[Found]) -> RecordedBatch:
    """Nothing was written: each attempt has its own errors, and an atomic call all of them."""
    items = tuple(RecordedAttempt(errors=item if isinstance(item, tuple) else ()) for item in found)
    if not call.atomic:
        return RecordedBatch(items)
    return RecordedBatch(items, errors=tuple(error for item in items for error in item.errors))


def _answered(found: Sequence[Found], *, replayed: bool = False) -> tuple[RecordedAttempt, ...]:
    items = []
    for item in found:
        if isinstance(item, tuple):
            items.append(RecordedAttempt(errors=item))
        elif isinstance(item, Recorded):
            items.append(RecordedAttempt(item, replayed or item.replayed))
        else:
            assert isinstance(item, Parked)
            items.append(RecordedAttempt(None, replayed or item.replayed, parked=True))
    return tuple(items)


def _replay(kept: KeptAnswer, body: Any) -> RecordedBatch:
    answer = answer_again(kept, body)
    return RecordedBatch(_answered([_found(item) for item in answer], replayed=True), replayed=True)


def _kept(item: Found) -> dict[str, Any]:
    """What is kept of an answer with an idempotency key."""
    if isinstance(item, Recorded):
        return {"attempt": item.attempt_id, "user": item.user_id, "lab": item.lab_id}
    return {"errors": errors_as_json(item)} if isinstance(item, tuple) else {"parked": True}


def _found(kept: dict[str, Any]) -> Found:
    if "attempt" in kept:
        return Recorded(kept["attempt"], kept["user"], kept["lab"])
    return errors_from_json(kept["errors"]) if "errors" in kept else Parked()
