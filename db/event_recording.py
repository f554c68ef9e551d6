"""Recording tracked events, whoever sends them: each once by its source id, without what names a person."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from db.difference import first_difference
from db.event_drafts import EventDraft
from db.personal_keys import without_personal_keys
from db.queries.attempt_writes import Person, get_people
from db.queries.tracked_event_writes import KnownEvent, NewEvent, insert_events


@dataclass(frozen=True, slots=True)
class EventRecorded:
    """``replayed``: it was recorded before, under the same source id. ``dropped``: the keys that were not kept."""

    event_id: int
    replayed: bool
    dropped: list[str]


@dataclass(frozen=True, slots=True)
class UnknownPerson:
    """There is no such person in the organization."""


@dataclass(frozen=True, slots=True)
class OtherEvent:
    """The source id stands for an event with other content; ``difference`` is the path to the first, by field of a draft."""

    difference: tuple[str, ...]


EventOutcome = EventRecorded | UnknownPerson | OtherEvent


async def record_events(
    connection: AsyncConnection,
    organization_id: int,
    drafts: Sequence[EventDraft],
    now: datetime,
    personal_words: Collection[str],
    origin: str = "API",
) -> list[EventOutcome]:
    """What became of each draft; they have no problems (see ``event_problems``). Those without an instant happened ``now``."""
    people = await get_people(
        connection,
        organization_id,
        {draft.user_id for draft in drafts if draft.user_id is not None},
        {draft.user_external_id for draft in drafts if draft.user_external_id is not None},
    )
    whose = _People(people)
    found: list[EventOutcome | None] = [None] * len(drafts)
    events: list[tuple[int, NewEvent, list[str]]] = []
    for position, draft in enumerate(drafts):
        if not whose.knows(draft):
            found[position] = UnknownPerson()
            continue
        metadata, dropped = without_personal_keys(draft.metadata or {}, personal_words)
        event = NewEvent(draft.event_type, whose.id_of(draft), metadata, draft.source_id, draft.occurred_at or now)
        events.append((position, event, dropped))
    written = await insert_events(connection, organization_id, [event for _, event, _ in events], origin)
    for (position, event, dropped), outcome in zip(events, written, strict=True):
        found[position] = _outcome(drafts[position], event, outcome, dropped)
    return [outcome for outcome in found if outcome is not None]


class _People:
    """Those that are known, by either of their ids."""

    def __init__(self, people: Sequence[Person]) -> None:
        self._ids = {person.id for person in people}
        self._by_external_id = {person.external_id: person.id for person in people}

    def id_of(self, draft: EventDraft) -> int | None:
        if draft.user_external_id is not None:
            return self._by_external_id.get(draft.user_external_id)
        return draft.user_id

    def knows(self, draft: EventDraft) -> bool:
        """Also where nobody is named."""
        id = self.id_of(draft)
        return id in self._ids if id is not None else draft.user_external_id is None


def _outcome(draft: EventDraft, event: NewEvent, outcome: int | KnownEvent | None, dropped: list[str]) -> EventOutcome:
    if isinstance(outcome, int):
        return EventRecorded(outcome, False, dropped)
    if outcome is None:
        return OtherEvent(("occurred_at",))
    said: dict[str, Any] = {"event_type": event.event_type, "metadata": event.metadata, "user_id": event.user_id}
    was: dict[str, Any] = {"event_type": outcome.event_type, "metadata": outcome.metadata, "user_id": outcome.user_id}
    if draft.occurred_at is not None:
        # Where no instant is said, it is when it was first heard of.
        said["occurred_at"], was["occurred_at"] = event.occurred_at, outcome.occurred_at
    difference = first_difference(said, was)
    return EventRecorded(outcome.id, True, dropped) if difference is None else OtherEvent(difference)
