"""Events of types that nothing here is made of: they are kept as tracked events, as ``recordEvents`` keeps them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Self

from pydantic import TypeAdapter, ValidationError
from sqlalchemy.ext.asyncio import AsyncConnection

from db.attempt_drafts import metadata_problems
from db.event_drafts import EVENT_TYPE, EventDraft
from db.event_recording import UnknownPerson, record_events
from db.personal_keys import without_personal_keys
from db.problems import LONGEST_NAME
from settings import Settings
from workers.events.envelope import Envelope, Event, Key, Refusal

ORIGIN = "EVENTS"

_KEY: TypeAdapter[str] = TypeAdapter(Key)


class PassedOver(Exception):
    """Nothing is kept of this event."""


@dataclass(frozen=True, slots=True)
class Keeping:
    """For how many days such events are kept, and which words the keys of their data may not have."""

    days: int
    personal_words: frozenset[str]

    @classmethod
    def of(cls, settings: Settings) -> Self:
        return cls(settings.metrics_retention_days, settings.personal_words)


@dataclass(frozen=True, slots=True)
class Happening:
    """What is kept of an event. ``user_id`` is whom it is about, by external id."""

    user_id: str | None
    metadata: dict[str, Any]


def happening_of(envelope: Envelope, keeping: Keeping) -> Happening:
    """Raises PassedOver where the type cannot be one of a tracked event, or it happened too long ago; Refusal."""
    is_old = envelope.time is not None and envelope.time < datetime.now(UTC) - timedelta(days=keeping.days)
    if is_old or not EVENT_TYPE.fullmatch(envelope.type):
        raise PassedOver
    if problems := metadata_problems(envelope.data):
        raise Refusal("DATA", f"data: {problems[0].message}")
    said = {name: value for name, value in envelope.data.items() if name != "userId"}
    return Happening(_person(envelope.data.get("userId")), without_personal_keys(said, keeping.personal_words)[0])


async def take_happenings(
    connection: AsyncConnection, organization_id: int, events: Sequence[Event]
) -> dict[int, Refusal]:
    """Records them; as nobody's where the person is not known."""
    drafts = [_draft(event) for event in events]
    now = datetime.now(UTC)
    # Nothing personal is left in them.
    outcomes = await record_events(connection, organization_id, drafts, now, (), ORIGIN)
    nobodys = [
        replace(draft, user_external_id=None)
        for draft, outcome in zip(drafts, outcomes, strict=True)
        if isinstance(outcome, UnknownPerson)
    ]
    await record_events(connection, organization_id, nobodys, now, (), ORIGIN)
    return {}


def _person(key: object) -> str | None:
    """Nobody, where this is no id."""
    try:
        return _KEY.validate_python(key)
    except ValidationError:
        return None


def _draft(event: Event) -> EventDraft:
    return EventDraft(
        event.type,
        user_external_id=event.person,
        metadata=event.data.metadata,
        occurred_at=event.time,
        source_id=_source_id(event),
    )


def _source_id(event: Event) -> str:
    """By which it is known for as long as it is kept, which can be longer than the inbox knows it."""
    said = ":".join(event.key)
    return said if len(said) <= LONGEST_NAME else sha256(said.encode()).hexdigest()
