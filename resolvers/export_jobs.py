"""Exports as their requesters see them. The rows are one's own; ADMIN sees those of the organization."""

from __future__ import annotations

from db.keyset import Listing, Page
from db.queries.export_jobs import (
    ExportRow,
    ExportSelection,
    Usage,
    count_exports,
    get_usage,
    list_exports,
)
from resolvers.context import Context
from resolvers.errors import NotFound
from resolvers.loaders.export_jobs import load_export_by_id
from resolvers.row_scope import Audience

# Names the order of exports in cursors, and the types of its sort values.
ORDER = "exports:NEWEST"
ORDER_TYPES = (int,)


async def resolve_export(context: Context, key: int) -> ExportRow:
    """Raises NotFound, also for one that the viewer may not see."""
    row = await context.load(load_export_by_id, key)
    if row is None:
        raise NotFound("export")
    return row


async def resolve_exports(context: Context, selection: ExportSelection, page: Page) -> Listing[ExportRow]:
    """A page of the exports that the viewer may see, newest first."""
    snapshot = context.snapshot

    async def count(bound: int | None) -> int:
        return await count_exports(snapshot, selection, bound)

    return Listing.of(page, await list_exports(snapshot, selection, page), count)


async def resolve_usage(context: Context) -> Usage:
    """How much of the hourly limit is used up."""
    # It goes by the subject of the token, who need not be a person.
    context.narrow(Audience.TOKEN)
    organization_id = (await context.viewer()).organization_id
    limit = context.services.settings.exports_per_hour
    return await get_usage(context.snapshot, organization_id, context.caller.subject, limit)
