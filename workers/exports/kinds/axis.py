"""The axis of a chart over time: consecutive local weeks, or months or years where there would be too many."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile
from zoneinfo import ZoneInfo

from db.calendar import Grain, Weekday, spans, utc

MOST_POINTS = 106
"""Two years of weeks, cut at both ends."""


@dataclass(frozen=True, slots=True)
class Axis:
    """Piece n lies from edge n to edge n + 1 and is called label n. Edges are UTC; labels are those of the graph."""

    grain: Grain
    edges: tuple[datetime, ...]
    labels: tuple[str, ...]


def axis(start: datetime, end: datetime, time_zone: str) -> Axis:
    """[start, end) in the finest grain with at most MOST_POINTS pieces; the first and last are cut at the edges."""
    zone = ZoneInfo(time_zone)
    found = _cut(start, end, zone, Grain.WEEK)
    for grain in (Grain.MONTH, Grain.YEAR):
        if len(found.labels) > MOST_POINTS:
            found = _cut(start, end, zone, grain)
    return found


def _cut(start: datetime, end: datetime, zone: ZoneInfo, grain: Grain) -> Axis:
    pieces = list(takewhile(lambda piece: piece[0] < end, spans(start, grain, Weekday.MONDAY, zone)))
    edges = (utc(start), *(first for first, _, _ in pieces[1:]), utc(end))
    return Axis(grain, edges, tuple(label for _, _, label in pieces))
