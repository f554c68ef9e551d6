"""The sheets of one person: each task completed and where it put them, their topics, their labs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, bindparam, literal_column, select

from db.models.labs import labs
from db.queries.exports.fragments import SHOWN_MEASURES, done_by, done_by_lab, done_by_topic, over, span
from db.queries.measures import Measures
from db.queries.order_statistics import FINISHED
from db.queries.performance_logs import Interval, entries
from db.queries.trends import slots_by_instant
from db.queries.users import USER_RANKS, Ranking
from db.snapshot import Snapshot
from db.statement import Statement, sql

_THEM = "ARRAY[CAST(:user_id AS bigint)]"

_LOG_COLUMNS = {
    "completed_at": "entries.completed_at",
    "lab": "labs.title",
    "tasks_completed": "standing_tasks",
    "score": "round_half_even(standing_score, 1)",
    "score_change": "round_half_even(score_change, 1)",
    "on_time_ratio": over("standing_task_on_time", "standing_task_deadlines"),
    "skill_accuracy": over("standing_skill_sum", "standing_skilled"),
    "difficulty_factor": over("standing_difficulty_sum", "(standing_rated * 10)"),
    "avg_time_seconds": over("standing_task_seconds", "standing_task_timed"),
    "avg_speed_days": over("standing_task_early_seconds", "(standing_task_deadlines * 86400)"),
}


def history_statement(start: datetime | None, end: datetime | None) -> Statement:
    """Each task that ``:user_id`` completed in [start, end), newest first."""
    return Statement(
        select(*(literal_column(text).label(name) for name, text in _LOG_COLUMNS.items()))
        .select_from(entries.join(labs, labs.c.id == entries.c.lab_id))
        .where(
            entries.c.user_id == bindparam("user_id", type_=BigInteger),
            *Interval(start, end).conditions(entries.c.completed_at),
        )
        .order_by(entries.c.completed_at.desc(), entries.c.attempt_id.desc())
    )


def _totals_statement(*, in_period: bool) -> Statement:
    return sql(done_by(_THEM, in_period=in_period))


def _topics_statement(*, in_period: bool, chosen: bool) -> Statement:
    source = f"({done_by_topic(_THEM, in_period=in_period)}) AS d"
    topics = (
        f"topics t LEFT JOIN {source} ON d.topic_id = t.id WHERE t.id = ANY (:topic_ids)"
        if chosen
        else f"topics t JOIN {source} ON d.topic_id = t.id"
    )
    return sql(f"""
SELECT t.title AS topic, d.ranking_score AS score, {SHOWN_MEASURES}
FROM {topics}
ORDER BY t.title COLLATE "C", t.id
""")


def _labs_statement(*, in_period: bool) -> Statement:
    return sql(f"""
WITH extremes AS MATERIALIZED (
  SELECT a.lab_id, max(a.occurred_at) AS last_activity, max(a.score) AS best_score
  FROM attempts a WHERE a.user_id = :user_id AND {FINISHED} GROUP BY a.lab_id
)
SELECT l.title AS lab, l.type, d.tasks > 0 AS completed, e.best_score, {SHOWN_MEASURES},
  d.seconds AS total_time_seconds, e.last_activity
FROM ({done_by_lab(_THEM, in_period=in_period)}) AS d JOIN labs l ON l.id = d.lab_id JOIN extremes e ON e.lab_id = d.lab_id
ORDER BY l.title COLLATE "C", l.id
""")


_PERIODS = (False, True)
TOTALS = {in_period: _totals_statement(in_period=in_period) for in_period in _PERIODS}
TOPIC_ROWS = {
    (in_period, chosen): _topics_statement(in_period=in_period, chosen=chosen)
    for in_period in _PERIODS
    for chosen in (False, True)
}
LAB_ROWS = {in_period: _labs_statement(in_period=in_period) for in_period in _PERIODS}


def user_values(
    user_id: int, topic_ids: Sequence[int] | None, start: datetime | None, end: datetime | None
) -> dict[str, Any]:
    """The values of all statements of a person."""
    return {"user_id": user_id, "topic_ids": topic_ids, **span(start, end)}


async def get_user_performance(
    snapshot: Snapshot, user_id: int, start: datetime | None, end: datetime | None
) -> tuple[Measures, Decimal | None]:
    """Measures, and the score as displayed: over all time, or over what was completed in [start, end)."""
    row = await snapshot.row(TOTALS[start is not None], **user_values(user_id, None, start, end))
    return (Measures(), None) if row is None else (Measures.from_row(row), row["ranking_score"])


async def get_user_ranking(snapshot: Snapshot, user_id: int) -> Ranking | None:
    """In the organization, by the score of all time; None without a score."""
    row = await snapshot.row(USER_RANKS.statement, ids=[user_id])
    return None if row is None else Ranking(*row)


async def get_standing_scores(snapshot: Snapshot, user_id: int, edges: Sequence[datetime]) -> dict[int, Decimal | None]:
    """The unrounded score at the end of slot n, from edge n to edge n + 1, where something was done in it; at the first edge: 0."""
    query = slots_by_instant(tuple(edges), frozenset({"standing_score"}))
    rows = await snapshot.rows(query.statement, ids=[user_id], **query.values)
    return {slot: score for _, slot, score in rows}
