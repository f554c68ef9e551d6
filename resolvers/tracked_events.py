"""Tracked events, for those who may see the platform. Nobody is told when there is a new one: such answers are not kept."""

from __future__ import annotations

from db.keyset import Listing, Page
from db.queries.tracked_events import EventRow, EventSelection, count_events, list_events
from resolvers.context import Context
from resolvers.errors import NotFound
from resolvers.loaders.tracked_events import load_event_by_id
from resolvers.permissions import Permission


async def resolve_event(context: Context, key: int) -> EventRow:
    """Raises NotFound, also for one that the viewer may not see."""
    await context.snapshot.at()
    row = await context.load(load_event_by_id, key)
    if row is None:
        raise NotFound("event")
    return row


async def resolve_events(context: Context, selection: EventSelection, page: Page) -> Listing[EventRow]:
    """A page, newest first. Raises Forbidden."""
    await context.require(Permission.VIEW_PLATFORM)
    snapshot = context.snapshot
    await snapshot.at()

    async def count(bound: int | None) -> int:
        return await count_events(snapshot, selection, bound)

    return Listing.of(page, await list_events(snapshot, selection, page), count)
