"""How fresh a number is: live, or as a materialized view had it at its last refresh."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from resolvers.context import Context
from resolvers.loaders.freshness import load_refreshes_by_organization

# A view that missed two refreshes in a row has nobody who refreshes it.
STALE_AFTER_INTERVALS = 3


@dataclass(frozen=True, slots=True)
class ViewFreshness:
    """``as_of`` is the instant of the snapshot. ``view`` is None for live numbers, which have no refresh either."""

    as_of: datetime
    view: str | None
    refreshed_at: datetime | None
    version: int | None
    is_stale: bool


async def resolve_freshness(context: Context, view: str | None) -> ViewFreshness:
    """The freshness of numbers from a materialized view; None for those computed from the attempts themselves."""
    as_of = await context.snapshot.at()
    if view is None:
        return ViewFreshness(as_of, None, None, None, False)
    organization_id = (await context.viewer()).organization_id
    refresh = (await context.load(load_refreshes_by_organization, organization_id)).get(view)
    if refresh is None or refresh.current_at is None:
        return ViewFreshness(as_of, view, None, None, True)
    longest = timedelta(seconds=STALE_AFTER_INTERVALS * context.services.settings.refresh_seconds)
    return ViewFreshness(as_of, view, refresh.refreshed_at, refresh.version, as_of - refresh.current_at > longest)
