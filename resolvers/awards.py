"""What people were awarded, and how far they are. Which people, row security decides; definitions are for everybody."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from db.keyset import Listing, Page, Rows
from db.queries.award_rules import AwardKind
from db.queries.awards import AwardRow, DefinitionRow, list_definitions
from resolvers.context import Context
from resolvers.errors import NotFound
from resolvers.loaders.awards import load_award_by_id, load_award_count_by_user, load_definition_by_id

QUARTER = timedelta(minutes=15)
"""Midnights of all zones are at quarters of an hour."""


async def resolve_award(context: Context, kind: AwardKind, key: int) -> AwardRow:
    """Raises NotFound, also for one that the viewer may not see."""
    row = await context.load(load_award_by_id, key)
    if row is None or row.kind != kind:
        raise NotFound(kind.lower())
    return row


async def resolve_definition(context: Context, key: int) -> DefinitionRow:
    """Raises NotFound."""
    row = await context.load(load_definition_by_id, key)
    if row is None:
        raise NotFound("definition")
    return row


async def resolve_definitions(context: Context, kind: AwardKind | None) -> list[DefinitionRow]:
    """Those of the organization, of all kinds or of one."""
    return await list_definitions(context.snapshot, kind)


def award_listing(
    context: Context, kind: AwardKind, include_revoked: bool, page: Page
) -> Callable[[Rows[AwardRow], int], Listing[AwardRow]]:
    """What makes a page of a person's awards of what is loaded for it and its key."""

    def listing(rows: Rows[AwardRow], key: int) -> Listing[AwardRow]:
        def count(bound: int | None) -> Awaitable[int]:
            return context.load(load_award_count_by_user, key, kind, include_revoked)

        return Listing.of(page, rows, count)

    return listing


async def resolve_quarter(context: Context) -> datetime:
    """The last quarter of an hour: an instant of the same local day, wherever one is."""
    return await context.snapshot.lasting(
        lambda now: now.replace(minute=now.minute // 15 * 15, second=0, microsecond=0),
        lambda quarter: quarter + QUARTER,
    )
