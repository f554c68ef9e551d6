"""How the platform fares, for those who may see it.

Nobody is told of new events and metrics: such answers are not kept.
"""

from __future__ import annotations

from db.queries.alerts import AlertSelection, AlertStatus, count_alerts
from resolvers.context import Context
from resolvers.permissions import Permission


async def resolve_platform(context: Context) -> None:
    """Raises Forbidden."""
    await context.require(Permission.VIEW_PLATFORM)
    await context.snapshot.at()


async def resolve_firing(context: Context) -> int:
    """How many alerts fire now that nobody has taken note of. Raises Forbidden."""
    await context.require(Permission.OPERATE)
    return await count_alerts(context.snapshot, AlertSelection(status=AlertStatus.FIRING), None)
