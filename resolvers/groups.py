"""Groups, and who may see the people in them: whoever has VIEW_TEAM. For others a group is its name."""

from __future__ import annotations

from collections.abc import Callable

from db.keyset import Listing, Page, Rows
from db.queries.groups import GroupRow, GroupSelection, count_groups, list_groups
from db.queries.users import UserRow, UserSelection
from resolvers.context import Context
from resolvers.errors import NotFound
from resolvers.loaders.groups import (
    load_group_by_id,
    load_leads_by_group,
    load_member_count_by_group,
)
from resolvers.permissions import Permission

EVERY_MEMBER = UserSelection()
# More groups than anybody leads or is in.
ALL_OF_MINE = Page(1_000)


async def resolve_group(context: Context, key: int) -> GroupRow:
    """Raises NotFound, also for a group that the viewer may not see."""
    row = await context.load(load_group_by_id, key)
    if row is None:
        raise NotFound("group")
    return row


async def resolve_groups(context: Context, selection: GroupSelection, page: Page) -> Listing[GroupRow]:
    """A page of the groups that the viewer may see, by name."""
    snapshot = context.snapshot

    async def count(bound: int | None) -> int:
        return await count_groups(snapshot, selection, bound)

    return Listing.of(page, await list_groups(snapshot, selection, page), count)


async def resolve_own_groups(context: Context) -> list[GroupRow]:
    """Those that the viewer is in or leads now, by name."""
    found = await list_groups(context.snapshot, GroupSelection(mine=True), ALL_OF_MINE)
    return [row for row, _ in found[: ALL_OF_MINE.size]]


async def resolve_members(
    context: Context, selection: UserSelection, page: Page
) -> Callable[[Rows[UserRow], int], Listing[UserRow]]:
    """What makes a page of the present, active members of what is loaded for a group and its key. Raises Forbidden."""
    await context.require(Permission.VIEW_TEAM)

    def listing(rows: Rows[UserRow], group_id: int) -> Listing[UserRow]:
        async def count(bound: int | None) -> int:
            return await context.load(load_member_count_by_group, group_id, selection)

        return Listing.of(page, rows, count)

    return listing


async def resolve_member_count(context: Context, group_id: int) -> int:
    """Raises Forbidden."""
    await context.require(Permission.VIEW_TEAM)
    return await context.load(load_member_count_by_group, group_id, EVERY_MEMBER)


async def resolve_leads(context: Context, group_id: int) -> list[UserRow]:
    """Raises Forbidden."""
    await context.require(Permission.VIEW_TEAM)
    return await context.load(load_leads_by_group, group_id)
