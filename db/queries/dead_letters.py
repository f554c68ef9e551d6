"""Events that could not be taken: tried again, waiting behind an earlier one of their person, dead, or replayed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Select, case, column, select, table, text
from sqlalchemy.ext.asyncio import AsyncConnection

from db.keyset import Page, SortKey, bounded_count, paged
from db.snapshot import Snapshot
from db.statement import Statement, sql

# The pause doubles: 1, 2, 4, 8 seconds.
HOLD = text("""
INSERT INTO dead_letters (
  organization_id, topic, event_id, event_type, person, payload, digest, code, message, tries, next_try_at, failed_at
)
VALUES (
  :organization_id, :topic, :event_id, :event_type, :person, :payload, sha256(:payload), :code, :message, :tries,
  CASE WHEN NOT :is_dead THEN now() + :pause * interval '1 second' END, CASE WHEN :is_dead THEN now() END
)
ON CONFLICT (topic, digest) WHERE replayed_at IS NULL DO NOTHING
""")

WAITING_PEOPLE = text("""
SELECT DISTINCT organization_id, person FROM dead_letters
WHERE next_try_at IS NOT NULL AND (organization_id, person) IN (
  SELECT * FROM unnest(CAST(:organization_ids AS bigint[]), CAST(:people AS text[])))
""")

# The one that has been due for longest, unless an earlier one of the same person waits, too: whoever sends many does not keep
# others from their turn. Nobody waits for the disk: should the server crash, letter and effect are both as before.
LOCK_DUE = text("""
SELECT id, topic, payload, tries, set_config('synchronous_commit', 'off', true) FROM dead_letters d
WHERE next_try_at <= now() AND NOT EXISTS (
  SELECT FROM dead_letters e
  WHERE e.next_try_at IS NOT NULL AND e.organization_id = d.organization_id AND e.person = d.person AND e.id < d.id)
ORDER BY next_try_at, id LIMIT 1
FOR UPDATE SKIP LOCKED
""")
FAIL = text("""
UPDATE dead_letters SET code = :code, message = :message, tries = :tries,
  next_try_at = CASE WHEN NOT :is_dead THEN now() + :pause * interval '1 second' END,
  failed_at = CASE WHEN :is_dead THEN now() END
WHERE id = :id
""")
SETTLE = text("""
UPDATE dead_letters SET next_try_at = NULL, failed_at = NULL, replayed_at = now(), payload = NULL, person = NULL
WHERE id = :id
""")
REPLAY = text("""
UPDATE dead_letters SET next_try_at = now(), failed_at = NULL, tries = 0
WHERE failed_at IS NOT NULL AND (CAST(:ids AS bigint[]) IS NULL OR id = ANY (CAST(:ids AS bigint[])))
RETURNING id
""")
LIST = text("""
SELECT d.id, o.slug, d.topic, d.event_type, d.event_id, d.code, d.message, d.tries, d.received_at, d.next_try_at, d.failed_at
FROM dead_letters d LEFT JOIN organizations o ON o.id = d.organization_id
WHERE d.replayed_at IS NULL ORDER BY d.id LIMIT :most
""")
PROBLEMS = text("""
SELECT id, CASE WHEN replayed_at IS NULL THEN code END AS code FROM dead_letters WHERE id = ANY (CAST(:ids AS bigint[]))
""")
EXPIRE = text("DELETE FROM dead_letters WHERE replayed_at < now() - interval '30 days'")


@dataclass(frozen=True, slots=True)
class NewLetter:
    """``pause`` in seconds until it is tried (again). ``code`` is stable, ``message`` says nothing personal."""

    organization_id: int | None
    topic: str
    event_id: str | None
    event_type: str | None
    person: str | None
    payload: bytes
    code: str
    message: str
    tries: int
    pause: float
    is_dead: bool


@dataclass(frozen=True, slots=True)
class DueLetter:
    """``payload`` is the message as it came."""

    id: int
    topic: str
    payload: bytes
    tries: int


@dataclass(frozen=True, slots=True)
class LetterRow:
    """``organization`` is its slug. Dead since ``failed_at``, or waiting for ``next_try_at``."""

    id: int
    organization: str | None
    topic: str
    event_type: str | None
    event_id: str | None
    code: str
    message: str
    tries: int
    received_at: datetime
    next_try_at: datetime | None
    failed_at: datetime | None


class LetterStatus(StrEnum):
    """WAITING to be tried again, or behind an earlier one of its person; DEAD until it is replayed; TAKEN after all."""

    WAITING = "WAITING"
    DEAD = "DEAD"
    TAKEN = "TAKEN"


class SeenLetter(NamedTuple):
    """A letter as operators see it. ``payload`` is the message as it came, until it is taken."""

    id: int
    topic: str
    event_type: str | None
    event_id: str | None
    code: str
    message: str
    tries: int
    status: str
    received_at: datetime
    next_try_at: datetime | None
    failed_at: datetime | None
    payload: bytes | None


@dataclass(frozen=True, slots=True)
class LetterFilter:
    """None leaves a thing open."""

    status: str | None = None
    topic: str | None = None
    code: str | None = None


# As the viewer

letters = table(
    "dead_letters",
    column("id", BigInteger),
    *(column(name) for name in SeenLetter._fields[1:] if name != "status"),
    column("replayed_at"),
)
_STATUS = case(
    (letters.c.replayed_at.is_not(None), LetterStatus.TAKEN.value),
    (letters.c.failed_at.is_not(None), LetterStatus.DEAD.value),
    else_=LetterStatus.WAITING.value,
).label("status")
_COLUMNS = tuple(_STATUS if name == "status" else letters.c[name] for name in SeenLetter._fields)
OLDEST_FIRST = (SortKey(letters.c.id),)
_STATUS_SQL = "CASE WHEN replayed_at IS NOT NULL THEN 'TAKEN' WHEN failed_at IS NOT NULL THEN 'DEAD' ELSE 'WAITING' END"
_NAMES = ", ".join(_STATUS_SQL if name == "status" else name for name in SeenLetter._fields)

LETTERS_BY_ID = sql(f"SELECT {_NAMES} FROM dead_letters WHERE id = ANY (:ids)")
REPLAY_AS_VIEWER = text(
    "SELECT replay_dead_letters(CAST(:ids AS bigint[]), CAST(:topic AS text), CAST(:code AS text), :most)"
)


async def get_letters(snapshot: Snapshot, ids: Sequence[int]) -> list[SeenLetter]:
    return [SeenLetter(*row) for row in await snapshot.rows(LETTERS_BY_ID, ids=ids)]


async def list_seen_letters(snapshot: Snapshot, wanted: LetterFilter, page: Page) -> list[SeenLetter]:
    """A page, oldest first, with one row more than asked."""
    statement = Statement(paged(_matching(select(*_COLUMNS), wanted), OLDEST_FIRST, page))
    return [SeenLetter(*row) for row in await snapshot.rows(statement)]


async def count_letters(snapshot: Snapshot, wanted: LetterFilter, bound: int | None) -> int:
    return await snapshot.count(Statement(bounded_count(_matching(select(letters.c.id), wanted), bound)))


def _matching(statement: Select[Any], wanted: LetterFilter) -> Select[Any]:
    for value, expression in ((wanted.status, _STATUS), (wanted.topic, letters.c.topic), (wanted.code, letters.c.code)):
        if value is not None:
            statement = statement.where(expression == value)
    return statement


async def replay_as_viewer(
    connection: AsyncConnection, ids: Sequence[int] | None, wanted: LetterFilter, most: int
) -> list[int]:
    """Lets dead ones of the viewer's organization be tried again: those named or, for None, the oldest that match. Their ids."""
    values = {
        "ids": None if ids is None else list(ids),
        "topic": wanted.topic,
        "code": wanted.code,
        "most": most,
    }
    return sorted((await connection.execute(REPLAY_AS_VIEWER, values)).scalars())


# As the worker


async def hold_letters(connection: AsyncConnection, letters: Sequence[NewLetter]) -> None:
    """Keeps them in their order; one that is kept already is left as it is."""
    if letters:
        names = tuple(NewLetter.__dataclass_fields__)
        await connection.execute(HOLD, [{name: getattr(letter, name) for name in names} for letter in letters])


async def get_waiting_people(connection: AsyncConnection, people: Iterable[tuple[int, str]]) -> set[tuple[int, str]]:
    """Those of them with an event that waits."""
    pairs = list(people)
    if not pairs:
        return set()
    values = {"organization_ids": [pair[0] for pair in pairs], "people": [pair[1] for pair in pairs]}
    return {(row.organization_id, row.person) for row in await connection.execute(WAITING_PEOPLE, values)}


async def lock_due(connection: AsyncConnection) -> DueLetter | None:
    """The next to be tried, held until the end of the transaction."""
    row = (await connection.execute(LOCK_DUE)).one_or_none()
    return DueLetter(row.id, row.topic, bytes(row.payload), row.tries) if row else None


async def note_failure(
    connection: AsyncConnection, key: int, *, code: str, message: str, tries: int, pause: float, is_dead: bool
) -> None:
    values: dict[str, Any] = {"code": code, "message": message, "tries": tries, "pause": pause, "is_dead": is_dead}
    await connection.execute(FAIL, {"id": key, **values})


async def settle_letter(connection: AsyncConnection, key: int) -> None:
    """It was taken after all: what it said is forgotten here."""
    await connection.execute(SETTLE, {"id": key})


async def replay_letters(connection: AsyncConnection, ids: Sequence[int] | None) -> list[int]:
    """Lets dead ones be tried again (all of them for None), at once and in their order; the ids of those."""
    found = await connection.execute(REPLAY, {"ids": None if ids is None else list(ids)})
    return sorted(found.scalars())


async def list_letters(connection: AsyncConnection, most: int) -> list[LetterRow]:
    """Dead and waiting ones, oldest first."""
    return [LetterRow(*row) for row in await connection.execute(LIST, {"most": most})]


async def get_problems(connection: AsyncConnection, ids: Sequence[int]) -> dict[int, str | None]:
    """What keeps each from being taken; None of those that were."""
    return {row.id: row.code for row in await connection.execute(PROBLEMS, {"ids": list(ids)})}


async def expire_letters(connection: AsyncConnection) -> int:
    """Forgets those that were replayed more than 30 days ago; how many."""
    return (await connection.execute(EXPIRE)).rowcount
