"""What a group or organization did, bucket by bucket."""

from __future__ import annotations

from dataclasses import dataclass

from db.queries.group_stats import Attribution
from db.queries.measures import Measures
from db.queries.team_trends import Team, TeamSlot
from resolvers.calendar import resolve_context_period
from resolvers.context import Context
from resolvers.loaders.team_trends import load_bucketed_slots_by_team
from resolvers.periods import Bucket, GapFill, Grain, Period, PeriodSpec, Weekday
from resolvers.permissions import Permission

NOTHING = TeamSlot(Measures(), 0, None)


@dataclass(frozen=True, slots=True)
class SeriesRequest:
    """Which buckets, in which calendar, and what to put in empty ones."""

    period: PeriodSpec
    grain: Grain
    fill: GapFill
    time_zone: str | None = None
    week_start: Weekday = Weekday.MONDAY


@dataclass(frozen=True, slots=True)
class TeamPoint:
    """A bucket and what was done in it; None where a gap holds nulls."""

    bucket: Bucket
    slot: TeamSlot | None


@dataclass(frozen=True, slots=True)
class TeamSeries:
    """``data_points`` counts the buckets in which something was done, whatever gaps hold. Organizations have no attribution."""

    period: Period
    grain: Grain
    attribution: Attribution | None
    data_points: int
    points: list[TeamPoint]


async def resolve_group_trend(
    context: Context, group_id: int, request: SeriesRequest, attribution: Attribution
) -> TeamSeries:
    """Raises Forbidden; PeriodError, also for more buckets than a series may have."""
    await context.require(Permission.VIEW_TEAM)
    team = Team.MEMBERS_NOW if attribution is Attribution.CURRENT else Team.MEMBERS_THEN
    return await _series(context, team, group_id, request, attribution)


async def resolve_organization_trend(context: Context, organization_id: int, request: SeriesRequest) -> TeamSeries:
    """Over the attempts that the viewer may see. Raises PeriodError."""
    team = Team.ORGANIZATION if (await context.viewer()).sees_all else Team.VISIBLE
    return await _series(context, team, organization_id, request, None)


async def _series(
    context: Context, team: Team, key: int, request: SeriesRequest, attribution: Attribution | None
) -> TeamSeries:
    period = await resolve_context_period(context, request.period, request.time_zone, request.week_start)
    home_zone = await context.snapshot.time_zone()
    found = await context.load(load_bucketed_slots_by_team, key, team, period, request.grain, home_zone)
    points = fill_gaps(found.buckets, found.slots, request.fill)
    return TeamSeries(period, request.grain, attribution, len(found.slots), points)


def fill_gaps(buckets: tuple[Bucket, ...], slots: dict[int, TeamSlot], fill: GapFill) -> list[TeamPoint]:
    """A point for each bucket with data, and for each of the others what ``fill`` says. A carried value is the last before
    the gap; there is none before the first.
    """
    points: list[TeamPoint] = []
    last: TeamSlot | None = None
    for place, bucket in enumerate(buckets, 1):
        slot = slots.get(place)
        last = slot or last
        if slot is not None:
            points.append(TeamPoint(bucket, slot))
        elif fill is not GapFill.NONE:
            filled = {GapFill.NULL: None, GapFill.ZERO: NOTHING, GapFill.CARRY_FORWARD: last}[fill]
            points.append(TeamPoint(bucket, filled))
    return points
