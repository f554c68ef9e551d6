"""A person's days, and whether they are closed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from db.keyset import Listing, Page
from db.queries.snapshots import SnapshotRow
from resolvers.calendar import resolve_context_period
from resolvers.context import Context
from resolvers.loaders.snapshots import load_snapshot_count_by_user, load_snapshot_page_by_user
from resolvers.organizations import resolve_organization
from resolvers.periods import ONE_DAY, PeriodSpec, find_zone, local_day, start_of_day

# A day is taken at the next midnight and a grace, and late data may still change it for so many local days.
GRACE = timedelta(hours=1)
OPEN_DAYS = 7


@dataclass(frozen=True, slots=True)
class DailySnapshot:
    """A day of the organization's zone, as it is known at the instant of the answer."""

    row: SnapshotRow
    time_zone: str
    is_final: bool


async def resolve_snapshots(context: Context, user_id: int, spec: PeriodSpec, page: Page) -> Listing[DailySnapshot]:
    """A page of the local days that the period touches and on which the person did something. Raises PeriodError."""
    period = await resolve_context_period(context, spec)
    time_zone = (await resolve_organization(context)).time_zone
    zone = find_zone(time_zone)
    first = local_day(period.start, zone)
    end = local_day(period.end - timedelta(microseconds=1), zone) + ONE_DAY
    closed_by = await context.snapshot.lasting(lambda now: now - GRACE, lambda then: _next_day(then, zone) + GRACE)

    async def count(bound: int | None) -> int:
        return await context.load(load_snapshot_count_by_user, user_id, first, end)

    rows = await context.load(load_snapshot_page_by_user, user_id, first, end, page)
    snapshots = [
        (
            DailySnapshot(row, time_zone, start_of_day(row.day + (1 + OPEN_DAYS) * ONE_DAY, zone) <= closed_by),
            values,
        )
        for row, values in rows
    ]
    return Listing.of(page, snapshots, count)


def _next_day(instant: datetime, zone: ZoneInfo) -> datetime:
    return start_of_day(local_day(instant, zone) + ONE_DAY, zone)
