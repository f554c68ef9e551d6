"""Tracked events: what people did on the platform, the newest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Select, select

from db.keyset import Page, Rows, SortKey, bounded_count, paged, sort_values
from db.models.tracked_events import user_events
from db.snapshot import Snapshot
from db.statement import Statement, sql


class EventRow(NamedTuple):
    """What somebody did; ``user_id`` is None for what nobody in particular did."""

    id: int
    user_id: int | None
    event_type: str
    metadata: Any
    source_id: str | None
    origin: str
    occurred_at: datetime
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class EventSelection:
    """Which events; conditions are combined with AND, None is no condition. Instants are [occurred_from, occurred_before)."""

    event_types: tuple[str, ...] | None = None
    user_ids: tuple[int, ...] | None = None
    occurred_from: datetime | None = None
    occurred_before: datetime | None = None


COLUMNS = tuple(user_events.c[name] for name in EventRow._fields)
NEWEST_FIRST = (SortKey(user_events.c.occurred_at, descending=True), SortKey(user_events.c.id, descending=True))

EVENTS_BY_ID = sql(f"SELECT {', '.join(EventRow._fields)} FROM user_events WHERE id = ANY (:ids)")


async def get_events(snapshot: Snapshot, ids: Sequence[int]) -> list[EventRow]:
    return [EventRow(*row) for row in await snapshot.rows(EVENTS_BY_ID, ids=ids)]


async def list_events(snapshot: Snapshot, selection: EventSelection, page: Page) -> Rows[EventRow]:
    """A page, newest first, with one row more than asked."""
    listed = _selected(select(*COLUMNS, *sort_values(NEWEST_FIRST)), selection)
    end = len(COLUMNS)
    return [
        (EventRow(*row[:end]), tuple(row[end:]))
        for row in await snapshot.rows(Statement(paged(listed, NEWEST_FIRST, page)))
    ]


async def count_events(snapshot: Snapshot, selection: EventSelection, bound: int | None) -> int:
    return await snapshot.count(Statement(bounded_count(_selected(select(user_events.c.id), selection), bound)))


def _selected(statement: Select[Any], selection: EventSelection) -> Select[Any]:
    if selection.event_types is not None:
        statement = statement.where(user_events.c.event_type.in_(selection.event_types))
    if selection.user_ids is not None:
        statement = statement.where(user_events.c.user_id.in_(selection.user_ids))
    if selection.occurred_from is not None:
        statement = statement.where(user_events.c.occurred_at >= selection.occurred_from)
    if selection.occurred_before is not None:
        statement = statement.where(user_events.c.occurred_at < selection.occurred_before)
    return statement
