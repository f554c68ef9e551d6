"""Organizations."""

from __future__ import annotations

from typing import Annotated, Self

import strawberry

from db.queries.organizations import OrganizationRow
from resolvers.organizations import resolve_organization
from schema.relay import Info, Node, global_id, key_of


@strawberry.type(description="An organization: the tenant that everything belongs to.")
class Organization(Node):
    row: strawberry.Private[OrganizationRow]
    name: str = strawberry.field(description="Name as people read it.")
    slug: str = strawberry.field(description="Short name, as tokens carry it.")
    time_zone: str = strawberry.field(description="IANA time zone in which days are cut.")

    @classmethod
    def from_row(cls, row: OrganizationRow) -> Self:
        return cls(id=global_id("Organization", row.id), row=row, name=row.name, slug=row.slug, time_zone=row.time_zone)

    @classmethod
    async def from_key(cls, info: Info, key: int) -> Self:
        """The viewer's organization. Raises NotFound for another."""
        return cls.from_row(await resolve_organization(info.context, key))


@strawberry.type
class OrganizationQuery:
    @strawberry.field(description="The viewer's organization.")
    async def organization(
        self,
        info: Info,
        id: Annotated[
            strawberry.ID | None, strawberry.argument(description="Its id; the viewer's own by default.")
        ] = None,
    ) -> Organization | None:
        key = None if id is None else key_of("Organization", id, "id")
        return Organization.from_row(await resolve_organization(info.context, key))
