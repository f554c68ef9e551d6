"""How the platform fares, for those who may see it.

Nobody is told of new events and metrics: such answers are not kept.
"""

from __future__ import annotations

from db.queries.alerts import AlertSelection, AlertStatus, count_alerts
from db.queries.platform_requests import (
    EndpointFigures,
    RequestFigures,
    RequestOrder,
    get_request_figures,
    list_endpoint_figures,
)
from resolvers.calendar import resolve_context_period
from resolvers.context import Context
from resolvers.periods import Period, PeriodSpec
from resolvers.permissions import Permission


async def resolve_platform(context: Context) -> None:
    """Raises Forbidden."""
    await context.require(Permission.VIEW_PLATFORM)
    await context.snapshot.at()


async def resolve_request_figures(context: Context, period: Period) -> RequestFigures:
    return await get_request_figures(context.snapshot, period.start, period.end)


async def resolve_endpoints(
    context: Context, spec: PeriodSpec, service: str | None, order: RequestOrder, most: int
) -> list[EndpointFigures]:
    """Raises PeriodError."""
    period = await resolve_context_period(context, spec)
    return await list_endpoint_figures(context.snapshot, period.start, period.end, service, order, most)


async def resolve_firing(context: Context) -> int:
    """How many alerts fire now that nobody has taken note of. Raises Forbidden."""
    await context.require(Permission.OPERATE)
    return await count_alerts(context.snapshot, AlertSelection(status=AlertStatus.FIRING), None)
