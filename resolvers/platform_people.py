"""What people do on the platform, by its events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby

from db.queries.platform_people import (
    FeatureRow,
    Logins,
    count_active,
    count_active_by_slot,
    count_registrations,
    get_median_session,
    list_features,
    list_type_slots,
)
from resolvers.calendar import resolve_context_period
from resolvers.context import Context
from resolvers.errors import Invalid
from resolvers.loaders.platform_people import load_logins_by_period
from resolvers.periods import Grain, Period, PeriodSpec
from resolvers.platform_series import MOST_COMPARED, Point, edges_of, short_axis

MOST_TYPES = 50
WEEK, MONTH = timedelta(days=7), timedelta(days=30)


@dataclass(frozen=True, slots=True)
class TypeSeries:
    """How often events of a type happened, in all and by bucket; in each, also where there was none."""

    event_type: str
    total: int
    points: list[Point]


async def resolve_daily_active(context: Context, period: Period) -> list[Point]:
    """People who signed in, on each day of the period. Raises PeriodError."""
    axis = short_axis(period, Grain.DAY)
    found = await count_active_by_slot(context.snapshot, edges_of(axis))
    return [Point(bucket, found.get(place, 0)) for place, bucket in enumerate(axis, 1)]


async def resolve_active(context: Context, period: Period, last: timedelta | None = None) -> int:
    """People who signed in, in the period or the ``last`` of it until now."""
    end = min(period.end, await context.snapshot.at())
    return await count_active(context.snapshot, period.start if last is None else end - last, end)


async def resolve_registrations(context: Context, period: Period) -> int:
    return await count_registrations(context.snapshot, period.start, period.end)


async def resolve_logins(context: Context, period: Period) -> Logins:
    return await context.load(load_logins_by_period, (period.start, period.end))


async def resolve_median_session(context: Context, period: Period) -> float | None:
    return await get_median_session(context.snapshot, period.start, period.end)


async def resolve_features(context: Context, period: Period, most: int) -> list[FeatureRow]:
    return await list_features(context.snapshot, period.start, period.end, most)


async def resolve_type_series(
    context: Context, types: Sequence[str] | None, spec: PeriodSpec, grain: Grain
) -> list[TypeSeries]:
    """Of these types in the order of how often they happened, or the most frequent. Raises PeriodError; Invalid."""
    if types is not None and len(types) > MOST_TYPES:
        raise Invalid(f"At most {MOST_TYPES} types.", "eventTypes")
    axis = short_axis(await resolve_context_period(context, spec), grain)
    most = MOST_COMPARED if types is None else MOST_TYPES
    slots = await list_type_slots(context.snapshot, types, edges_of(axis), most)
    series = []
    for event_type, own in groupby(slots, lambda slot: slot.event_type):
        found = {slot.slot: slot.events for slot in own}
        points = [Point(bucket, found.get(place, 0)) for place, bucket in enumerate(axis, 1)]
        series.append(TypeSeries(event_type, sum(found.values()), points))
    return series
