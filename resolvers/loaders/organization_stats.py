"""Batches of what the attempts in organizations come to."""

from __future__ import annotations

from db.queries.measures import Measures
from db.queries.order_statistics import ErrorCount, PeopleCount, PercentileMeasure
from db.queries.organization_stats import (
    OrganizationScope,
    get_organization_errors,
    get_organization_measures,
    get_organization_people,
    get_organization_percentiles,
)
from db.snapshot import Snapshot


async def load_measures_by_organization(
    snapshot: Snapshot, keys: list[int], scope: OrganizationScope
) -> list[Measures]:
    found = await get_organization_measures(snapshot, keys, scope)
    return [found.get(key, Measures()) for key in keys]


async def load_people_count_by_organization(
    snapshot: Snapshot, keys: list[int], scope: OrganizationScope
) -> list[PeopleCount]:
    found = await get_organization_people(snapshot, keys, scope)
    return [found.get(key, PeopleCount()) for key in keys]


async def load_errors_by_organization(
    snapshot: Snapshot, keys: list[int], scope: OrganizationScope
) -> list[tuple[ErrorCount, ...]]:
    found = await get_organization_errors(snapshot, keys, scope)
    return [found.get(key, ()) for key in keys]


async def load_percentile_by_organization(
    snapshot: Snapshot, keys: list[int], scope: OrganizationScope, measure: PercentileMeasure, p: float
) -> list[float | None]:
    found = await get_organization_percentiles(snapshot, keys, scope, measure, p)
    return [found.get(key) for key in keys]
