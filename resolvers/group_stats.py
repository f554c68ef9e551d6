"""What the attempts of a group's members come to. It needs VIEW_TEAM; the people are those that the viewer may see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from db.queries.group_stats import Attribution, GroupScope, GroupSums
from db.queries.levels import LevelRow
from db.queries.measures import Measures
from db.queries.order_statistics import PeopleCount, PercentileMeasure
from db.queries.stats import Entity
from db.queries.topics import TopicRow
from resolvers.calendar import resolve_context_period
from resolvers.context import Context
from resolvers.freshness import ViewFreshness, resolve_freshness
from resolvers.levels import resolve_level
from resolvers.loaders.group_stats import (
    load_errors_by_group_key,
    load_percentile_by_group_key,
    load_sums_by_group,
)
from resolvers.periods import Period, PeriodSpec
from resolvers.permissions import Permission
from resolvers.stats import ErrorShare, shares
from resolvers.topics import resolve_topic


@dataclass(frozen=True, slots=True)
class GroupStatistics:
    """What does not add up over the attempts of a group (at one topic or level); always live."""

    group_id: int
    entity_id: int
    scope: GroupScope
    sums: GroupSums

    async def people(self, context: Context) -> PeopleCount:
        return self.sums.people

    async def common_errors(self, context: Context) -> tuple[ErrorShare, ...]:
        errors = await context.load(load_errors_by_group_key, (self.group_id, self.entity_id), self.scope)
        return shares(errors, self.sums.measures.attempts)

    async def percentile(self, context: Context, measure: PercentileMeasure, p: float) -> float | None:
        key = (self.group_id, self.entity_id)
        return await context.load(load_percentile_by_group_key, key, self.scope, measure, p)

    async def freshness(self, context: Context) -> ViewFreshness:
        return await resolve_freshness(context, None)


@dataclass(frozen=True, slots=True)
class GroupKpi:
    """Exact sums, the rest on demand, and what they are of. ``period`` is None for all time."""

    measures: Measures
    statistics: GroupStatistics
    attribution: Attribution
    period: Period | None


async def resolve_group_stats(
    context: Context, group_id: int, spec: PeriodSpec | None, attribution: Attribution
) -> GroupKpi:
    """Raises Forbidden, PeriodError."""
    await context.require(Permission.VIEW_TEAM)
    period = await _period(context, spec)
    scope = _scope(attribution, None, period)
    sums = (await context.load(load_sums_by_group, group_id, scope)).get(0, GroupSums())
    return GroupKpi(sums.measures, GroupStatistics(group_id, 0, scope, sums), attribution, period)


async def resolve_group_topic_stats(
    context: Context, group_id: int, topic_ids: Sequence[int] | None, spec: PeriodSpec | None
) -> list[tuple[TopicRow, GroupStatistics]]:
    """Of the present members: for the topics asked for in their order, else for those with attempts by title.

    Raises Forbidden, PeriodError, and NotFound for an unknown topic.
    """
    found = await _by_entity(context, group_id, Entity.TOPIC, spec)
    wanted = found.sums if topic_ids is None else topic_ids
    rows = await context.together(*(resolve_topic(context, key) for key in wanted))
    if topic_ids is None:
        rows = sorted(rows, key=lambda row: (row.title, row.id))
    return [(row, found.of(row.id)) for row in rows]


async def resolve_group_level_stats(
    context: Context, group_id: int, spec: PeriodSpec | None
) -> list[tuple[LevelRow, GroupStatistics]]:
    """Of the present members, for levels with attempts, by position. Raises Forbidden, PeriodError."""
    found = await _by_entity(context, group_id, Entity.LEVEL, spec)
    rows = await context.together(*(resolve_level(context, key) for key in found.sums))
    return [(row, found.of(row.id)) for row in sorted(rows, key=lambda row: row.position)]


@dataclass(frozen=True, slots=True)
class _Gatherings:
    group_id: int
    scope: GroupScope
    sums: dict[int, GroupSums]

    def of(self, entity_id: int) -> GroupStatistics:
        return GroupStatistics(self.group_id, entity_id, self.scope, self.sums.get(entity_id, GroupSums()))


async def _by_entity(context: Context, group_id: int, entity: Entity, spec: PeriodSpec | None) -> _Gatherings:
    await context.require(Permission.VIEW_TEAM)
    scope = _scope(Attribution.CURRENT, entity, await _period(context, spec))
    return _Gatherings(group_id, scope, await context.load(load_sums_by_group, group_id, scope))


async def _period(context: Context, spec: PeriodSpec | None) -> Period | None:
    return None if spec is None or spec.all_time else await resolve_context_period(context, spec)


def _scope(attribution: Attribution, entity: Entity | None, period: Period | None) -> GroupScope:
    scope = GroupScope(attribution, entity)
    return scope if period is None else replace(scope, start=period.start, end=period.end)
