"""The audit trail: leaving a trace in the transaction of an effect, and reading it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from sqlalchemy import ARRAY, BigInteger, DateTime, Select, Text, column, literal, select, table, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from db.keyset import Page, SortKey, bounded_count, paged
from db.snapshot import Snapshot
from db.statement import Statement, sql

MOST_ACTOR = 200
OPERATOR = "OPERATOR"
"""The role of who acts by a command."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: the subject of a token and, where it is a person, their row. ``organization_id`` None: an operator."""

    organization_id: int | None
    subject: str
    user_id: int | None
    role: str


@dataclass(frozen=True, slots=True)
class Deed:
    """What was done to which rows of a type of the graph. ``details`` are few and hold nothing personal."""

    action: str
    object_type: str | None = None
    object_ids: Sequence[int] = ()
    details: Mapping[str, Any] | None = None


class AuditRow(NamedTuple):
    id: int
    organization_id: int | None
    at: datetime
    actor: str
    user_id: int | None
    role: str
    action: str
    object_type: str | None
    object_ids: Sequence[int]
    details: dict[str, Any]
    request_id: str | None


@dataclass(frozen=True, slots=True)
class AuditSelection:
    """Which entries of those visible; None means any. Instants lie in [at_from, at_before)."""

    user_id: int | None = None
    actor: str | None = None
    action: str | None = None
    object_type: str | None = None
    object_id: int | None = None
    at_from: datetime | None = None
    at_before: datetime | None = None


entries = table(
    "audit_entries",
    column("id", BigInteger),
    column("organization_id", BigInteger),
    column("at", DateTime(timezone=True)),
    column("actor", Text),
    column("user_id", BigInteger),
    column("role", Text),
    column("action", Text),
    column("object_type", Text),
    column("object_ids", ARRAY(BigInteger)),
    column("details", JSONB),
    column("request_id", Text),
)
assert tuple(entries.c.keys()) == AuditRow._fields
NEWEST_FIRST = (SortKey(entries.c.id, descending=True),)
_NAMES = ", ".join(AuditRow._fields)

ENTRIES_BY_ID = sql(f"SELECT {_NAMES} FROM audit_entries WHERE id = ANY (:ids)")
INSERT = text("""
INSERT INTO audit_entries (organization_id, actor, user_id, role, action, object_type, object_ids, details, request_id)
VALUES (:organization_id, :actor, :user_id, :role, :action, :object_type, :object_ids, CAST(:details AS jsonb), :request_id)
""")
LATEST = text(f"""
SELECT {", ".join(f"e.{name}" for name in AuditRow._fields)}
FROM audit_entries e LEFT JOIN organizations o ON o.id = e.organization_id
WHERE (CAST(:organization AS text) IS NULL OR o.slug = :organization)
  AND (CAST(:actor AS text) IS NULL OR e.actor = :actor) AND (CAST(:action AS text) IS NULL OR e.action = :action)
  AND (CAST(:since AS timestamptz) IS NULL OR e.at >= :since)
ORDER BY e.id DESC LIMIT :most
""")
EXPIRE = text("SELECT expire_audit_entries(:days)")


async def leave_trace(connection: AsyncConnection, actor: Actor, deed: Deed, request_id: str | None = None) -> None:
    """Notes what the transaction does: it is in the trail if, and only if, it is done."""
    values = {
        "organization_id": actor.organization_id,
        "actor": actor.subject[:MOST_ACTOR],
        "user_id": actor.user_id,
        "role": actor.role,
        "action": deed.action,
        "object_type": deed.object_type,
        "object_ids": list(deed.object_ids),
        "details": orjson.dumps(deed.details or {}).decode(),
        "request_id": request_id,
    }
    await connection.execute(INSERT, values)


async def get_entries(snapshot: Snapshot, ids: Sequence[int]) -> list[AuditRow]:
    return [AuditRow(*row) for row in await snapshot.rows(ENTRIES_BY_ID, ids=ids)]


async def list_entries(snapshot: Snapshot, selection: AuditSelection, page: Page) -> list[AuditRow]:
    """A page, newest first, with one row more than asked."""
    statement = Statement(paged(_selected(select(*entries.c), selection), NEWEST_FIRST, page))
    return [AuditRow(*row) for row in await snapshot.rows(statement)]


async def count_entries(snapshot: Snapshot, selection: AuditSelection, bound: int | None) -> int:
    """How many there are; no further than ``bound``."""
    return await snapshot.count(Statement(bounded_count(_selected(select(entries.c.id), selection), bound)))


async def list_latest_entries(
    connection: AsyncConnection,
    most: int,
    organization: str | None = None,
    actor: str | None = None,
    action: str | None = None,
    since: datetime | None = None,
) -> list[AuditRow]:
    """Of all organizations, as the worker; newest first."""
    values = {"organization": organization, "actor": actor, "action": action, "since": since, "most": most}
    return [AuditRow(*row) for row in await connection.execute(LATEST, values)]


async def expire_entries(connection: AsyncConnection, days: int) -> int:
    """Forgets entries that are older than so many days; says how many."""
    return int((await connection.execute(EXPIRE, {"days": days})).scalar_one())


def _selected(statement: Select[Any], selection: AuditSelection) -> Select[Any]:
    conditions = {
        entries.c.user_id: selection.user_id,
        entries.c.actor: selection.actor,
        entries.c.action: selection.action,
        entries.c.object_type: selection.object_type,
    }
    for field, value in conditions.items():
        if value is not None:
            statement = statement.where(field == value)
    if selection.object_id is not None:
        statement = statement.where(literal(selection.object_id, BigInteger) == entries.c.object_ids.any_())
    if selection.at_from is not None:
        statement = statement.where(entries.c.at >= selection.at_from)
    if selection.at_before is not None:
        statement = statement.where(entries.c.at < selection.at_before)
    return statement
