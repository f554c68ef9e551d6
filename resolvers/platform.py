"""How the platform fares, for those who may see it: requests, services, and what people do.

Nobody is told of new events and metrics: such answers are not kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from db.queries.alerts import AlertSelection, AlertStatus, count_alerts
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
from db.queries.platform_requests import (
    EndpointFigures,
    RequestFigures,
    RequestOrder,
    get_request_figures,
    list_endpoint_figures,
)
from db.queries.platform_services import GATEWAY, ServiceFigures, Statistic, list_sample_slots, list_service_figures
from resolvers.calendar import resolve_context_period
from resolvers.context import Context
from resolvers.errors import Invalid
from resolvers.health_checks import HealthCheck, HealthStatus
from resolvers.loaders.platform_people import load_logins_by_period
from resolvers.periods import Bucket, Grain, Period, PeriodError, PeriodSpec, buckets
from resolvers.permissions import Permission, permissions_of
from settings import Settings

MOST_SERVICES = 100
MOST_COMPARED = 10
"""Services in one series, and types of events where none are named."""
MOST_TYPES = 50
LONGEST_SERIES = 366

SILENT_AFTER = timedelta(minutes=5)
"""A service that has told nothing for so long is down, as far as anybody can tell."""

WEEK, MONTH = timedelta(days=7), timedelta(days=30)


@dataclass(frozen=True, slots=True)
class SeenService:
    figures: ServiceFigures
    status: HealthStatus
    checks: Sequence[HealthCheck]


@dataclass(frozen=True, slots=True)
class Point:
    """A number in a bucket, of a service or of all."""

    bucket: Bucket
    value: float
    service_name: str | None = None


@dataclass(frozen=True, slots=True)
class TypeSeries:
    """How often events of a type happened, in all and by bucket; in each, also where there was none."""

    event_type: str
    total: int
    points: list[Point]


async def resolve_platform(context: Context) -> None:
    """Raises Forbidden."""
    await context.require(Permission.VIEW_PLATFORM)
    await context.snapshot.at()


async def resolve_platform_period(context: Context, spec: PeriodSpec) -> Period:
    """In the organization's calendar. Raises PeriodError."""
    return await resolve_context_period(context, spec)


async def resolve_request_figures(context: Context, period: Period) -> RequestFigures:
    return await get_request_figures(context.snapshot, period.start, period.end)


async def resolve_endpoints(
    context: Context, spec: PeriodSpec, service: str | None, order: RequestOrder, most: int
) -> list[EndpointFigures]:
    """Raises PeriodError."""
    period = await resolve_context_period(context, spec)
    return await list_endpoint_figures(context.snapshot, period.start, period.end, service, order, most)


async def resolve_services(context: Context) -> list[SeenService]:
    """Those that told anything in the last day, by name."""
    now = await context.snapshot.at()
    found = await list_service_figures(context.snapshot, now, MOST_SERVICES)
    own = await _own_checks(context) if any(figures.service_name == GATEWAY for figures in found) else ()
    settings = context.services.settings

    def seen(figures: ServiceFigures) -> SeenService:
        checks = own if figures.service_name == GATEWAY else ()
        return SeenService(figures, status_of(figures, checks, now, settings), checks)

    return [seen(figures) for figures in found]


async def _own_checks(context: Context) -> Sequence[HealthCheck]:
    """What this gateway finds, for those who may OPERATE: the others see no gateway but perhaps a service of that name."""
    look = context.services.look
    if look is None or Permission.OPERATE not in permissions_of(await context.viewer()):
        return ()
    return await look()


def status_of(
    figures: ServiceFigures, checks: Sequence[HealthCheck], now: datetime, settings: Settings
) -> HealthStatus:
    """By what the service said of itself, or that it does not any more, and by what was found of it."""
    if now - figures.last_seen_at > SILENT_AFTER:
        return HealthStatus.DOWN
    is_slow = figures.mean_ms is not None and figures.mean_ms > settings.alert_response_time_ms
    is_failing = figures.error_rate is not None and figures.error_rate > settings.alert_error_rate
    lacks = any(check.status is not HealthStatus.OK for check in checks)
    return HealthStatus.DEGRADED if is_slow or is_failing or lacks else HealthStatus.OK


async def resolve_firing(context: Context) -> int:
    """How many alerts fire now that nobody has taken note of. Raises Forbidden."""
    await context.require(Permission.OPERATE)
    return await count_alerts(context.snapshot, AlertSelection(status=AlertStatus.FIRING), None)


async def resolve_samples(
    context: Context, metric: str, service: str | None, spec: PeriodSpec, grain: Grain, statistic: Statistic
) -> list[Point]:
    """By service and time, where there are samples. Raises PeriodError; Invalid where more services than ten measured it."""
    axis = buckets(await resolve_context_period(context, spec), grain)
    most = MOST_COMPARED * len(axis)
    slots = await list_sample_slots(context.snapshot, metric, service, statistic, edges_of(axis), most + 1)
    if len({slot.service_name for slot in slots}) > MOST_COMPARED:
        raise Invalid(f"More than {MOST_COMPARED} services measured this. Name one.", "service")
    return [Point(axis[slot.slot - 1], slot.value, slot.service_name) for slot in slots]


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
