"""The sheets of a lab: what each group did there, and the errors that were met."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from db.queries.exports.fragments import SHOWN_MEASURES, counts_by_score, span
from db.queries.measures import MEASURE_SUMS
from db.queries.order_statistics import FINISHED
from db.queries.rollups import parts_of
from db.queries.stats import PEOPLE_SEEN, Entity, errors_text
from db.snapshot import Snapshot
from db.statement import Statement, sql

_TOTALS = f"{parts_of('user_lab_totals', 'user_id', 'lab_id')} AS a WHERE a.lab_id = :lab_id"
_PERIOD = "attempt_measures AS a WHERE a.lab_id = :lab_id AND a.completed_at >= :start AND a.completed_at < :end"


def _groups_statement(*, everybody: bool, in_period: bool) -> Statement:
    return sql(f"""
WITH done AS MATERIALIZED (
  SELECT a.user_id, {MEASURE_SUMS} FROM {_PERIOD if in_period else _TOTALS}{PEOPLE_SEEN[everybody]} GROUP BY a.user_id
),
sums AS (
  SELECT m.group_id, count(*) AS people, count(*) FILTER (WHERE d.successes > 0) AS successful_people, {MEASURE_SUMS}
  FROM done d JOIN group_memberships m ON m.user_id = d.user_id JOIN users u ON u.id = m.user_id
  WHERE d.attempts > 0 AND m.role = 'MEMBER' AND u.deactivated_at IS NULL
    AND m.valid_from <= now() AND (m.valid_to IS NULL OR m.valid_to > now())
  GROUP BY m.group_id
)
SELECT g.name AS group_name, people, successful_people, {SHOWN_MEASURES}
FROM sums JOIN groups g ON g.id = sums.group_id
ORDER BY g.name, g.id
""")


def _errors_statement(*, everybody: bool) -> Statement:
    return sql(f"""
WITH errors AS ({errors_text(Entity.LAB, everybody)}),
finished AS (
  SELECT count(*) AS attempts FROM attempts a WHERE a.lab_id = ANY (:keys){PEOPLE_SEEN[everybody]} AND {FINISHED}
)
SELECT e.code, e.attempts, CAST(e.attempts AS double precision) / f.attempts AS share
FROM errors e CROSS JOIN finished f
ORDER BY e.attempts DESC, e.code
""")


def _scores_statement(*, everybody: bool) -> Statement:
    return sql(f"""
SELECT {counts_by_score("a.score")} FROM attempts a WHERE a.lab_id = :lab_id{PEOPLE_SEEN[everybody]} AND {FINISHED}
""")


_EVERYBODY = (True, False)
GROUP_ROWS = {
    (everybody, in_period): _groups_statement(everybody=everybody, in_period=in_period)
    for everybody in _EVERYBODY
    for in_period in (False, True)
}
ERROR_ROWS = {everybody: _errors_statement(everybody=everybody) for everybody in _EVERYBODY}
SCORES = {everybody: _scores_statement(everybody=everybody) for everybody in _EVERYBODY}


def lab_values(lab_id: int, start: datetime | None, end: datetime | None) -> dict[str, Any]:
    """The values of all statements of a lab."""
    return {"lab_id": lab_id, "keys": [lab_id], **span(start, end)}


async def get_attempt_scores(
    snapshot: Snapshot, lab_id: int, start: datetime | None, end: datetime | None, *, everybody: bool
) -> tuple[int, ...]:
    """How many attempts have which score, as in ``counts_by_score``."""
    [[counts]] = await snapshot.rows(SCORES[everybody], **lab_values(lab_id, start, end))
    return tuple(counts)
