"""How requests fared, in all and by endpoint."""

from __future__ import annotations

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


async def resolve_request_figures(context: Context, period: Period) -> RequestFigures:
    return await get_request_figures(context.snapshot, period.start, period.end)


async def resolve_endpoints(
    context: Context, spec: PeriodSpec, service: str | None, order: RequestOrder, most: int
) -> list[EndpointFigures]:
    """Raises PeriodError."""
    period = await resolve_context_period(context, spec)
    return await list_endpoint_figures(context.snapshot, period.start, period.end, service, order, most)
