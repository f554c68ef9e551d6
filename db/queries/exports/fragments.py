"""Fragments of SQL that several sheets are put together from."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from db.queries.measures import MEASURE_COLUMNS, MEASURE_SUMS, SCORE_ARGUMENTS
from db.queries.order_statistics import FINISHED, span_of

# Embeddings, overrides and isolates: they turn around the text beside a name.
_TURNS = "".join(map(chr, [*range(0x202A, 0x202F), *range(0x2066, 0x206A)]))

_SUMS_IN_PERIOD = f"""
  SELECT {{key}}, {MEASURE_SUMS}
  FROM (
    SELECT * FROM attempt_measures WHERE user_id = ANY ({{people}}) AND completed_at >= :start AND completed_at < :end
  ) AS done {{join}}
  GROUP BY {{key}}"""


def shown(name: str) -> str:
    """A name without the controls that would reorder what stands around it, as the graph shows it."""
    return f"translate({name}, '{_TURNS}', '')"


def over(numerator: str, denominator: str) -> str:
    """A ratio or mean; null over nothing."""
    return f"CAST({numerator} AS double precision) / nullif({denominator}, 0)"


# Of a row that has measures; people without attempts have none.
SHOWN_MEASURES = f"""coalesce(attempts, 0) AS attempts, coalesce(tasks, 0) AS tasks_completed,
  {over("successes", "attempts")} AS success_rate, {over("on_time", "deadlines")} AS on_time_ratio,
  {over("seconds", "timed")} AS avg_time_seconds, {over("score_sum", "scored")} AS avg_attempt_score,
  {over("hinted", "hints_known")} AS hint_usage_rate"""


def done_by(people: str, *, in_period: bool) -> str:
    """Rows (user_id, the measures, ``score`` unrounded, ``ranking_score`` as displayed). ``people`` is SQL for an array."""
    if not in_period:
        return f"SELECT user_id, {MEASURE_COLUMNS}, score, ranking_score FROM user_totals_live WHERE user_id = ANY ({people})"
    return f"""
SELECT *, performance_score({SCORE_ARGUMENTS}) AS score, ranking_score({SCORE_ARGUMENTS}) AS ranking_score
FROM ({_SUMS_IN_PERIOD.format(key="user_id", people=people, join="")}) AS sums"""


def done_by_topic(people: str, *, in_period: bool) -> str:
    """Rows (user_id, topic_id, the measures, ``ranking_score``) of topics with attempts."""
    if not in_period:
        return f"""
SELECT user_id, topic_id, {MEASURE_COLUMNS}, CAST(ranking_score AS numeric) AS ranking_score
FROM user_topic_totals_live WHERE user_id = ANY ({people}) AND attempts > 0"""
    sums = _SUMS_IN_PERIOD.format(key="user_id, topic_id", people=people, join="JOIN lab_topics USING (lab_id)")
    return f"SELECT *, ranking_score({SCORE_ARGUMENTS}) AS ranking_score FROM ({sums}) AS sums"


def done_by_lab(people: str, *, in_period: bool) -> str:
    """Rows (user_id, lab_id, the measures) of labs with attempts."""
    if not in_period:
        return f"""
SELECT user_id, lab_id, {MEASURE_COLUMNS} FROM user_lab_totals_live WHERE user_id = ANY ({people}) AND attempts > 0"""
    return _SUMS_IN_PERIOD.format(key="user_id, lab_id", people=people, join="")


def last_attempt(user_id: str) -> str:
    """When somebody completed an attempt last, between ``:start`` and ``:end``."""
    return f"(SELECT a.occurred_at FROM attempts a WHERE a.user_id = {user_id} AND {FINISHED} ORDER BY a.occurred_at DESC LIMIT 1)"


def counts_by_score(score: str) -> str:
    """How many scores lie in [0, 20), [20, 40), [40, 60), [60, 80) and [80, 100], before they are rounded."""
    # The least of an unknown score and 4 would be 4.
    bucket = f"CASE WHEN {score} IS NOT NULL THEN least(floor({score} / 20), 4) END"
    counts = (f"count(*) FILTER (WHERE {bucket} = {number})" for number in range(5))
    return f"ARRAY[{', '.join(counts)}]"


def span(start: datetime | None, end: datetime | None) -> dict[str, Any]:
    """``:start`` and ``:end`` of statements that have them for all time, too."""
    first, last = span_of(start, end)
    return {"start": first, "end": last}
