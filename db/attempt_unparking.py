"""Records parked attempts once their person and lab are known: after roster changes, and from time to time."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from db.attempt_recording import Recorded, record_drafts
from db.attempt_sameness import draft_from_json
from db.queries.parked_attempts import delete_parked, list_ready, list_waiting_organizations, note_failures

AT_ONCE = 500
MOST_TRIES = 5


@dataclass(frozen=True, slots=True)
class Unparked:
    """How many attempts are no longer parked, and whether there may be more."""

    count: int
    more: bool


async def unpark(connection: AsyncConnection, organization_id: int, *, bound: int = AT_ONCE) -> Unparked:
    """Records, in the caller's transaction, at most ``bound`` parked attempts whose person and lab are known now.

    Call again while there are ``more``. One that cannot be recorded (its source id was taken by another attempt meanwhile)
    stays, with the reason; after five tries it is left alone.
    """
    ready = await list_ready(connection, organization_id, tries=MOST_TRIES, bound=bound)
    drafts = [draft_from_json(parked.attempt, parked.user_external_id, parked.lab_type) for parked in ready]
    outcomes = await record_drafts(connection, organization_id, drafts) if drafts else []
    recorded: dict[int, Recorded] = {}
    failures: dict[int, str] = {}
    for parked, outcome in zip(ready, outcomes, strict=True):
        if isinstance(outcome, Recorded):
            recorded[parked.id] = outcome
        else:
            failures[parked.id] = type(outcome).__name__
    await delete_parked(connection, list(recorded))
    await note_failures(connection, failures)
    return Unparked(count=len(recorded), more=len(ready) == bound)


async def organizations_to_unpark(connection: AsyncConnection) -> list[int]:
    """The organizations, of those that the connection sees, with attempts that could be recorded now."""
    return await list_waiting_organizations(connection, tries=MOST_TRIES)
