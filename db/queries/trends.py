"""How people's scores went over time, in slots between consecutive days or instants."""

from __future__ import annotations

from datetime import date, datetime
from functools import lru_cache
from typing import Any

from db.dependencies import ON_ORGANIZATION, on_users
from db.parts import Query
from db.queries.measures import MEASURES, SCORE_ARGUMENTS, Measures
from db.queries.standings import STANDING_COLUMNS, STANDING_SCORE, standing_columns
from db.rows import chosen
from db.snapshot import Snapshot
from db.statement import Statement, sql

# The rows are no part of an answer.
NEXT_COMPLETION = sql(
    """
SELECT min(occurred_at) FROM attempts
WHERE organization_id = :organization_id AND occurred_at > :after AND completed_at IS NOT NULL
""",
    ON_ORGANIZATION,
)
# What was done between two edges (the measures), and where the person stood at the second.
SLOT_COLUMNS = (*MEASURES, *STANDING_COLUMNS, "standing_score")


@lru_cache(maxsize=1024)
def slots_statement(
    source: str, place: str, kind: str, columns: tuple[str, ...], *, is_daily: bool = False
) -> Statement:
    """Slot n lies from edge n to edge n + 1, slot 0 before the first edge. ``columns`` are some of SLOT_COLUMNS. ``is_daily``:
    slots are days, and the source has a row for each, so that nothing has to be added up.

    Slot 0 stands in the answer for each person, the others where something was done in them. What was done from the last
    edge on is there as well, only to be subtracted.
    """
    standing = {name.removeprefix("standing_") for name in columns if name in STANDING_COLUMNS}
    if "standing_score" in columns:
        standing |= set(SCORE_ARGUMENTS.split(", "))
    sums = [name for name in MEASURES if name in standing or name in columns]
    if is_daily:
        added, where = "".join(f", {name}" for name in sums), "AND attempts > 0"
    else:
        added = "".join(f", CAST(sum({name}) AS {_type_of(name)}) AS {name}" for name in sums)
        where = "GROUP BY 1 HAVING sum(attempts) > 0"
    given = standing_columns("t", "p", standing)
    score = f", {STANDING_SCORE}" if "standing_score" in columns else ""
    return sql(
        f"""
    WITH standings AS (
      SELECT t.user_id, p.*{given and ", " + given}
      FROM user_totals_live AS t CROSS JOIN LATERAL (
        SELECT width_bucket({place}, CAST(:edges AS {kind}[])) AS slot{added}
        FROM {source} AS done
        WHERE done.user_id = t.user_id AND {place} >= :first {where}
        UNION ALL
        SELECT 0{", 0" * len(sums)}
      ) AS p
      WHERE t.user_id = ANY (:ids)
      WINDOW later AS (PARTITION BY t.user_id ORDER BY p.slot DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
    )
    SELECT user_id, slot{"".join(f", {name}" for name in columns)}
    FROM (SELECT *{score} FROM standings) AS scored
    WHERE slot < cardinality(CAST(:edges AS {kind}[]))
    """,
        on_users("ids"),
    )


def slots_by_day(edges: tuple[date, ...], wanted: frozenset[str] | None = None) -> Query:
    """Person, slot and those of SLOT_COLUMNS that are wanted (None: all), from the rollup. Edges are local dates of the
    organization, ascending.
    """
    is_daily = len(edges) > (edges[-1] - edges[0]).days
    return _slots(("user_days_live", "day", "date"), edges, wanted, is_daily=is_daily)


def slots_by_instant(edges: tuple[datetime, ...], wanted: frozenset[str] | None = None) -> Query:
    """The same from the attempts. Edges are instants, ascending."""
    return _slots(("attempt_measures", "completed_at", "timestamptz"), edges, wanted)


async def get_next_completion(snapshot: Snapshot, organization_id: int, after: datetime) -> datetime | None:
    """The first completion after an instant, of those that the viewer may see."""
    row = await snapshot.row(NEXT_COMPLETION, organization_id=organization_id, after=after)
    return row[0] if row else None


# Everybody on a page asks with the same edges.
@lru_cache(maxsize=256)
def _slots(
    source: tuple[str, str, str], edges: tuple[Any, ...], wanted: frozenset[str] | None, *, is_daily: bool = False
) -> Query:
    columns = chosen(SLOT_COLUMNS, wanted)
    values = {"edges": edges, "first": edges[0]}
    return Query(
        slots_statement(*source, columns, is_daily=is_daily), "ids", ("user_id", "slot", *columns), values=values
    )


def _type_of(measure: str) -> str:
    return "bigint" if isinstance(Measures._field_defaults[measure], int) else "numeric"
