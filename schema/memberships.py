"""Who belonged to which group from when to when."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Self

import strawberry

from db.queries.memberships import BY_START, MembershipRow, MembershipSide
from execution.columns import column, row_reference, wanted
from resolvers.loaders.groups import load_group_by_id
from resolvers.loaders.memberships import load_memberships_by_side
from resolvers.loaders.users import load_user_by_id
from resolvers.memberships import resolve_membership, resolve_memberships
from schema import groups, users
from schema.relay import Connection, Info, Node, connection_by_key, node_id, page_of

if TYPE_CHECKING:
    from schema.groups import Group
    from schema.users import User

ORDER = "memberships:START"
TYPES = (datetime, int)
assert len(TYPES) == len(BY_START)


@strawberry.enum(description="What a person is in a group.")
class GroupRole(Enum):
    MEMBER = strawberry.enum_value("MEMBER", description="Learns in it.")
    LEAD = strawberry.enum_value("LEAD", description="Teaches it, and sees its present members.")


@strawberry.type(description="A person in a group during [validFrom, validTo).")
class GroupMembership(Node):
    row: strawberry.Private[MembershipRow]
    id: strawberry.ID = node_id("GroupMembership")
    role: GroupRole = column(lambda role: GroupRole(role), description="What the person is in the group.")
    valid_from: datetime = column("valid_from", description="The first instant of it.")
    valid_to: datetime | None = column("valid_to", description="The first instant after it; null while it has no end.")

    @classmethod
    def from_row(cls, row: MembershipRow) -> Self:
        return cls(row=row)

    @classmethod
    async def from_key(cls, info: Info, key: int) -> Self:
        """The membership as the viewer may see it. Raises NotFound."""
        return cls.from_row(await resolve_membership(info.context, key))

    user: Annotated[User, strawberry.lazy("schema.users")] | None = row_reference(
        load_user_by_id,
        "user_id",
        lambda: users.User,
        description="The person; null where the viewer may no longer see them.",
        or_null=True,
    )
    group: Annotated[Group, strawberry.lazy("schema.groups")] | None = row_reference(
        load_group_by_id,
        "group_id",
        lambda: groups.Group,
        description="The group; null where the viewer may no longer see it.",
        or_null=True,
    )


async def memberships_of(
    info: Info,
    side: MembershipSide,
    include_ended: bool,
    first: int | None,
    after: str | None,
    last: int | None,
    before: str | None,
) -> Connection[GroupMembership]:
    """A page of the memberships of each group or person, by start: for a ``related`` field."""
    page = page_of(first, after, last, before, order=ORDER, types=TYPES)
    listing = await resolve_memberships(info.context, side, include_ended, page)
    arguments = side, include_ended, page, wanted(info)
    return connection_by_key(
        load_memberships_by_side, *arguments, page=page, listing=listing, order=ORDER, node=GroupMembership.from_row
    )
