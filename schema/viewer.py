"""The caller."""

from __future__ import annotations

from datetime import datetime

import strawberry

from resolvers.organizations import resolve_organization
from resolvers.permissions import Permission, permissions_of
from schema.enums import describe_enum
from schema.organizations import Organization
from schema.relay import Info
from schema.users import Role, User

describe_enum(
    Permission,
    "Permission",
    "What a caller may do; on which rows, row security decides.",
    {
        "VIEW_SELF": "See one's own rows.",
        "VIEW_TEAM": "See the people of the groups that one leads, and compare them.",
        "VIEW_ANALYTICS": "See statistics of the whole organization.",
        "VIEW_AUDIT_LOG": "See performance logs of everybody and the history of changes.",
        "VIEW_PII": "See e-mail addresses.",
        "INGEST": "Record attempts.",
        "EDIT_ATTEMPTS": "Change, delete and restore attempts.",
        "MANAGE_ROSTER": "Keep people, groups, topics, labs and assignments.",
        "OPERATE": "Operate the platform.",
    },
)


@strawberry.type(description="Who is asking, and what they may do.")
class Viewer:
    role: Role = strawberry.field(description="The role that the token gives.")
    permissions: list[Permission] = strawberry.field(description="What the role may do.")
    token_expires_at: datetime | None = strawberry.field(description="When the token ends.")

    @strawberry.field(description="The person; null for a service that stands for no person.")
    async def user(self, info: Info) -> User | None:
        key = (await info.context.viewer()).user_id
        return None if key is None else await User.from_key(info, key)

    @strawberry.field(description="The organization that the caller belongs to.")
    async def organization(self, info: Info) -> Organization:
        return Organization.from_row(await resolve_organization(info.context))


@strawberry.type
class ViewerQuery:
    @strawberry.field(description="Who is asking.")
    async def viewer(self, info: Info) -> Viewer:
        viewer = await info.context.viewer()
        claims = info.context.claims
        return Viewer(
            role=Role(viewer.role),
            permissions=sorted(permissions_of(viewer)),
            token_expires_at=claims.expires_at if claims else None,
        )
