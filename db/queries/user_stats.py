"""What people did at each lab and in each topic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from db.queries.measures import MEASURE_SUMS, SCORE_ARGUMENTS, Measures
from db.queries.order_statistics import FINISHED, span_of
from db.queries.rollups import parts_of
from db.snapshot import Snapshot
from db.statement import sql


@dataclass(frozen=True, slots=True)
class StatsSelection:
    """Which labs or topics, None for any; and completed in [start, end), at any time where both are None."""

    ids: tuple[int, ...] | None = None
    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class LabExtremes:
    """The last finished attempt of a person at a lab, and the best score (0–100); None without any."""

    last_attempt_at: datetime | None = None
    best_score: Decimal | None = None


@dataclass(frozen=True, slots=True)
class TopicTotals:
    """What a person did in a topic. ``ranking_score`` is over its tasks, rounded as displayed; ``current_tasks`` are those of
    labs that are not archived.
    """

    measures: Measures
    ranking_score: Decimal | None
    current_tasks: int


_TOTALS = f"{parts_of('user_lab_totals', 'user_id', 'lab_id')} AS parts WHERE user_id = ANY (:user_ids)"
_PERIOD = "attempt_measures WHERE user_id = ANY (:user_ids) AND completed_at >= :start AND completed_at < :end"
_LABS = "(CAST(:ids AS bigint[]) IS NULL OR lab_id = ANY (:ids))"
_TOPICS = "(CAST(:ids AS bigint[]) IS NULL OR topic_id = ANY (:ids))"

LAB_TOTALS, LAB_PERIOD = (
    sql(f"SELECT user_id, lab_id, {MEASURE_SUMS} FROM {source} AND {_LABS} GROUP BY user_id, lab_id")
    for source in (_TOTALS, _PERIOD)
)
LAB_EXTREMES = sql(f"""
SELECT user_id, lab_id, max(occurred_at) AS last_attempt_at, max(score) AS best_score
FROM attempts AS a
WHERE user_id = ANY (:user_ids) AND {FINISHED} AND {_LABS}
GROUP BY user_id, lab_id
""")
TOPIC_TOTALS, TOPIC_PERIOD = (
    sql(f"""
SELECT *, ranking_score({SCORE_ARGUMENTS}) AS ranking_score
FROM (
  SELECT user_id, topic_id, {MEASURE_SUMS},
    CAST(coalesce(sum(tasks) FILTER (WHERE archived_at IS NULL), 0) AS bigint) AS current_tasks
  FROM (SELECT * FROM {source}) AS done
  JOIN lab_topics USING (lab_id) JOIN (SELECT id AS lab_id, archived_at FROM labs) AS l USING (lab_id)
  WHERE {_TOPICS}
  GROUP BY user_id, topic_id
) AS sums
""")
    for source in (_TOTALS, _PERIOD)
)


async def get_user_lab_measures(
    snapshot: Snapshot, user_ids: Sequence[int], selection: StatsSelection
) -> dict[int, dict[int, Measures]]:
    """By person and lab, for those with attempts. ``tasks`` is 1 where the lab was completed."""
    statement = LAB_TOTALS if selection.start is None else LAB_PERIOD
    found: dict[int, dict[int, Measures]] = {}
    for row in await snapshot.rows(
        statement, user_ids=user_ids, ids=selection.ids, start=selection.start, end=selection.end
    ):
        found.setdefault(row["user_id"], {})[row["lab_id"]] = Measures.from_row(row)
    return found


async def get_lab_extremes(
    snapshot: Snapshot, user_ids: Sequence[int], selection: StatsSelection
) -> dict[int, dict[int, LabExtremes]]:
    """By person and lab, for those with attempts."""
    start, end = span_of(selection.start, selection.end)
    found: dict[int, dict[int, LabExtremes]] = {}
    for user_id, lab_id, *extremes in await snapshot.rows(
        LAB_EXTREMES, user_ids=user_ids, ids=selection.ids, start=start, end=end
    ):
        found.setdefault(user_id, {})[lab_id] = LabExtremes(*extremes)
    return found


async def get_user_topic_totals(
    snapshot: Snapshot, user_ids: Sequence[int], selection: StatsSelection
) -> dict[int, dict[int, TopicTotals]]:
    """By person and topic, for those with attempts."""
    statement = TOPIC_TOTALS if selection.start is None else TOPIC_PERIOD
    found: dict[int, dict[int, TopicTotals]] = {}
    for row in await snapshot.rows(
        statement, user_ids=user_ids, ids=selection.ids, start=selection.start, end=selection.end
    ):
        totals = TopicTotals(Measures.from_row(row), row["ranking_score"], row["current_tasks"])
        found.setdefault(row["user_id"], {})[row["topic_id"]] = totals
    return found
