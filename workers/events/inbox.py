"""Takes events: a batch in one transaction, each event once. What cannot be taken is kept in the same transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from db.queries.dead_letters import NewLetter, get_waiting_people, hold_letters
from db.queries.event_inbox import Organizations, claim_events, get_organizations
from db.transaction import is_race
from workers.events.counting import Result, count
from workers.events.envelope import MOST_BYTES, About, Event, Message, Refusal
from workers.events.handlers import TAKERS, read_event, taker_of
from workers.events.happenings import Keeping, PassedOver
from workers.failures import is_outage

MOST_TRIES = 5
MOST_RACES = 5

ORGANIZATION = Refusal("ORGANIZATION", "organization: There is none of this name.", may_pass=True)
WAITS = Refusal("WAITS", "An earlier event of the same person waits.", may_pass=True)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Letter:
    """A message that was not taken, and why; ``tries`` so far."""

    message: Message
    refusal: Refusal
    event: Event | None = None
    tries: int = 1

    @property
    def about(self) -> Event | About | None:
        return self.event or self.refusal.about


class NotTaken(Exception):
    """These events cannot be taken, so the transaction is not to be committed."""

    def __init__(self, letters: list[_Letter]) -> None:
        super().__init__()
        self.letters = letters


@dataclass(frozen=True, slots=True)
class Batch:
    """Messages that came together, as far as they can be read: events in their order, and what is wrong with the others."""

    events: list[Event]
    letters: list[_Letter]


def read_batch(messages: Sequence[Message], keeping: Keeping) -> Batch:
    """Needs nothing but the messages."""
    events: list[Event] = []
    letters: list[_Letter] = []
    for message in messages:
        try:
            events.append(read_event(message, keeping))
        except PassedOver:
            count(message.topic, Result.IGNORED)
        except Refusal as refusal:
            letters.append(_Letter(message, refusal))
    return Batch(events, letters)


async def take_batch(engine: AsyncEngine, batch: Batch) -> None:
    """Takes all that can be taken together, in its order, and keeps the rest. Afterwards each message has had its effect or is kept,
    so that it can be acknowledged.

    Raises what an outage raises: then nothing is known, and the messages are to come again.
    """
    events, letters = batch.events, batch.letters
    races = 0
    while events or letters:
        try:
            async with engine.begin() as connection:
                slugs = {event.organization for event in events}
                slugs |= {about.organization for letter in letters if (about := letter.about) is not None}
                organizations = await get_organizations(connection, slugs)
                await hold_letters(connection, [_new_letter(letter, organizations) for letter in letters])
                taken = await take(connection, events, organizations)
        except NotTaken as refused:
            letters = letters + refused.letters
            gone = {id(letter.event) for letter in refused.letters}
            events = [event for event in events if id(event) not in gone]
        except Exception as error:
            if isinstance(error, DBAPIError) and is_race(error) and races < MOST_RACES:
                races += 1
                continue
            if is_outage(error):
                raise
            if len(events) > 1:
                half = len(events) // 2
                await take_batch(engine, Batch(events[:half], letters))
                await take_batch(engine, Batch(events[half:], []))
                return
            if not events:
                raise
            letters = [*letters, _Letter(events[0].message, unexpected(error), events[0])]
            events = []
        else:
            for event in events:
                count(event.message.topic, Result.TAKEN if id(event) in taken else Result.DUPLICATE, event.time)
            for letter in letters:
                count(letter.message.topic, Result.REFUSED)
            return


async def take(
    connection: AsyncConnection, events: Sequence[Event], organizations: Organizations, *, in_turn: bool = False
) -> set[int]:
    """Takes events in the caller's transaction; those (by ``id``) that were new. Raises NotTaken.

    ``in_turn``: it is their turn, whatever of the same person waits.
    """
    unknown = [event for event in events if event.organization not in organizations]
    if unknown:
        raise NotTaken([_Letter(event.message, ORGANIZATION, event) for event in unknown])
    if not in_turn:
        await _keep_order(connection, events, organizations)
    taken: set[int] = set()
    for slug in dict.fromkeys(event.organization for event in events):
        organization_id = organizations[slug]
        fresh = await _claim(connection, organization_id, [event for event in events if event.organization == slug])
        for taker in TAKERS:
            own = [event for event in fresh if taker_of(event) is taker]
            refused = await taker(connection, organization_id, own) if own else {}
            if refused:
                raise NotTaken([_Letter(own[place].message, refusal, own[place]) for place, refusal in refused.items()])
        taken.update(map(id, fresh))
    return taken


async def _keep_order(connection: AsyncConnection, events: Sequence[Event], organizations: Organizations) -> None:
    """Puts events of people with one that waits behind that."""
    people = {(organizations[event.organization], event.person) for event in events if event.person is not None}
    waiting = await get_waiting_people(connection, people)
    behind = [
        _Letter(event.message, WAITS, event, tries=0)
        for event in events
        if (organizations[event.organization], event.person) in waiting
    ]
    if behind:
        raise NotTaken(behind)


async def _claim(connection: AsyncConnection, organization_id: int, events: list[Event]) -> list[Event]:
    """The new ones, each once."""
    first = {event.key: event for event in reversed(events)}
    claimed = await claim_events(connection, organization_id, first)
    return [event for event in events if event.key in claimed and first[event.key] is event]


def _new_letter(letter: _Letter, organizations: Organizations) -> NewLetter:
    about = letter.about
    return NewLetter(
        organization_id=organizations.get(about.organization) if about else None,
        topic=letter.message.topic,
        event_id=about.id if about else None,
        event_type=about.type if about else None,
        person=about.person if about else None,
        # Of what is too large the beginning is enough to see what it is, and it stays too large.
        payload=letter.message.body[: MOST_BYTES + 1],
        code=letter.refusal.code,
        message=letter.refusal.message,
        tries=letter.tries,
        pause=pause_after(letter.tries),
        is_dead=not letter.refusal.may_pass,
    )


def pause_after(tries: int) -> float:
    """Seconds."""
    return float(2 ** (tries - 1)) if tries else 0.0


def unexpected(error: Exception) -> Refusal:
    """What nobody foresaw, by its name: its words may quote the event."""
    state = getattr(getattr(error, "orig", None), "sqlstate", None)
    name = type(getattr(error, "orig", None) or error).__name__
    log.error("event_failed", error=name, sqlstate=state)
    return Refusal("UNEXPECTED", f"{name}{f' ({state})' if state else ''}.", may_pass=True)
