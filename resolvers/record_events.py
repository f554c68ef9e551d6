"""Recording tracked events: who may, what is refused, and answering the same call again."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from db.entering import Viewer
from db.event_drafts import EventDraft, event_problems
from db.event_recording import EventOutcome, EventRecorded, OtherEvent, UnknownPerson, record_events
from db.personal_keys import without_personal_keys
from db.queries.idempotency import claim_key, keep_answer
from resolvers.argument_names import argument_name
from resolvers.attempt_errors import problem_errors
from resolvers.context import Context
from resolvers.errors import ClientError
from resolvers.idempotency import answer_again, idempotency_key
from resolvers.permissions import Permission
from resolvers.user_errors import (
    IdempotencyMismatchError,
    NotFoundError,
    Path,
    Refused,
    UserError,
    ValidationError,
    errors_as_json,
    errors_from_json,
    user_error_of,
)
from resolvers.writing import write

MOST_EVENTS = 2000


@dataclass(frozen=True, slots=True)
class SentEvent:
    """A draft as it came (or why it is none), its path in the input, and what was said, for comparing it another time."""

    draft: EventDraft | UserError
    path: Path
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    """What became of one event: it has an id, or errors. ``dropped_keys`` are those of its metadata that were not kept."""

    id: int | None = None
    replayed: bool = False
    dropped_keys: tuple[str, ...] = ()
    errors: tuple[UserError, ...] = ()


@dataclass(frozen=True, slots=True)
class RecordedEvents:
    """``errors`` are about the whole call: nothing was written then."""

    items: tuple[RecordedEvent, ...] = ()
    replayed: bool = False
    errors: tuple[UserError, ...] = ()


class _NothingWritten(Exception):
    """Rolls back a transaction in which nothing was recorded, and carries why."""

    def __init__(self, items: tuple[RecordedEvent, ...]) -> None:
        super().__init__()
        self.items = items


async def resolve_record_events(
    context: Context, operation: str, key: str | None, sent: Sequence[SentEvent]
) -> RecordedEvents:
    """Records events, each by itself. Refusals are errors in the answer. Afterwards the context reads what was written."""
    try:
        return await _record(context, operation, key, sent)
    except _NothingWritten as nothing:
        return RecordedEvents(nothing.items)
    except Refused as refused:
        return RecordedEvents(errors=refused.errors)
    except ClientError as error:
        return RecordedEvents(errors=(user_error_of(error),))


async def _record(context: Context, operation: str, key: str | None, sent: Sequence[SentEvent]) -> RecordedEvents:
    viewer = await context.require(Permission.INGEST)
    if len(sent) > MOST_EVENTS:
        raise Refused(ValidationError(f"At most {MOST_EVENTS} events at once.", ("input", "events"), "SIZE"))
    claimed = idempotency_key(context, viewer, operation, key)
    settings = context.services.settings
    now = datetime.now(UTC)
    drafts, errors = _checked(sent, now, settings.metrics_retention_days)
    words = settings.personal_words
    # What makes no sense cannot be kept either: it is known by what is wrong with it. Nor is what names a person kept here.
    said = [
        [error.message for error in errors[place]] if place in errors else _impersonal(item.body, words)
        for place, item in enumerate(sent if claimed else ())
    ]
    body = {"events": said}

    async def work(connection: AsyncConnection, viewer: Viewer) -> RecordedEvents:
        kept = await claim_key(connection, claimed, body) if claimed else None
        if kept is not None:
            return RecordedEvents(tuple(_read(item) for item in answer_again(kept, body)), replayed=True)
        outcomes = await record_events(connection, viewer.organization_id, [*drafts.values()], now, words)
        became = dict(zip(drafts, outcomes, strict=True))
        items = tuple(
            RecordedEvent(errors=errors[position])
            if position in errors
            else _became(became[position], drafts[position], item.path)
            for position, item in enumerate(sent)
        )
        if all(item.id is None for item in items):
            raise _NothingWritten(items)
        if claimed:
            await keep_answer(connection, claimed, [_written(item) for item in items])
        return RecordedEvents(items)

    recorded = await write(context, work)
    # What is read from now on is read after the commit.
    await context.renew()
    return recorded


def _impersonal(body: dict[str, Any], words: Collection[str]) -> dict[str, Any]:
    return {**body, "metadata": without_personal_keys(body.get("metadata"), words)[0]}


def _checked(
    sent: Sequence[SentEvent], now: datetime, retention_days: int
) -> tuple[dict[int, EventDraft], dict[int, tuple[UserError, ...]]]:
    """By position: the drafts that can be recorded, and what is wrong with the others."""
    drafts: dict[int, EventDraft] = {}
    errors: dict[int, tuple[UserError, ...]] = {}
    for position, item in enumerate(sent):
        if isinstance(item.draft, UserError):
            errors[position] = (item.draft,)
        elif problems := event_problems(item.draft, now, retention_days):
            errors[position] = problem_errors(problems, item.path)
        else:
            drafts[position] = item.draft
    return drafts, errors


def _became(outcome: EventOutcome, draft: EventDraft, path: Path) -> RecordedEvent:
    match outcome:
        case EventRecorded(event_id=id, replayed=replayed, dropped=dropped):
            return RecordedEvent(id, replayed, tuple(dropped))
        case UnknownPerson():
            field = "userExternalId" if draft.user_id is None else "userId"
            return RecordedEvent(errors=(NotFoundError("There is no such user.", (*path, field)),))
        case OtherEvent(difference=(first, *rest)):
            error = IdempotencyMismatchError(
                "This source id stands for another event.",
                (*path, "sourceId"),
                (*path, argument_name(first), *rest),
            )
            return RecordedEvent(errors=(error,))
    raise AssertionError("two events that are not the same differ somewhere")


def _written(item: RecordedEvent) -> dict[str, Any]:
    """What is kept of an answer with an idempotency key."""
    return {"id": item.id, "dropped": item.dropped_keys, "errors": errors_as_json(item.errors)}


def _read(kept: dict[str, Any]) -> RecordedEvent:
    return RecordedEvent(kept["id"], kept["id"] is not None, tuple(kept["dropped"]), errors_from_json(kept["errors"]))
