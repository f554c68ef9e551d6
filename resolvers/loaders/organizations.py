"""Batches of organizations."""

from __future__ import annotations

from db.queries.organizations import OrganizationRow, get_organizations
from db.snapshot import Snapshot


async def load_organization_by_id(snapshot: Snapshot, ids: list[int]) -> list[OrganizationRow | None]:
    rows = {row.id: row for row in await get_organizations(snapshot, ids)}
    return [rows.get(key) for key in ids]
