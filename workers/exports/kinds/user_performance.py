"""A person: where they stand, how they got there, and what they did in each topic and lab."""

from __future__ import annotations

from datetime import timedelta

from db.export_parameters import UserPerformanceParameters
from db.queries.exports.subjects import Subject, get_user_history
from db.queries.exports.user_performance import (
    LAB_ROWS,
    TOPIC_ROWS,
    get_standing_scores,
    get_user_performance,
    get_user_ranking,
    history_statement,
    user_values,
)
from db.queries.users import Ranking
from workers.exports.content import Card, Chart, ChartKind, Column, Kind, Report
from workers.exports.kinds import figures, measured
from workers.exports.kinds.asking import Asking, sheet
from workers.exports.kinds.axis import axis

HISTORY = (
    Column("completed_at", "Completed", Kind.INSTANT),
    Column("lab", "Lab", Kind.TEXT),
    Column("tasks_completed", "Tasks completed", Kind.INTEGER),
    measured.SCORE,
    Column("score_change", "Change", Kind.DECIMAL, 1),
    Column("on_time_ratio", "On time", Kind.RATIO),
    Column("skill_accuracy", "Skill accuracy", Kind.RATIO),
    Column("difficulty_factor", "Difficulty", Kind.RATIO),
    Column("avg_time_seconds", "Mean time", Kind.SECONDS),
    Column("avg_speed_days", "Mean days early", Kind.DECIMAL),
)
TOPICS = (measured.TOPIC, measured.SCORE, *measured.MEASURES)
LABS = (
    Column("lab", "Lab", Kind.TEXT),
    Column("type", "Lab id", Kind.TEXT),
    Column("completed", "Completed", Kind.FLAG),
    Column("best_score", "Best score", Kind.DECIMAL, 1),
    *measured.MEASURES,
    Column("total_time_seconds", "Time spent", Kind.SECONDS),
    measured.LAST_ACTIVITY,
)


async def report_of(asking: Asking, asked: UserPerformanceParameters) -> Report:
    """Raises NotFound."""
    name = await asking.name(Subject.USER, asked.user_id)
    shown = await asking.topics_shown(asked.topic_ids)
    values = user_values(asked.user_id, asked.topic_ids, asking.start, asking.end)
    return asking.report(
        f"Performance: {name}",
        {"Person": name, **shown},
        [
            # Spreadsheets keep the name History for themselves.
            sheet("Score history", HISTORY, history_statement(asking.start, asking.end), values),
            sheet("Topics", TOPICS, TOPIC_ROWS[asking.in_period, asked.topic_ids is not None], values),
            sheet("Labs", LABS, LAB_ROWS[asking.in_period], values),
        ],
        await _cards(asking, asked.user_id),
        await _trend(asking, asked.user_id),
    )


async def _cards(asking: Asking, user_id: int) -> tuple[Card, ...]:
    measures, score = await get_user_performance(asking.snapshot, user_id, asking.start, asking.end)
    ranking = await get_user_ranking(asking.snapshot, user_id)
    return (
        Card("Score", figures.score(score)),
        _rank_card(ranking),
        Card("Tasks completed", figures.count(measures.tasks)),
        *measured.cards(measures),
    )


def _rank_card(ranking: Ranking | None) -> Card:
    if ranking is None:
        return Card("Rank", figures.UNKNOWN)
    return Card("Rank", figures.count(ranking.rank), f"of {figures.count(ranking.ranked_people)}, over all time")


async def _trend(asking: Asking, user_id: int) -> tuple[Chart, ...]:
    """The all-time score as it stood at the end of each week, up to the last in which something was done."""
    history = await get_user_history(asking.snapshot, user_id)
    if history is None:
        return ()
    start, end = asking.start or history[0], asking.end or history[1] + timedelta.resolution
    line = axis(start, end, asking.time_zone)
    scores = await get_standing_scores(asking.snapshot, user_id, line.edges)
    last = scores.get(0)
    points: list[tuple[str, float | None]] = []
    for place, label in enumerate(line.labels, 1):
        last = scores.get(place, last)
        is_over = line.edges[place - 1] > asking.as_of
        points.append((label, None if last is None or is_over else float(last)))
    if all(score is None for _, score in points):
        return ()
    return (Chart(ChartKind.LINE, f"Score at the end of each {line.grain.lower()}", points, "score"),)
