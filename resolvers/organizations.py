"""The viewer's organization."""

from __future__ import annotations

from db.queries.organizations import OrganizationRow
from resolvers.context import Context
from resolvers.errors import NotFound
from resolvers.loaders.organizations import load_organization_by_id


async def resolve_organization(context: Context, key: int | None = None) -> OrganizationRow:
    """The viewer's own organization; another one is NotFound."""
    row = await context.load(load_organization_by_id, (await context.viewer()).organization_id if key is None else key)
    if row is None:
        raise NotFound("organization")
    return row
