"""What became of events, for the figures of the worker. Topics are those that there are, so labels are few."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from functools import cache

from prometheus_client import Counter, Histogram


class Result(StrEnum):
    """TAKEN had its effect, DUPLICATE had had it before; of IGNORED nothing is kept (see ``happenings``); REFUSED is kept to be
    tried again, or dead; DEAD was given up after its last try.
    """

    TAKEN = "taken"
    DUPLICATE = "duplicate"
    IGNORED = "ignored"
    REFUSED = "refused"
    DEAD = "dead"


CONSUMED = Counter("events_consumed", "Events by what became of them.", ("topic", "result"), registry=None)
LATENCY = Histogram(
    "event_processing_latency_seconds",
    "From when an event happened, by its producer's clock, to when its effect was committed.",
    ("topic",),
    buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600, 3600),
    registry=None,
)


COLLECTORS = (CONSUMED, LATENCY)


def count(topic: str, result: Result, time: datetime | None = None) -> None:
    """``time`` is when the event happened."""
    _counted(topic, result).inc()
    if time is not None and result is Result.TAKEN:
        _timed(topic).observe(max(0.0, (datetime.now(UTC) - time).total_seconds()))


@cache
def _counted(topic: str, result: Result) -> Counter:
    return CONSUMED.labels(topic, result)


@cache
def _timed(topic: str) -> Histogram:
    return LATENCY.labels(topic)
