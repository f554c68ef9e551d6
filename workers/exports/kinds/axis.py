"""The axis of a chart over time: consecutive local weeks, or months or years where there would be too many."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

MOST_POINTS = 106
"""Two years of weeks, cut at both ends."""


@dataclass(frozen=True, slots=True)
class Grain:
    """``floor`` gives the first day of the week, month or year of a day; ``longest`` is more than it has days."""

    name: str
    longest: int
    floor: Callable[[date], date]
    label: Callable[[date], str]


def _week_label(day: date) -> str:
    year, week, _ = day.isocalendar()
    return f"{year}-W{week:02}"


WEEK = Grain("week", 8, lambda day: day - timedelta(days=day.weekday()), _week_label)
MONTH = Grain("month", 32, lambda day: day.replace(day=1), lambda day: f"{day:%Y-%m}")
YEAR = Grain("year", 367, lambda day: day.replace(month=1, day=1), lambda day: f"{day.year}")


@dataclass(frozen=True, slots=True)
class Axis:
    """Piece n lies from edge n to edge n + 1 and is called label n. Edges are UTC; labels are those of the graph."""

    grain: str
    edges: tuple[datetime, ...]
    labels: tuple[str, ...]


def axis(start: datetime, end: datetime, time_zone: str) -> Axis:
    """[start, end) in the finest grain with at most MOST_POINTS pieces; the first and last are cut at the edges."""
    zone = ZoneInfo(time_zone)
    found = _cut(start, end, zone, WEEK)
    for grain in (MONTH, YEAR):
        if len(found.labels) > MOST_POINTS:
            found = _cut(start, end, zone, grain)
    return found


def _cut(start: datetime, end: datetime, zone: ZoneInfo, grain: Grain) -> Axis:
    first = grain.floor(start.astimezone(zone).date())
    edges, labels = [start.astimezone(UTC)], [grain.label(first)]
    following = _next(first, grain)
    while (edge := _start_of_day(following, zone)) < end:
        edges.append(edge)
        labels.append(grain.label(following))
        following = _next(following, grain)
    return Axis(grain.name, (*edges, end.astimezone(UTC)), tuple(labels))


def _next(first: date, grain: Grain) -> date:
    return grain.floor(first + timedelta(days=grain.longest - 1))


def _start_of_day(day: date, zone: ZoneInfo) -> datetime:
    """Of a midnight that does not exist, the instant at which clocks jump over it; of one that is twice, the first."""
    return datetime.combine(day, time(), zone).astimezone(UTC)
