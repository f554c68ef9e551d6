"""Scores over a period, from the attempts themselves."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from db.dependencies import on_users
from db.queries.measures import MEASURE_SUMS, SCORE_ARGUMENTS, Measures
from db.snapshot import Snapshot
from db.statement import sql

PERIOD_PERFORMANCE = sql(
    f"""
SELECT *, ranking_score({SCORE_ARGUMENTS}) AS ranking_score
FROM (
  SELECT user_id, {MEASURE_SUMS}
  FROM attempt_measures
  WHERE user_id = ANY (:ids) AND completed_at >= :start AND completed_at < :end
  GROUP BY user_id
) AS sums
""",
    on_users("ids"),
)


async def get_period_performance(
    snapshot: Snapshot, user_ids: Sequence[int], start: datetime, end: datetime
) -> dict[int, tuple[Measures, Decimal | None]]:
    """By person, for those with attempts in [start, end): the measures and the rounded score."""
    rows = await snapshot.rows(PERIOD_PERFORMANCE, ids=user_ids, start=start, end=end)
    return {row["user_id"]: (Measures.from_row(row), row["ranking_score"]) for row in rows}
