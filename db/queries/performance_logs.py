"""Performance logs: an entry per task completed, saying where the person stood then and by how much their score moved.

Nothing is stored: entries follow from the attempts as they are now, so a late arrival or a delete rewrites what comes after it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    DateTime,
    Numeric,
    Select,
    Subquery,
    any_,
    asc,
    bindparam,
    column,
    desc,
    func,
    select,
    text,
    true,
)

from db.dependencies import on_users
from db.keyset import Page, SortKey, bounded_count, paged
from db.models.attempts import attempts
from db.models.groups import group_memberships
from db.queries.memberships import present_members
from db.queries.standings import STANDING_COLUMNS, STANDING_COUNTS, STANDING_SCORE, Standing, standing_columns
from db.snapshot import Snapshot
from db.statement import Statement


@dataclass(frozen=True, slots=True)
class LogEntry:
    """``score_change`` is against the same person's entry before; None for the first, or where a score is unknown."""

    user_id: int
    attempt_id: int
    lab_id: int
    completed_at: datetime
    standing: Standing
    score_change: Decimal | None


@dataclass(frozen=True, slots=True)
class Interval:
    """Instants [start, end); None is without bound."""

    start: datetime | None = None
    end: datetime | None = None

    def conditions(self, place: ColumnElement[datetime]) -> list[ColumnElement[bool]]:
        """That ``place`` lies in it."""
        return [
            *([place >= self.start] if self.start is not None else []),
            *([place < self.end] if self.end is not None else []),
        ]


@dataclass(frozen=True, slots=True)
class LogSelection:
    """Which entries of those visible; None means any."""

    user_ids: tuple[int, ...] | None = None
    group_ids: tuple[int, ...] | None = None
    interval: Interval = Interval()


def entries_where(condition: str) -> Subquery:
    """Entries of the tasks ``a`` that meet a condition. They have to hold every later task of the same person.

    Newest first within a person, the order in which an index gives attempts, so that who wants the newest reads no others. The
    score before an entry is the one after it without its own part.
    """
    return (
        text(f"""
        SELECT *, {STANDING_SCORE},
          performance_score(standing_task_on_time, standing_task_deadlines, standing_skill_sum, standing_skilled,
            standing_difficulty_sum, standing_rated)
          - performance_score(standing_task_on_time - task_on_time, standing_task_deadlines - task_deadlines,
            standing_skill_sum - skill_sum, standing_skilled - skilled, standing_difficulty_sum - difficulty_sum,
            standing_rated - rated) AS score_change
        FROM (
          SELECT a.*, {standing_columns("t", "a")}
          FROM attempt_measures a JOIN user_totals_live t ON t.user_id = a.user_id
          WHERE a.tasks > 0 AND {condition}
          WINDOW later AS (
            PARTITION BY a.user_id ORDER BY a.completed_at DESC, a.attempt_id DESC
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
          )
          ORDER BY a.user_id, a.completed_at DESC, a.attempt_id DESC
        ) AS standings
        """)
        .columns(
            column("user_id", BigInteger),
            column("attempt_id", BigInteger),
            column("lab_id", BigInteger),
            column("completed_at", DateTime(timezone=True)),
            *(column(name, BigInteger if name in STANDING_COUNTS else Numeric) for name in STANDING_COLUMNS),
            column("standing_score", Numeric),
            column("score_change", Numeric),
        )
        .subquery("entries")
    )


entries = entries_where("true")

# Tasks completed, without where that put the person.
tasks = (
    select(attempts.c.user_id, attempts.c.id.label("attempt_id"), attempts.c.occurred_at.label("completed_at"))
    .where(attempts.c.counted)
    .subquery("tasks")
)
NEWEST_FIRST = (SortKey(tasks.c.completed_at, True), SortKey(tasks.c.attempt_id, True))


class LogOrderField(StrEnum):
    """What a person's entries can be sorted by. Scores compare as they are shown, to one decimal."""

    CREATED_AT = "CREATED_AT"
    PERFORMANCE_SCORE = "PERFORMANCE_SCORE"
    SCORE_CHANGE = "SCORE_CHANGE"


_SORTED_BY: dict[LogOrderField, ColumnElement[Any]] = {
    LogOrderField.CREATED_AT: entries.c.completed_at,
    LogOrderField.PERFORMANCE_SCORE: func.round_half_even(entries.c.standing_score, 1, type_=Numeric),
    LogOrderField.SCORE_CHANGE: func.round_half_even(entries.c.score_change, 1, type_=Numeric),
}


@dataclass(frozen=True, slots=True)
class LogOrder:
    """A sort order; the id of the attempt breaks ties."""

    field: LogOrderField = LogOrderField.CREATED_AT
    descending: bool = True

    @property
    def name(self) -> str:
        """Names the order in cursors."""
        return f"performance_logs:{self.field}:{'DESC' if self.descending else 'ASC'}"

    @property
    def types(self) -> tuple[type, type]:
        return (datetime if self.field is LogOrderField.CREATED_AT else Decimal), int

    @property
    def keys(self) -> tuple[SortKey, SortKey]:
        nullable = self.field is not LogOrderField.CREATED_AT
        return (
            SortKey(_SORTED_BY[self.field], self.descending, nullable),
            SortKey(entries.c.attempt_id, self.descending),
        )


LogRow = tuple[LogEntry, tuple[Any, ...]]


def log_page_by_user_statement(interval: Interval, order: LogOrder, page: Page) -> Statement:
    """A page of each person's own (``:ids``), with the sort values after the columns."""
    people = (
        func.unnest(bindparam("ids", type_=ARRAY(BigInteger)))
        .table_valued(column("id", BigInteger), name="people")
        .render_derived()
    )
    own = select(entries, *(key.column.label(None) for key in order.keys)).where(
        entries.c.user_id == people.c.id, *interval.conditions(entries.c.completed_at)
    )
    own = paged(own, order.keys, page)
    if order == LogOrder() and not page.backward:
        # Entries come so. Without a sort of its own the limit reaches the index, and the page reads what it shows.
        own = own.order_by(None)
    # The rows of a lateral select come in its own order.
    page_of_one = own.lateral("page")
    return Statement(select(page_of_one).select_from(people.join(page_of_one, true())), on_users("ids"))


async def get_log_pages(
    snapshot: Snapshot, user_ids: Sequence[int], interval: Interval, order: LogOrder, page: Page
) -> dict[int, list[LogRow]]:
    """By person, each as ``keyset.Listing.of`` takes it."""
    found: dict[int, list[LogRow]] = {}
    width = len(entries.c)
    for row in await snapshot.rows(log_page_by_user_statement(interval, order, page), ids=user_ids):
        found.setdefault(row["user_id"], []).append((_entry(row), tuple(row[width:])))
    return found


async def count_logs_by_user(snapshot: Snapshot, user_ids: Sequence[int], interval: Interval) -> dict[int, int]:
    """How many entries each person has, for those who have any."""
    own = (
        select(tasks.c.user_id, func.count())
        .where(
            tasks.c.user_id == any_(bindparam("ids", type_=ARRAY(BigInteger))),
            *interval.conditions(tasks.c.completed_at),
        )
        .group_by(tasks.c.user_id)
    )
    return dict(await snapshot.rows(Statement(own, on_users("ids")), ids=user_ids))


async def get_logs_by_attempt(snapshot: Snapshot, attempt_ids: Sequence[int]) -> list[LogEntry]:
    """The entries of attempts; none for an attempt that is not counted."""
    rows = await snapshot.rows(LOGS_BY_ATTEMPT, ids=attempt_ids)
    return [_entry(row) for row in rows]


async def list_logs(snapshot: Snapshot, selection: LogSelection, page: Page) -> list[LogRow]:
    """A page of everybody's, newest first."""
    chosen = paged(_selected(select(tasks), selection), NEWEST_FIRST, page)
    rows = await snapshot.rows(Statement(_with_standings(chosen, backward=page.backward)))
    return [(entry, (entry.completed_at, entry.attempt_id)) for entry in map(_entry, rows)]


async def count_logs(snapshot: Snapshot, selection: LogSelection, bound: int | None) -> int:
    """How many there are; no further than ``bound``."""
    return await snapshot.count(Statement(bounded_count(_selected(select(tasks.c.attempt_id), selection), bound)))


def _with_standings(chosen: Select[Any], *, backward: bool = False) -> Select[Any]:
    """The entries of some tasks, newest first. Each reads its person's tasks from the newest down to it."""
    page = chosen.subquery("page")
    down_to_it = entries_where(
        "a.user_id = page.user_id AND (a.completed_at, a.attempt_id) >= (page.completed_at, page.attempt_id)"
    )
    entry = select(down_to_it).where(down_to_it.c.attempt_id == page.c.attempt_id).lateral("entry")
    direction = asc if backward else desc
    return (
        select(entry)
        .select_from(page.join(entry, true()))
        .order_by(direction(page.c.completed_at), direction(page.c.attempt_id))
    )


LOGS_BY_ATTEMPT = Statement(
    _with_standings(select(tasks).where(tasks.c.attempt_id == any_(bindparam("ids", type_=ARRAY(BigInteger)))))
)


def _selected(statement: Select[Any], selection: LogSelection) -> Select[Any]:
    if selection.user_ids is not None:
        statement = statement.where(tasks.c.user_id.in_(selection.user_ids))
    if selection.group_ids is not None:
        statement = statement.where(
            tasks.c.user_id.in_(present_members(group_memberships.c.group_id.in_(selection.group_ids)))
        )
    return statement.where(*selection.interval.conditions(tasks.c.completed_at))


def _entry(row: Mapping[str, Any]) -> LogEntry:
    return LogEntry(
        row["user_id"],
        row["attempt_id"],
        row["lab_id"],
        row["completed_at"],
        Standing.from_row(row),
        row["score_change"],
    )
