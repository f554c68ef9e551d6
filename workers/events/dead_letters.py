"""Tries events again that could not be taken: five times in all, with pauses of 1, 2, 4 and 8 seconds, then they are dead.

Until then later events of the same person wait behind them; everybody else's go on. After that the person's go on as well:
whenever the dead one is replayed, what comes of all of them is the same.
"""

from __future__ import annotations

import asyncio

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from db.queries.dead_letters import DueLetter, lock_due, note_failure, settle_letter
from db.queries.event_inbox import get_organizations
from db.transaction import is_race
from workers.events.counting import Result, count
from workers.events.envelope import Message, Refusal
from workers.events.handlers import read_event
from workers.events.happenings import Keeping, PassedOver
from workers.events.inbox import MOST_TRIES, NotTaken, pause_after, take, unexpected
from workers.failures import is_outage

log = structlog.get_logger(__name__)


async def retry_due(engine: AsyncEngine, keeping: Keeping, stop: asyncio.Event | None = None) -> int:
    """Tries what is due, each person's in their order, until nothing is left or ``stop`` is set; how many were tried."""
    tried = 0
    while stop is None or not stop.is_set():
        async with engine.begin() as connection:
            letter = await lock_due(connection)
            if letter is None:
                break
            await _try(connection, letter, keeping)
        tried += 1
    return tried


async def _try(connection: AsyncConnection, letter: DueLetter, keeping: Keeping) -> None:
    try:
        async with connection.begin_nested():
            await _take_letter(connection, letter, keeping)
    except Refusal as refusal:
        await _note(connection, letter, refusal)
    except NotTaken as not_taken:
        await _note(connection, letter, not_taken.letters[0].refusal)
    except Exception as error:
        if is_outage(error) or (isinstance(error, DBAPIError) and is_race(error)):
            raise
        await _note(connection, letter, unexpected(error))
    else:
        await settle_letter(connection, letter.id)
        count(letter.topic, Result.TAKEN)


async def _take_letter(connection: AsyncConnection, letter: DueLetter, keeping: Keeping) -> None:
    try:
        event = read_event(Message(letter.topic, letter.payload), keeping)
    except PassedOver:
        # It has become too old to be kept.
        return
    organizations = await get_organizations(connection, {event.organization})
    await take(connection, [event], organizations, in_turn=True)


async def _note(connection: AsyncConnection, letter: DueLetter, refusal: Refusal) -> None:
    tries = letter.tries + 1
    is_dead = tries >= MOST_TRIES or not refusal.may_pass
    await note_failure(
        connection,
        letter.id,
        code=refusal.code,
        message=refusal.message,
        tries=tries,
        pause=pause_after(tries),
        is_dead=is_dead,
    )
    if is_dead:
        count(letter.topic, Result.DEAD)
        log.warning("event_dead", letter=letter.id, topic=letter.topic, code=refusal.code, tries=tries)
