"""Numbers of the platform in the buckets of a period."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from resolvers.periods import Bucket, Grain, Period, PeriodError, buckets

MOST_COMPARED = 10
"""Services in one series, and types of events where none are named."""
LONGEST_SERIES = 366


@dataclass(frozen=True, slots=True)
class Point:
    """A number in a bucket, of a service or of all."""

    bucket: Bucket
    value: float
    service_name: str | None = None


def short_axis(period: Period, grain: Grain) -> tuple[Bucket, ...]:
    """The buckets of a period. Raises PeriodError above 366."""
    axis = buckets(period, grain)
    if len(axis) > LONGEST_SERIES:
        raise PeriodError(
            f"This series has at most {LONGEST_SERIES} buckets. Ask for a shorter period or a coarser grain.", "period"
        )
    return axis


def edges_of(axis: Sequence[Bucket]) -> list[datetime]:
    """Where buckets begin, and where the last one ends."""
    return [*(bucket.start for bucket in axis), axis[-1].end]
