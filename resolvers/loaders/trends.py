"""Batches of what people did over time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from db.queries.trends import get_next_completion, get_slots_by_day, get_slots_by_instant
from db.snapshot import Snapshot
from resolvers.periods import Bucket, Grain, Period, buckets, find_zone, local_day, start_of_day


@dataclass(frozen=True, slots=True)
class BucketedSlots:
    """The buckets of a period, the same for everybody, and what a person did: slot n is the n-th bucket, from 1; slot 0 says
    where they stood before.
    """

    buckets: tuple[Bucket, ...]
    slots: dict[int, Any]


async def load_slots_by_user(
    snapshot: Snapshot, user_ids: list[int], edges: tuple[datetime, ...], wanted: frozenset[str]
) -> list[dict[int, Any]]:
    """Slots between instants; empty for a person whom the viewer may not see."""
    found = await get_slots_by_instant(snapshot, user_ids, edges, wanted)
    return [found.get(key, {}) for key in user_ids]


async def load_next_completion_by_organization(
    snapshot: Snapshot, keys: list[int], after: datetime
) -> list[datetime | None]:
    return [await get_next_completion(snapshot, key, after) for key in keys]


async def load_bucketed_slots_by_user(
    snapshot: Snapshot, user_ids: list[int], period: Period, grain: Grain, home_zone: str, wanted: frozenset[str] | None
) -> list[BucketedSlots]:
    """``home_zone`` is the organization's, whose days the rollup keeps. Raises PeriodError for too many buckets."""
    axis = buckets(period, grain)
    days = days_of(axis, period, grain, home_zone)
    if days is not None:
        found = await get_slots_by_day(snapshot, user_ids, days, wanted)
    else:
        found = await get_slots_by_instant(snapshot, user_ids, [*(bucket.start for bucket in axis), period.end], wanted)
    return [BucketedSlots(axis, found.get(key, {})) for key in user_ids]


def days_of(axis: tuple[Bucket, ...], period: Period, grain: Grain, home_zone: str) -> list[date] | None:
    """The edges of the buckets as local dates of the organization; None where they are not just that."""
    if grain is Grain.HOUR or period.time_zone != home_zone:
        return None
    zone = find_zone(home_zone)
    days = [*(bucket.date for bucket in axis if bucket.date is not None), local_day(period.end, zone)]
    # All time begins in the middle of a day in most zones; nothing happened on the other side of it.
    starts_with_day = period.is_all_time or start_of_day(days[0], zone) == period.start
    if not starts_with_day or start_of_day(days[-1], zone) != period.end:
        return None
    return days if _are_told_apart(tuple(days), zone) else None


@lru_cache(maxsize=512)
def _are_told_apart(days: tuple[date, ...], zone: ZoneInfo) -> bool:
    """Whether each of these days begins when the wall says so."""
    # Where clocks go back over midnight, the wall shows the old date again after the new day has begun, and the rollup
    # goes by the wall.
    midnights = (datetime.combine(day, time(), zone) for day in days)
    return all(midnight.utcoffset() == midnight.replace(fold=1).utcoffset() for midnight in midnights)
