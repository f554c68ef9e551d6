"""How people's scores went over time, in slots between consecutive days or instants."""

from __future__ import annotations

from datetime import date, datetime
from functools import lru_cache
from typing import Any

from db.batch import Query
from db.dependencies import ON_ORGANIZATION, on_users
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
def slots_statement(source: str, place: str, kind: str, columns: tuple[str, ...]) -> Statement:
    """Slot n lies from edge n to edge n + 1, slot 0 before the first edge. ``columns`` are some of SLOT_COLUMNS.

    Slot 0 stands in the answer for each person, the others where something was done in them. What was done from the last
    edge on makes a slot as well, only to be subtracted.
    """
    standing = {name.removeprefix("standing_") for name in columns if name in STANDING_COLUMNS}
    if "standing_score" in columns:
        standing |= set(SCORE_ARGUMENTS.split(", "))
    sums = [name for name in MEASURES if name in standing or name in columns]
    added = "".join(
        f", CAST(sum({name}) AS {'bigint' if isinstance(Measures._field_defaults[name], int) else 'numeric'}) AS {name}"
        for name in sums
    )
    given = standing_columns("t", "p", standing)
    score = f", {STANDING_SCORE}" if "standing_score" in columns else ""
    return sql(
        f"""
    WITH slots AS (
      SELECT user_id, width_bucket({place}, CAST(:edges AS {kind}[])) AS slot{added}
      FROM {source}
      WHERE user_id = ANY (:ids) AND {place} >= :first
      GROUP BY 1, 2
      HAVING sum(attempts) > 0
    ),
    places AS (
      SELECT * FROM slots
      UNION ALL
      SELECT id, 0{", 0" * len(sums)} FROM unnest(CAST(:ids AS bigint[])) AS id
    ),
    standings AS (
      SELECT p.*{given and ", " + given}
      FROM places p
      JOIN (SELECT * FROM user_totals_live WHERE user_id = ANY (:ids)) AS t ON t.user_id = p.user_id
      WINDOW later AS (PARTITION BY p.user_id ORDER BY p.slot DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
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
    return _slots(("user_days_live", "day", "date"), edges, wanted)


def slots_by_instant(edges: tuple[datetime, ...], wanted: frozenset[str] | None = None) -> Query:
    """The same from the attempts. Edges are instants, ascending."""
    return _slots(("attempt_measures", "completed_at", "timestamptz"), edges, wanted)


async def get_next_completion(snapshot: Snapshot, organization_id: int, after: datetime) -> datetime | None:
    """The first completion after an instant, of those that the viewer may see."""
    row = await snapshot.row(NEXT_COMPLETION, organization_id=organization_id, after=after)
    return row[0] if row else None


def _slots(source: tuple[str, str, str], edges: tuple[Any, ...], wanted: frozenset[str] | None) -> Query:
    columns = chosen(SLOT_COLUMNS, wanted)
    values = {"edges": edges, "first": edges[0]}
    return Query(slots_statement(*source, columns), "ids", ("user_id", "slot", *columns), values)
