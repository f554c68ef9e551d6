"""Who belonged to which group from when to when. One's own memberships are open; those of a group need VIEW_TEAM."""

from __future__ import annotations

from collections.abc import Callable

from db.keyset import Listing, Page, Rows
from db.queries.memberships import MembershipRow, MembershipSide
from resolvers.context import Context
from resolvers.errors import NotFound
from resolvers.loaders.memberships import (
    load_membership_by_id,
    load_membership_count_by_side,
)
from resolvers.permissions import Permission


async def resolve_membership(context: Context, key: int) -> MembershipRow:
    """Raises NotFound, also for one that the viewer may not see."""
    row = await context.load(load_membership_by_id, key)
    if row is None:
        raise NotFound("membership")
    return row


async def resolve_memberships(
    context: Context, side: MembershipSide, include_ended: bool, page: Page
) -> Callable[[Rows[MembershipRow], int], Listing[MembershipRow]]:
    """What makes a page of the memberships of a group or of a person, by start, of what is loaded for it and its key. Raises
    Forbidden.
    """
    if side is MembershipSide.GROUP:
        await context.require(Permission.VIEW_TEAM)

    def listing(rows: Rows[MembershipRow], key: int) -> Listing[MembershipRow]:
        async def count(bound: int | None) -> int:
            return await context.load(load_membership_count_by_side, key, side, include_ended)

        return Listing.of(page, rows, count)

    return listing
