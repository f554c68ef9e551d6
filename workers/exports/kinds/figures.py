"""Figures as people read them on cards, and points as charts show them."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from db.queries.measures import ratio
from workers.exports.content import Chart, ChartKind

UNKNOWN = "–"
SCORE_BUCKETS = ("0-20", "20-40", "40-60", "60-80", "80-100")


def count(value: int) -> str:
    return f"{value:,}"


def score(value: Decimal | float | None) -> str:
    """To one decimal, half-even."""
    return UNKNOWN if value is None else f"{round(Decimal(str(value)), 1):.1f}"


def share(numerator: int, denominator: int) -> str:
    """A ratio in percent, with one decimal."""
    value = ratio(numerator, denominator)
    return UNKNOWN if value is None else f"{value:.1%}"


def mean_time(seconds: Decimal, times: int) -> str:
    """The mean in hours, minutes and seconds."""
    mean = ratio(seconds, times)
    return UNKNOWN if mean is None else duration(mean)


def duration(seconds: float) -> str:
    """As ``1 h 5 min``, ``5 min 3 s`` or ``3 s``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours:,} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def distribution(title: str, counts: Sequence[int], unit: str) -> tuple[Chart, ...]:
    """How many scores lie in [0, 20), …, [80, 100]; no chart of no scores."""
    if not any(counts):
        return ()
    points = [(label, float(value)) for label, value in zip(SCORE_BUCKETS, counts, strict=True)]
    return (Chart(ChartKind.BARS, title, points, unit),)
