"""Organizations."""

from __future__ import annotations

from typing import Annotated, Self

import strawberry

from db.queries.leaderboards import LeaderboardMetric, LeaderboardScope, RankingMethod
from db.queries.organizations import OrganizationRow
from db.queries.users import UserSelection
from resolvers.organization_stats import (
    resolve_organization_level_stats,
    resolve_organization_stats,
    resolve_organization_topic_stats,
)
from resolvers.organizations import resolve_organization
from resolvers.statistics import resolve_organization_distribution, resolve_organization_statistics
from resolvers.team_trends import resolve_organization_trend
from schema.costs import assumed, cost, one_for_each
from schema.entity_stats import LevelStats, TopicStats
from schema.group_stats import TopicIds
from schema.groups import Group, GroupFilterArgument, group_connection
from schema.leaderboards import BoardPeriod, Leaderboard, Metric, Ranking, leaderboard_of
from schema.periods import GapFill, TimeGrain
from schema.relay import PAGED, After, Before, Connection, First, Info, Last, Node, global_id, key_of, keys_of
from schema.series import SERIES
from schema.statistics import (
    BUCKETED,
    DEFAULT_BOUNDARIES,
    Boundaries,
    Consistency,
    ConsistencyArgument,
    ScoreDistribution,
    ScoreStatistics,
)
from schema.stats import AttemptStats, StatsPeriod
from schema.team_trends import TeamTrend, TrendCalendar, TrendFill, TrendGrain, TrendPeriod, series_request
from schema.trends import LAST_30_DAYS
from schema.users import User, UserFilter, UserOrder, user_connection


@strawberry.type(description="An organization: the tenant that everything belongs to.")
class Organization(Node):
    row: strawberry.Private[OrganizationRow]
    name: str = strawberry.field(description="Name as people read it.")
    slug: str = strawberry.field(description="Short name, as tokens carry it.")
    time_zone: str = strawberry.field(description="IANA time zone in which days are cut.")

    @classmethod
    def from_row(cls, row: OrganizationRow) -> Self:
        return cls(id=global_id("Organization", row.id), row=row, name=row.name, slug=row.slug, time_zone=row.time_zone)

    @classmethod
    async def from_key(cls, info: Info, key: int) -> Self:
        """The viewer's organization. Raises NotFound for another."""
        return cls.from_row(await resolve_organization(info.context, key))

    @strawberry.field(description="Its active people whom the viewer may see.", directives=PAGED)
    async def members(
        self,
        info: Info,
        filter: Annotated[UserFilter | None, strawberry.argument(description="Which people; all by default.")] = None,
        order_by: Annotated[UserOrder | None, strawberry.argument(description="By display name by default.")] = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[User] | None:
        selection = filter.to_selection() if filter else UserSelection()
        return await user_connection(info, selection, order_by, first, after, last, before)

    @strawberry.field(description="Its groups that the viewer may see, by name.", directives=PAGED)
    async def groups(
        self,
        info: Info,
        filter: GroupFilterArgument = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Group] | None:
        return await group_connection(info, filter, first, after, last, before)

    @strawberry.field(
        description="Statistics of its attempts, of those that the viewer may see.", directives=[cost(200)]
    )
    async def stats(self, info: Info, period: StatsPeriod = None) -> AttemptStats | None:
        spec = period.to_spec() if period else None
        sums, statistics = await resolve_organization_stats(info.context, self.row.id, spec)
        return AttemptStats(sums=sums, statistics=statistics)

    @strawberry.field(
        description="Statistics of the attempts that the viewer may see, by topic.",
        directives=[one_for_each("topicIds", 20), cost(200)],
    )
    async def topic_stats(
        self, info: Info, topic_ids: TopicIds = None, period: StatsPeriod = None
    ) -> list[TopicStats] | None:
        keys = keys_of("Topic", topic_ids, "topicIds")
        spec = period.to_spec() if period else None
        return [TopicStats.of(*each) for each in await resolve_organization_topic_stats(info.context, keys, spec)]

    @strawberry.field(
        description="Statistics of the attempts that the viewer may see, by level: those with attempts.",
        directives=[assumed(10), cost(200)],
    )
    async def level_stats(self, info: Info, period: StatsPeriod = None) -> list[LevelStats] | None:
        spec = period.to_spec() if period else None
        return [LevelStats.of(*each) for each in await resolve_organization_level_stats(info.context, spec)]

    @strawberry.field(
        description="What was done over time, of what the viewer may see.", directives=[SERIES, cost(2_000)]
    )
    async def trend(
        self,
        info: Info,
        period: TrendPeriod = LAST_30_DAYS,
        grain: TrendGrain = TimeGrain.DAY,
        calendar: TrendCalendar = None,
        fill: TrendFill = GapFill.NONE,
    ) -> TeamTrend | None:
        request = series_request(period, grain, calendar, fill)
        return TeamTrend.from_series(await resolve_organization_trend(info.context, self.row.id, request))

    @strawberry.field(
        description="How the scores of its active learners are spread, of those whom the viewer may see. Needs VIEW_TEAM.",
        directives=[cost(20)],
    )
    async def score_statistics(
        self, info: Info, consistency: ConsistencyArgument = Consistency.CACHED
    ) -> ScoreStatistics | None:
        return ScoreStatistics.from_spread(
            await resolve_organization_statistics(info.context, self.row.id, consistency)
        )

    @strawberry.field(
        description="How many of its active learners have which scores, of those whom the viewer may see. Needs VIEW_TEAM. "
        "Other boundaries than the default ones are always computed for the answer.",
        directives=[BUCKETED, cost(20)],
    )
    async def score_distribution(
        self,
        info: Info,
        boundaries: Boundaries = DEFAULT_BOUNDARIES,
        consistency: ConsistencyArgument = Consistency.CACHED,
    ) -> ScoreDistribution | None:
        return ScoreDistribution.from_counts(
            await resolve_organization_distribution(info.context, self.row.id, boundaries, consistency)
        )

    @strawberry.field(description="The leaderboard of everybody in it.")
    async def leaderboard(
        self,
        info: Info,
        metric: Metric = LeaderboardMetric.SCORE,
        ranking: Ranking = RankingMethod.COMPETITION,
        period: BoardPeriod = None,
    ) -> Leaderboard | None:
        return await leaderboard_of(info, LeaderboardScope.ORGANIZATION, self.row.id, metric, ranking, period)


@strawberry.type
class OrganizationQuery:
    @strawberry.field(description="The viewer's organization.")
    async def organization(
        self,
        info: Info,
        id: Annotated[
            strawberry.ID | None, strawberry.argument(description="Its id; the viewer's own by default.")
        ] = None,
    ) -> Organization | None:
        key = None if id is None else key_of("Organization", id, "id")
        return Organization.from_row(await resolve_organization(info.context, key))
