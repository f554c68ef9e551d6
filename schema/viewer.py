"""The caller."""

from __future__ import annotations

from datetime import datetime

import strawberry

from resolvers.export_jobs import resolve_usage
from resolvers.groups import resolve_own_groups
from resolvers.organizations import resolve_organization
from resolvers.permissions import permissions_of
from schema.costs import assumed, cost
from schema.export_jobs import Quota
from schema.groups import Group
from schema.organizations import Organization
from schema.permissions import Permission
from schema.relay import Info
from schema.users import Role, User


@strawberry.type(description="Who is asking, and what they may do.")
class Viewer:
    role: Role = strawberry.field(description="The role that the token gives.")
    permissions: list[Permission] = strawberry.field(description="What the role may do.")

    @strawberry.field(description="When the token ends.")
    def token_expires_at(self, info: Info) -> datetime | None:
        return info.context.token_expires_at

    @strawberry.field(description="The person; null for a service that stands for no person.")
    async def user(self, info: Info) -> User | None:
        key = (await info.context.viewer()).user_id
        return None if key is None else await User.from_key(info, key)

    @strawberry.field(description="How many more exports the caller may ask for in this hour.", directives=[cost(2)])
    async def export_quota(self, info: Info) -> Quota | None:
        return Quota.from_usage(await resolve_usage(info.context), info.context.services.settings.exports_per_hour)

    @strawberry.field(description="The organization that the caller belongs to.")
    async def organization(self, info: Info) -> Organization:
        return Organization.from_row(await resolve_organization(info.context))

    @strawberry.field(description="The groups that the caller leads or is in now, by name.", directives=[assumed(20)])
    async def groups(self, info: Info) -> list[Group] | None:
        return [Group.from_row(row) for row in await resolve_own_groups(info.context)]


@strawberry.type
class ViewerQuery:
    @strawberry.field(description="Who is asking.")
    async def viewer(self, info: Info) -> Viewer:
        viewer = await info.context.viewer()
        return Viewer(role=Role(viewer.role), permissions=sorted(permissions_of(viewer)))
