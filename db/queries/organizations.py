"""Organizations: the tenants."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from db.dependencies import ON_ORGANIZATION
from db.snapshot import Snapshot
from db.statement import sql


@dataclass(frozen=True, slots=True)
class OrganizationRow:
    """An organization."""

    id: int
    slug: str
    name: str
    time_zone: str
    created_at: datetime


ORGANIZATIONS_BY_ID = sql(
    "SELECT id, slug, name, time_zone, created_at FROM organizations WHERE id = ANY (:ids)", ON_ORGANIZATION
)


async def get_organizations(snapshot: Snapshot, ids: list[int]) -> list[OrganizationRow]:
    return [OrganizationRow(*row) for row in await snapshot.rows(ORGANIZATIONS_BY_ID, ids=ids)]
