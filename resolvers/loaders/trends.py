"""Batches of what people did over time."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime, time
from functools import lru_cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from db.batch import Batch
from db.parts import Table
from db.queries.trends import get_next_completion, slots_by_day, slots_by_instant
from db.snapshot import Snapshot
from resolvers.periods import Bucket, Grain, Period, buckets, find_zone, local_day, start_of_day


class Slots(NamedTuple):
    """A person's slots: the places of their rows, by number."""

    table: Table
    places: dict[int, int]

    @property
    def columns(self) -> dict[str, Sequence[Any]]:
        """By name: all of SLOT_COLUMNS, or those of them that were wanted."""
        return dict(zip(self.table.columns[2:], self.table.values[2:], strict=True))


def slots_of_each(table: Table, keys: Collection[int]) -> list[Slots]:
    """Without places for a person whom the viewer may not see."""
    found: dict[int, dict[int, int]] = {key: {} for key in keys}
    for place, (key, slot) in enumerate(zip(*table.values[:2], strict=True)):
        found[key][slot] = place
    return [Slots(table, found[key]) for key in keys]


load_slots_by_user: Batch[Slots] = Batch(slots_by_instant, slots_of_each)
"""Slots between instants."""
load_days_by_user: Batch[Slots] = Batch(slots_by_day, slots_of_each)
"""Slots between local dates of the organization."""


async def load_next_completion_by_organization(
    snapshot: Snapshot, keys: list[int], after: datetime
) -> list[datetime | None]:
    return [await get_next_completion(snapshot, key, after) for key in keys]


# Pages ask for the same days all day long.
@lru_cache(maxsize=512)
def days_of_period(period: Period, grain: Grain, home_zone: str) -> tuple[date, ...] | None:
    """See ``days_of``."""
    days = days_of(buckets(period, grain), period, grain, home_zone)
    return None if days is None else tuple(days)


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
