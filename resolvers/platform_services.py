"""How services fare, by what they told, and what they measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from db.queries.platform_services import GATEWAY, ServiceFigures, Statistic, list_sample_slots, list_service_figures
from resolvers.calendar import resolve_context_period
from resolvers.context import Context
from resolvers.errors import Invalid
from resolvers.health_checks import HealthCheck, HealthStatus
from resolvers.periods import Grain, PeriodSpec, buckets
from resolvers.permissions import Permission, permissions_of
from resolvers.platform_series import MOST_COMPARED, Point, edges_of
from settings import Settings

MOST_SERVICES = 100
SILENT_AFTER = timedelta(minutes=5)
"""A service that has told nothing for so long is down, as far as anybody can tell."""


@dataclass(frozen=True, slots=True)
class SeenService:
    figures: ServiceFigures
    status: HealthStatus
    checks: Sequence[HealthCheck]


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
