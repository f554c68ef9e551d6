"""What people did on each local day of the organization, and where they stood at its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import ARRAY, BigInteger, Date, Numeric, any_, bindparam, column, func, select, text, true

from db.dependencies import on_users
from db.keyset import Page, SortKey, paged
from db.models.base import measure_columns
from db.queries.measures import SCORE_ARGUMENTS, Measures
from db.queries.standings import STANDING_COLUMNS, STANDING_COUNTS, STANDING_SCORE, Standing, standing_columns
from db.snapshot import Snapshot
from db.statement import Statement


@dataclass(frozen=True, slots=True)
class SnapshotRow:
    """``score`` is the unrounded one over the tasks of the day alone."""

    user_id: int
    day: date
    measures: Measures
    score: Decimal | None
    standing: Standing


SnapshotPage = list[tuple[SnapshotRow, tuple[Any, ...]]]

# Only what came after a day is subtracted, so days before the first one asked for are not read.
days = (
    text(f"""
    SELECT *, performance_score({SCORE_ARGUMENTS}) AS score, {STANDING_SCORE}
    FROM (
      SELECT d.*, {standing_columns("t", "d")}
      FROM user_days_live d JOIN user_totals_live t ON t.user_id = d.user_id
      WHERE d.day >= :first AND d.attempts > 0
      WINDOW later AS (PARTITION BY d.user_id ORDER BY d.day DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
    ) AS standings
    """)
    .bindparams(bindparam("first", type_=Date))
    .columns(
        column("user_id", BigInteger),
        column("day", Date),
        *(column(measure.name, measure.type) for measure in measure_columns()),
        column("score", Numeric),
        *(column(name, BigInteger if name in STANDING_COUNTS else Numeric) for name in STANDING_COLUMNS),
        column("standing_score", Numeric),
    )
    .subquery("days")
)
OLDEST_FIRST = (SortKey(days.c.day),)

COUNTS_BY_USER = Statement(
    select(days.c.user_id, func.count())
    .where(days.c.user_id == any_(bindparam("ids", type_=ARRAY(BigInteger))), days.c.day < bindparam("end", type_=Date))
    .group_by(days.c.user_id),
    on_users("ids"),
)


def snapshot_page_by_user_statement(page: Page) -> Statement:
    """A page of each person's own days (``:ids``), from ``:first`` until before ``:end``, oldest first."""
    people = (
        func.unnest(bindparam("ids", type_=ARRAY(BigInteger)))
        .table_valued(column("id", BigInteger), name="people")
        .render_derived()
    )
    own = select(days).where(days.c.user_id == people.c.id, days.c.day < bindparam("end", type_=Date))
    # The rows of a lateral select come in its own order.
    page_of_one = paged(own, OLDEST_FIRST, page).lateral("page")
    return Statement(select(page_of_one).select_from(people.join(page_of_one, true())), on_users("ids"))


async def get_snapshot_pages(
    snapshot: Snapshot, user_ids: Sequence[int], first: date, end: date, page: Page
) -> dict[int, SnapshotPage]:
    """By person, each as ``keyset.Listing.of`` takes it: the days from ``first`` until before ``end`` on which something was
    done.
    """
    found: dict[int, SnapshotPage] = {}
    statement = snapshot_page_by_user_statement(page)
    for row in await snapshot.rows(statement, ids=user_ids, first=first, end=end):
        found.setdefault(row["user_id"], []).append((_snapshot(row), (row["day"],)))
    return found


async def count_snapshots(snapshot: Snapshot, user_ids: Sequence[int], first: date, end: date) -> dict[int, int]:
    """How many such days each person has, for those who have any."""
    return dict(await snapshot.rows(COUNTS_BY_USER, ids=user_ids, first=first, end=end))


def _snapshot(row: Mapping[str, Any]) -> SnapshotRow:
    return SnapshotRow(row["user_id"], row["day"], Measures.from_row(row), row["score"], Standing.from_row(row))
