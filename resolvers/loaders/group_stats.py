"""Batches of what the attempts of groups come to. A key with a topic or level says which of the group's gatherings."""

from __future__ import annotations

from db.queries.group_stats import (
    GroupKey,
    GroupScope,
    GroupSums,
    get_group_errors,
    get_group_percentiles,
    get_group_sums,
)
from db.queries.order_statistics import ErrorCount, PercentileMeasure
from db.snapshot import Snapshot


async def load_sums_by_group(snapshot: Snapshot, group_ids: list[int], scope: GroupScope) -> list[dict[int, GroupSums]]:
    """By topic or level; under 0 where attempts are gathered in one."""
    found: dict[int, dict[int, GroupSums]] = {}
    for (group_id, entity_id), sums in (await get_group_sums(snapshot, group_ids, scope)).items():
        found.setdefault(group_id, {})[entity_id] = sums
    return [found.get(key, {}) for key in group_ids]


async def load_errors_by_group_key(
    snapshot: Snapshot, keys: list[GroupKey], scope: GroupScope
) -> list[tuple[ErrorCount, ...]]:
    found = await get_group_errors(snapshot, _groups(keys), scope)
    return [found.get(key, ()) for key in keys]


async def load_percentile_by_group_key(
    snapshot: Snapshot, keys: list[GroupKey], scope: GroupScope, measure: PercentileMeasure, p: float
) -> list[float | None]:
    found = await get_group_percentiles(snapshot, _groups(keys), scope, measure, p)
    return [found.get(key) for key in keys]


def _groups(keys: list[GroupKey]) -> list[int]:
    return sorted({group_id for group_id, _ in keys})
