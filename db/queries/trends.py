"""How people's scores went over time, in slots between consecutive days or instants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from db.queries.measures import MEASURE_SUMS, MEASURES, Measures
from db.queries.standings import STANDING_SCORE, Standing, standing_columns
from db.snapshot import Snapshot
from db.statement import Statement, sql


@dataclass(frozen=True, slots=True)
class Slot:
    """What a person did between two edges, and where they stood at the second."""

    measures: Measures
    standing: Standing


def slots_statement(source: str, place: str, kind: str) -> Statement:
    """Slot n lies from edge n to edge n + 1, slot 0 before the first edge.

    Slot 0 stands in the answer for each person, the others where something was done in them. What was done from the last
    edge on makes a slot as well, only to be subtracted.
    """
    return sql(f"""
    WITH slots AS (
      SELECT user_id, width_bucket({place}, CAST(:edges AS {kind}[])) AS slot, {MEASURE_SUMS}
      FROM {source}
      WHERE user_id = ANY (:ids) AND {place} >= :first
      GROUP BY 1, 2
      HAVING sum(attempts) > 0
    ),
    places AS (
      SELECT * FROM slots
      UNION ALL
      SELECT id, 0, {", ".join("0" for _ in MEASURES)} FROM unnest(CAST(:ids AS bigint[])) AS id
    )
    SELECT *, {STANDING_SCORE}
    FROM (
      SELECT p.*, {standing_columns("t", "p")}
      FROM places p
      JOIN (SELECT * FROM user_totals_live WHERE user_id = ANY (:ids)) AS t ON t.user_id = p.user_id
      WINDOW later AS (PARTITION BY p.user_id ORDER BY p.slot DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
    ) AS standings
    WHERE slot < cardinality(CAST(:edges AS {kind}[]))
    """)


SLOTS_BY_DAY = slots_statement("user_days_live", "day", "date")
SLOTS_BY_INSTANT = slots_statement("attempt_measures", "completed_at", "timestamptz")


async def get_slots_by_day(
    snapshot: Snapshot, user_ids: Sequence[int], edges: Sequence[date]
) -> dict[int, dict[int, Slot]]:
    """By person and slot, from the rollup. Edges are local dates of the organization, ascending."""
    return _by_user(await snapshot.rows(SLOTS_BY_DAY, ids=user_ids, edges=edges, first=edges[0]))


async def get_slots_by_instant(
    snapshot: Snapshot, user_ids: Sequence[int], edges: Sequence[datetime]
) -> dict[int, dict[int, Slot]]:
    """The same from the attempts. Edges are instants, ascending."""
    return _by_user(await snapshot.rows(SLOTS_BY_INSTANT, ids=user_ids, edges=edges, first=edges[0]))


def _by_user(rows: Sequence[Mapping[str, Any]]) -> dict[int, dict[int, Slot]]:
    found: dict[int, dict[int, Slot]] = {}
    for row in rows:
        slot = Slot(Measures.from_row(row), Standing.from_row(row))
        found.setdefault(row["user_id"], {})[row["slot"]] = slot
    return found
