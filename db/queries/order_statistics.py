"""What does not add up over attempts: people, percentiles, common errors; and how statements take them from the attempts.

In the fragments of SQL, the attempts go by the alias ``a``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

# How many common errors the views keep of each lab, topic or level.
MOST_ERRORS = 20


class PercentileMeasure(StrEnum):
    """What percentiles are taken of."""

    COMPLETION_TIME_SECONDS = "COMPLETION_TIME_SECONDS"
    SCORE = "SCORE"


@dataclass(frozen=True, slots=True)
class PeopleCount:
    """Distinct people with a finished attempt, and those of them with a success."""

    people: int = 0
    successful_people: int = 0


@dataclass(frozen=True, slots=True)
class ErrorCount:
    """Attempts that met an error, however often each."""

    code: str
    attempts: int


FINISHED = "a.status <> 'STARTED' AND a.deleted_at IS NULL AND a.occurred_at >= :start AND a.occurred_at < :end"
# Durations over 30 days are left out, as in the views.
VALUE = {
    PercentileMeasure.COMPLETION_TIME_SECONDS: "CASE WHEN a.duration_seconds <= 2592000 THEN a.duration_seconds END",
    PercentileMeasure.SCORE: "a.score",
}
_EVER = (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))


def span_of(start: datetime | None, end: datetime | None) -> tuple[datetime, datetime]:
    """``start`` and ``end`` of FINISHED: [start, end), or all time where both are None."""
    return _EVER if start is None or end is None else (start, end)
