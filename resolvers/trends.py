"""Where a person's score went: from the start of a period to its end, and bucket by bucket."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from db.parts import Table
from db.queries.measures import Measures
from db.queries.standings import NO_STANDING
from resolvers.batches import Load
from resolvers.calendar import resolve_context_period
from resolvers.context import Context
from resolvers.loaders.trends import (
    Slots,
    days_of_period,
    load_days_by_user,
    load_next_completion_by_organization,
    load_slots_by_user,
)
from resolvers.periods import Bucket, GapFill, Grain, Period, PeriodSpec, Weekday, buckets
from resolvers.scores import displayed

SCORE = frozenset({"standing_score"})
NOTHING = Measures()._asdict()


class TrendDirection(StrEnum):
    UP = "UP"
    DOWN = "DOWN"
    FLAT = "FLAT"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class ScoreTrend:
    """The score at both ends of a period, unrounded; None where it was not known."""

    period: Period
    start_score: Decimal | None
    end_score: Decimal | None

    @property
    def change(self) -> Decimal | None:
        if self.start_score is None or self.end_score is None:
            return None
        return self.end_score - self.start_score

    @property
    def direction(self) -> TrendDirection:
        shown = displayed(self.change)
        if shown is None:
            return TrendDirection.UNKNOWN
        if shown == 0:
            return TrendDirection.FLAT
        return TrendDirection.UP if shown > 0 else TrendDirection.DOWN


@dataclass(frozen=True, slots=True)
class TrendStatistics:
    """Of the unrounded scores of the points that have one."""

    count: int
    average: Decimal | None
    highest: Decimal | None
    lowest: Decimal | None
    spread: Decimal | None


@dataclass(frozen=True, slots=True)
class TrendSeries:
    """``data_points`` counts the buckets in which something was done, whatever gaps hold. ``points`` have the ``bucket``, what was
    done in it (None where a gap holds nulls), and where the person stood at its end (``standing_…``).
    """

    period: Period
    grain: Grain
    data_points: int
    points: Table

    @property
    def statistics(self) -> TrendStatistics:
        scores = [score for score in self.points.column("standing_score") if score is not None]
        if not scores:
            return TrendStatistics(0, None, None, None, None)
        highest, lowest = max(scores), min(scores)
        average = sum(scores, Decimal(0)) / len(scores)
        return TrendStatistics(len(scores), average, highest, lowest, highest - lowest)


async def resolve_trend(context: Context, user_id: int, spec: PeriodSpec) -> ScoreTrend:
    """Ends at the instant of the answer if the period is not over by then. Raises PeriodError."""
    period = await resolve_context_period(context, spec)
    now = await _end_of_history(context)
    edges = min(period.start, now), min(period.end, now)
    slots = await context.load(load_slots_by_user, user_id, edges, SCORE)
    scores, places = slots.columns["standing_score"], slots.places
    start = scores[places[0]] if 0 in places else None
    end = scores[places[1]] if 1 in places else start
    return ScoreTrend(period, start, end)


async def resolve_performance_trends(
    context: Context,
    spec: PeriodSpec,
    grain: Grain,
    fill: GapFill,
    time_zone: str | None = None,
    week_start: Weekday = Weekday.MONDAY,
    wanted: frozenset[str] | None = None,
) -> tuple[Load, tuple[Any, ...], Callable[[Slots], TrendSeries]]:
    """What loads slots by person, with which arguments, and what makes a series of them. ``wanted`` are the columns that are
    needed of the points' rows, None for all. Raises PeriodError, also for more buckets than a series may have.
    """
    period = await resolve_context_period(context, spec, time_zone, week_start)
    columns = None if wanted is None else wanted | SCORE
    axis = buckets(period, grain)
    days = days_of_period(period, grain, await context.snapshot.time_zone())

    def series(slots: Slots) -> TrendSeries:
        points = fill_gaps(axis, slots, fill, period.found_at)
        return TrendSeries(period, grain, sum(place > 0 for place in slots.places), points)

    if days is not None:
        return load_days_by_user, (days, columns), series
    return load_slots_by_user, ((*(bucket.start for bucket in axis), period.end), columns), series


async def _end_of_history(context: Context) -> datetime:
    """The instant of the snapshot, of which it is noted until when nothing more lies before it: some clocks go fast."""
    now = await context.snapshot.instant()
    if context.snapshot.is_recorded:
        organization_id = (await context.viewer()).organization_id
        context.snapshot.hold_until(await context.load(load_next_completion_by_organization, organization_id, now))
    return now


def fill_gaps(buckets: tuple[Bucket, ...], slots: Slots, fill: GapFill, now: datetime) -> Table:
    """A point for each bucket with data, and for each of the others what ``fill`` says.

    A score is a running value, so ZERO, which is for counts, leaves it unknown, and CARRY_FORWARD repeats it, but not into
    the future. Counts belong to their bucket alone and are 0 in a gap, but for NULL.
    """
    shown: list[Bucket] = []
    # The row with what was done in each bucket, and the one with where the person stood at its end.
    done: list[int | None] = []
    stood: list[int | None] = []
    last = slots.places.get(0)
    for slot, bucket in enumerate(buckets, 1) if last is not None else ():
        place = slots.places.get(slot)
        if place is not None:
            last = place
        elif fill is GapFill.NONE:
            continue
        is_carried = place is not None or (fill is GapFill.CARRY_FORWARD and bucket.start <= now)
        shown.append(bucket)
        done.append(place)
        stood.append(last if is_carried else None)
    points: dict[str, Sequence[Any]] = {"bucket": shown}
    for name, values in slots.columns.items():
        if name in NO_STANDING:
            places, nothing = stood, NO_STANDING[name]
        else:
            places, nothing = done, None if fill is GapFill.NULL else NOTHING[name]
        points[name] = [nothing if place is None else values[place] for place in places]
    return Table(tuple(points), list(points.values()))
