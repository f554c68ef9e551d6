"""Batches of what the attempts at labs, topics and levels come to. Keys are ids of the entity in the scope."""

from __future__ import annotations

from db.queries.measures import Measures
from db.queries.order_statistics import ErrorCount, PeopleCount, PercentileMeasure
from db.queries.stats import (
    AttemptScope,
    Entity,
    StoredStats,
    get_attempt_measures,
    get_common_errors,
    get_people_counts,
    get_percentiles,
    get_stored_stats,
)
from db.snapshot import Snapshot


async def load_attempt_measures_by_entity(snapshot: Snapshot, keys: list[int], scope: AttemptScope) -> list[Measures]:
    found = await get_attempt_measures(snapshot, keys, scope)
    return [found.get(key, Measures()) for key in keys]


async def load_people_count_by_entity(snapshot: Snapshot, keys: list[int], scope: AttemptScope) -> list[PeopleCount]:
    found = await get_people_counts(snapshot, keys, scope)
    return [found.get(key, PeopleCount()) for key in keys]


async def load_common_errors_by_entity(
    snapshot: Snapshot, keys: list[int], scope: AttemptScope
) -> list[tuple[ErrorCount, ...]]:
    found = await get_common_errors(snapshot, keys, scope)
    return [found.get(key, ()) for key in keys]


async def load_percentile_by_entity(
    snapshot: Snapshot, keys: list[int], scope: AttemptScope, measure: PercentileMeasure, p: float
) -> list[float | None]:
    found = await get_percentiles(snapshot, keys, scope, measure, p)
    return [found.get(key) for key in keys]


async def load_stored_stats_by_entity(snapshot: Snapshot, keys: list[int], entity: Entity) -> list[StoredStats | None]:
    found = await get_stored_stats(snapshot, keys, entity)
    return [found.get(key) for key in keys]
