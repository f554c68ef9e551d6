"""Recording tracked events. The statements name the organization themselves: a worker sees all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

IDS = text("SELECT nextval('user_events_id_seq') FROM generate_series(1, :count)")

# In one order, so that two batches with the same ids wait for each other, and not both.
CLAIM = text("""
INSERT INTO user_event_ids (organization_id, source_id, event_id, occurred_at)
SELECT :organization_id, source_id, event_id, occurred_at
FROM unnest(CAST(:source_ids AS text[]), CAST(:event_ids AS bigint[]), CAST(:instants AS timestamptz[]))
  AS e (source_id, event_id, occurred_at)
ORDER BY source_id, event_id
ON CONFLICT DO NOTHING RETURNING event_id
""")

INSERT = text("""
INSERT INTO user_events (id, organization_id, user_id, event_type, metadata, source_id, origin, occurred_at)
SELECT e.id, :organization_id, e.user_id, e.event_type, e.metadata, e.source_id, e.origin, e.occurred_at
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS e (
  id bigint, user_id bigint, event_type text, metadata jsonb, source_id text, origin text, occurred_at timestamptz
)
""")

BY_SOURCE_ID = text("""
SELECT i.source_id, e.id, e.user_id, e.event_type, e.metadata, e.occurred_at
FROM user_event_ids i JOIN user_events e ON e.id = i.event_id AND e.occurred_at = i.occurred_at
WHERE i.organization_id = :organization_id AND i.source_id = ANY (CAST(:source_ids AS text[]))
""")


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event that may be recorded: checked, its person known, nothing personal in its metadata."""

    event_type: str
    user_id: int | None
    metadata: dict[str, Any]
    source_id: str | None
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class KnownEvent:
    """One that was recorded before under a source id."""

    id: int
    user_id: int | None
    event_type: str
    metadata: dict[str, Any]
    occurred_at: datetime


async def insert_events(
    connection: AsyncConnection, organization_id: int, events: Sequence[NewEvent], origin: str
) -> list[int | KnownEvent | None]:
    """For each event its new id, or what its source id stands for already, be it from earlier in the same batch; None where that
    one is too old to be there still.
    """
    if not events:
        return []
    ids = list((await connection.execute(IDS, {"count": len(events)})).scalars())
    named = [(event.source_id, id, event.occurred_at) for id, event in zip(ids, events, strict=True) if event.source_id]
    claimed = set(await _claimed(connection, organization_id, named))
    is_new = [event.source_id is None or id in claimed for id, event in zip(ids, events, strict=True)]
    rows = [
        {
            "id": id,
            "user_id": event.user_id,
            "event_type": event.event_type,
            "metadata": event.metadata,
            "source_id": event.source_id,
            "origin": origin,
            "occurred_at": event.occurred_at,
        }
        for id, event, new in zip(ids, events, is_new, strict=True)
        if new
    ]
    if rows:
        values = {"organization_id": organization_id, "rows": orjson.dumps(rows).decode()}
        await connection.execute(INSERT, values)
    seen = [event.source_id for event, new in zip(events, is_new, strict=True) if not new and event.source_id]
    known = await _known(connection, organization_id, seen)
    return [id if new else known.get(event.source_id) for id, event, new in zip(ids, events, is_new, strict=True)]


async def _claimed(
    connection: AsyncConnection, organization_id: int, named: Sequence[tuple[str, int, datetime]]
) -> Sequence[int]:
    """Takes source ids for events; gives the ids of those events that have theirs now."""
    if not named:
        return []
    source_ids, event_ids, instants = map(list, zip(*named, strict=True))
    values = {
        "organization_id": organization_id,
        "source_ids": source_ids,
        "event_ids": event_ids,
        "instants": instants,
    }
    return (await connection.execute(CLAIM, values)).scalars().all()


async def _known(
    connection: AsyncConnection, organization_id: int, source_ids: Sequence[str]
) -> dict[str | None, KnownEvent]:
    if not source_ids:
        return {}
    values = {"organization_id": organization_id, "source_ids": list(source_ids)}
    return {row[0]: KnownEvent(*row[1:]) for row in await connection.execute(BY_SOURCE_ID, values)}
