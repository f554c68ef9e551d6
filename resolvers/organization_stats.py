"""What the attempts in an organization come to, of those that the viewer may see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from db.keyset import Page
from db.queries.levels import LevelRow
from db.queries.measures import Measures
from db.queries.order_statistics import PeopleCount, PercentileMeasure
from db.queries.organization_stats import OrganizationScope
from db.queries.stats import Entity
from db.queries.topics import TopicRow
from resolvers.calendar import resolve_context_period
from resolvers.context import Context
from resolvers.freshness import ViewFreshness, resolve_freshness
from resolvers.levels import resolve_levels
from resolvers.loaders.organization_stats import (
    load_errors_by_organization,
    load_measures_by_organization,
    load_people_count_by_organization,
    load_percentile_by_organization,
)
from resolvers.loaders.trends import days_of
from resolvers.periods import Bucket, Grain, Period, PeriodSpec, find_zone, local_day
from resolvers.stats import EntityStatistics, ErrorShare, resolve_stats, shares
from resolvers.topics import resolve_topic, resolve_topics

# More topics than a list of their statistics is good for; others are asked for by id.
MOST_TOPICS = 1_000


@dataclass(frozen=True, slots=True)
class OrganizationStatistics:
    """What does not add up over the attempts in an organization; always live."""

    key: int
    scope: OrganizationScope
    attempts: int

    async def people(self, context: Context) -> PeopleCount:
        return await context.load(load_people_count_by_organization, self.key, self.scope)

    async def common_errors(self, context: Context) -> tuple[ErrorShare, ...]:
        return shares(await context.load(load_errors_by_organization, self.key, self.scope), self.attempts)

    async def percentile(self, context: Context, measure: PercentileMeasure, p: float) -> float | None:
        return await context.load(load_percentile_by_organization, self.key, self.scope, measure, p)

    async def freshness(self, context: Context) -> ViewFreshness:
        return await resolve_freshness(context, None)


async def resolve_organization_stats(
    context: Context, key: int, spec: PeriodSpec | None
) -> tuple[Measures, OrganizationStatistics]:
    """Raises PeriodError."""
    everybody = (await context.viewer()).sees_all
    if spec is None or spec.all_time:
        scope = OrganizationScope(everybody)
    else:
        period = await resolve_context_period(context, spec)
        home_zone = await context.snapshot.time_zone()
        scope = OrganizationScope(everybody, period.start, period.end, whole_days(period, home_zone))
    measures = await context.load(load_measures_by_organization, key, scope)
    return measures, OrganizationStatistics(key, scope, measures.attempts)


async def resolve_organization_topic_stats(
    context: Context, topic_ids: Sequence[int] | None, spec: PeriodSpec | None
) -> list[tuple[TopicRow, Measures, EntityStatistics]]:
    """For the topics asked for in their order, else for those with attempts by title.

    Raises PeriodError, and NotFound for an unknown topic.
    """
    if topic_ids is None:
        rows = [row for row, _ in (await resolve_topics(context, Page(MOST_TOPICS))).rows]
    else:
        rows = await context.together(*(resolve_topic(context, key) for key in topic_ids))
    stats = await context.together(*(resolve_stats(context, Entity.TOPIC, row.id, spec) for row in rows))
    found = [(row, *of) for row, of in zip(rows, stats, strict=True)]
    return found if topic_ids is not None else [each for each in found if each[1].attempts]


async def resolve_organization_level_stats(
    context: Context, spec: PeriodSpec | None
) -> list[tuple[LevelRow, Measures, EntityStatistics]]:
    """For levels with attempts, by position. Raises PeriodError."""
    rows = await resolve_levels(context)
    stats = await context.together(*(resolve_stats(context, Entity.LEVEL, row.id, spec) for row in rows))
    return [(row, *of) for row, of in zip(rows, stats, strict=True) if of[0].attempts]


def whole_days(period: Period, home_zone: str) -> tuple[date, date] | None:
    """The period as local dates [first, end) of the organization; None where it is not just that."""
    first = local_day(period.start, find_zone(home_zone))
    days = days_of((Bucket(period.start, period.end, first, "", False),), period, Grain.DAY, home_zone)
    return (days[0], days[1]) if days else None
