"""Batches of what groups and organizations did over time."""

from __future__ import annotations

from dataclasses import dataclass

from db.queries.team_trends import Team, TeamSlot, get_team_slots_by_day, get_team_slots_by_instant
from db.snapshot import Snapshot
from resolvers.loaders.trends import days_of
from resolvers.periods import Bucket, Grain, Period, buckets


@dataclass(frozen=True, slots=True)
class BucketedTeamSlots:
    """The buckets of a period, the same for every team, and what was done: slot n is the n-th bucket, from 1."""

    buckets: tuple[Bucket, ...]
    slots: dict[int, TeamSlot]


async def load_bucketed_slots_by_team(
    snapshot: Snapshot, keys: list[int], team: Team, period: Period, grain: Grain, home_zone: str
) -> list[BucketedTeamSlots]:
    """``home_zone`` is the organization's, whose days the rollup keeps. Raises PeriodError for too many buckets."""
    axis = buckets(period, grain)
    days = None if team is Team.MEMBERS_THEN else days_of(axis, period, grain, home_zone)
    if days is not None:
        found = await get_team_slots_by_day(snapshot, keys, team, days)
    else:
        edges = [*(bucket.start for bucket in axis), period.end]
        found = await get_team_slots_by_instant(snapshot, keys, team, edges)
    return [BucketedTeamSlots(axis, found.get(key, {})) for key in keys]
