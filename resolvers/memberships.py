"""Who belonged to which group from when to when. One's own memberships are open; those of a group need VIEW_TEAM."""

from __future__ import annotations

from db.keyset import Listing, Page
from db.queries.memberships import MembershipRow, MembershipSide
from resolvers.context import Context
from resolvers.errors import NotFound
from resolvers.loaders.memberships import (
    load_membership_by_id,
    load_membership_count_by_side,
    load_memberships_by_side,
)
from resolvers.permissions import Permission


async def resolve_membership(context: Context, key: int) -> MembershipRow:
    """Raises NotFound, also for one that the viewer may not see."""
    row = await context.load(load_membership_by_id, key)
    if row is None:
        raise NotFound("membership")
    return row


async def resolve_memberships(
    context: Context, side: MembershipSide, key: int, include_ended: bool, page: Page
) -> Listing[MembershipRow]:
    """A page of the memberships of a group or of a person that the viewer may see, by start. Raises Forbidden."""
    if side is MembershipSide.GROUP:
        await context.require(Permission.VIEW_TEAM)

    async def count(bound: int | None) -> int:
        return await context.load(load_membership_count_by_side, key, side, include_ended)

    return Listing.of(page, await context.load(load_memberships_by_side, key, side, include_ended, page), count)
