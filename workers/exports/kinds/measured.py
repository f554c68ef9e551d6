"""What stands for measures in sheets and on cards."""

from __future__ import annotations

from db.queries.measures import Measures
from workers.exports.content import Card, Column, Kind
from workers.exports.kinds import figures

NAME = Column("name", "Name", Kind.TEXT)
EXTERNAL_ID = Column("external_id", "Id", Kind.TEXT)
TOPIC = Column("topic", "Topic", Kind.TEXT)
SCORE = Column("score", "Score", Kind.DECIMAL, 1)
PEOPLE = Column("people", "People", Kind.INTEGER)
LAST_ACTIVITY = Column("last_activity", "Last activity", Kind.INSTANT)

MEASURES = (
    Column("attempts", "Attempts", Kind.INTEGER),
    Column("tasks_completed", "Tasks completed", Kind.INTEGER),
    Column("success_rate", "Success rate", Kind.RATIO),
    Column("on_time_ratio", "On time", Kind.RATIO),
    Column("avg_time_seconds", "Mean time", Kind.SECONDS),
    Column("avg_attempt_score", "Mean attempt score", Kind.DECIMAL, 1),
    Column("hint_usage_rate", "Hint use", Kind.RATIO),
)
"""The columns of SHOWN_MEASURES."""


def cards(measures: Measures) -> tuple[Card, ...]:
    """Attempts and what they came to."""
    return (
        Card("Attempts", figures.count(measures.attempts)),
        Card("Success rate", figures.share(measures.successes, measures.attempts), "of finished attempts"),
        Card("On time", figures.share(measures.on_time, measures.deadlines), "of attempts with a deadline"),
        Card("Mean time", figures.mean_time(measures.seconds, measures.timed), "of an attempt"),
        Card("Hint use", figures.share(measures.hinted, measures.hints_known), "of attempts that report hints"),
    )
