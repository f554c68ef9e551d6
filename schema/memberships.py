"""Who belonged to which group from when to when."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Self

import strawberry

from db.queries.memberships import BY_START, MembershipRow, MembershipSide
from resolvers.loaders.groups import load_group_by_id
from resolvers.loaders.users import load_user_by_id
from resolvers.memberships import resolve_membership, resolve_memberships
from schema import groups, users
from schema.relay import Connection, Info, Node, connection_of, global_id, page_of

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
    role: GroupRole = strawberry.field(description="What the person is in the group.")
    valid_from: datetime = strawberry.field(description="The first instant of it.")
    valid_to: datetime | None = strawberry.field(description="The first instant after it; null while it has no end.")

    @classmethod
    def from_row(cls, row: MembershipRow) -> Self:
        return cls(
            id=global_id("GroupMembership", row.id),
            row=row,
            role=GroupRole(row.role),
            valid_from=row.valid_from,
            valid_to=row.valid_to,
        )

    @classmethod
    async def from_key(cls, info: Info, key: int) -> Self:
        """The membership as the viewer may see it. Raises NotFound."""
        return cls.from_row(await resolve_membership(info.context, key))

    @strawberry.field(description="The person; null where the viewer may no longer see them.")
    async def user(self, info: Info) -> Annotated[User, strawberry.lazy("schema.users")] | None:
        row = await info.context.load(load_user_by_id, self.row.user_id)
        return users.User.from_row(row) if row else None

    @strawberry.field(description="The group; null where the viewer may no longer see it.")
    async def group(self, info: Info) -> Annotated[Group, strawberry.lazy("schema.groups")] | None:
        row = await info.context.load(load_group_by_id, self.row.group_id)
        return groups.Group.from_row(row) if row else None


async def membership_connection(
    info: Info,
    side: MembershipSide,
    key: int,
    include_ended: bool,
    first: int | None,
    after: str | None,
    last: int | None,
    before: str | None,
) -> Connection[GroupMembership]:
    """A page of the memberships of a group or person, by start."""
    page = page_of(first, after, last, before, order=ORDER, types=TYPES)
    listing = await resolve_memberships(info.context, side, key, include_ended, page)
    return connection_of(page, listing, ORDER, GroupMembership.from_row)
