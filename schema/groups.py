"""Groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Self

import strawberry

from db.queries.assignments import AssignmentSide
from db.queries.groups import BY_NAME, GroupRow, GroupSelection
from db.queries.leaderboards import LeaderboardMetric, LeaderboardScope, RankingMethod
from db.queries.memberships import MembershipSide
from db.queries.users import UserSelection
from execution.columns import column, foresee, related, wanted
from resolvers.comparisons import resolve_member_comparison
from resolvers.errors import NotFound
from resolvers.group_stats import resolve_group_level_stats, resolve_group_stats, resolve_group_topic_stats
from resolvers.groups import resolve_group, resolve_groups, resolve_leads, resolve_member_count, resolve_members
from resolvers.loaders.groups import load_group_by_id, load_members_by_group
from resolvers.statistics import resolve_group_distribution, resolve_group_statistics
from resolvers.team_trends import resolve_group_trend
from resolvers.users import UserOrder as Order
from schema import assignments, comparisons, entity_stats, memberships, users
from schema.costs import assumed, cost, one_for_each
from schema.group_stats import Attribution, GroupStats, TopicIds
from schema.leaderboards import BoardPeriod, Leaderboard, Metric, Ranking, leaderboard_of
from schema.periods import GapFill, TimeGrain
from schema.relay import (
    PAGED,
    After,
    Before,
    Connection,
    First,
    Info,
    Last,
    Node,
    connection_by_key,
    connection_of,
    key_of,
    keys_of,
    node_id,
    page_of,
)
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
from schema.stats import StatsPeriod
from schema.team_trends import TeamTrend, TrendCalendar, TrendFill, TrendGrain, TrendPeriod, series_request
from schema.texts import checked_text
from schema.trends import LAST_30_DAYS

if TYPE_CHECKING:
    from schema.assignments import Assignment
    from schema.comparisons import PerformanceComparison
    from schema.entity_stats import LevelStats, TopicStats
    from schema.memberships import GroupMembership
    from schema.users import User, UserFilter, UserOrder

ORDER = "groups:NAME"
ORDER_TYPES = (str, int)
assert len(ORDER_TYPES) == len(BY_NAME)

AttributionArgument = Annotated[Attribution, strawberry.argument(description="Which attempts are the group's.")]
MemberArgument = Annotated[strawberry.ID, strawberry.argument(description="Id of a present member.")]


@strawberry.type(
    description="A group of people who learn together. Its people and their numbers need VIEW_TEAM; for others it is a name."
)
class Group(Node):
    row: strawberry.Private[GroupRow]
    id: strawberry.ID = node_id("Group")
    name: str = column("name", description="Name as people read it.")
    external_id: str = column("external_id", description="Id in the source system; unique in the organization.")
    kind: str = column("kind", description="What sort of group it is, as the source system says: class, cohort, …")
    time_zone: str | None = column("time_zone", description="IANA time zone, where the group has one of its own.")

    @classmethod
    def from_row(cls, row: GroupRow) -> Self:
        return cls(row=row)

    @classmethod
    def of_found(cls, row: GroupRow | None) -> Self:
        """Raises NotFound where there is none."""
        if row is None:
            raise NotFound("group")
        return cls.from_row(row)

    @classmethod
    async def from_key(cls, info: Info, key: int) -> Self:
        """The group as the viewer may see it. Raises NotFound."""
        await foresee(info, load_group_by_id)
        return cls.from_row(await resolve_group(info.context, key))

    @related("id", description="Its present, active members.", directives=PAGED)
    async def members(
        self,
        info: Info,
        filter: Annotated[
            Annotated[UserFilter, strawberry.lazy("schema.users")] | None,
            strawberry.argument(description="Which of them; all by default."),
        ] = None,
        order_by: Annotated[
            Annotated[UserOrder, strawberry.lazy("schema.users")] | None,
            strawberry.argument(description="By display name by default."),
        ] = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Annotated[User, strawberry.lazy("schema.users")]] | None:
        selection = filter.to_selection() if filter else UserSelection()
        order = order_by.to_order() if order_by else Order()
        page = page_of(first, after, last, before, order=order.name, types=order.types)
        listing = await resolve_members(info.context, selection, page)
        arguments = selection, order.keys, page, wanted(info)
        return connection_by_key(
            load_members_by_group, *arguments, page=page, listing=listing, order=order.name, node=users.User.from_row
        )

    @strawberry.field(description="How many present, active members it has.")
    async def member_count(self, info: Info) -> int | None:
        return await resolve_member_count(info.context, self.row.id)

    @strawberry.field(description="Who leads it now, by name.", directives=[assumed(3)])
    async def leads(self, info: Info) -> list[Annotated[User, strawberry.lazy("schema.users")]] | None:
        return [users.User.from_row(row) for row in await resolve_leads(info.context, self.row.id)]

    @related("id", description="Who belonged to it from when to when, by start.", directives=PAGED)
    async def memberships(
        self,
        info: Info,
        include_ended: Annotated[bool, strawberry.argument(description="Also those that have ended.")] = False,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Annotated[GroupMembership, strawberry.lazy("schema.memberships")]] | None:
        return await memberships.memberships_of(info, MembershipSide.GROUP, include_ended, first, after, last, before)

    @strawberry.field(description="Given to it, by deadline.", directives=PAGED)
    async def assignments(
        self, info: Info, first: First = None, after: After = None, last: Last = None, before: Before = None
    ) -> Connection[Annotated[Assignment, strawberry.lazy("schema.assignments")]] | None:
        return await assignments.assignment_connection(
            info, AssignmentSide.GROUP, self.row.id, first, after, last, before
        )

    @strawberry.field(description="Statistics of its attempts.")
    async def stats(
        self, info: Info, period: StatsPeriod = None, attribution: AttributionArgument = Attribution.CURRENT
    ) -> GroupStats | None:
        spec = period.to_spec() if period else None
        return GroupStats.from_kpi(await resolve_group_stats(info.context, self.row.id, spec, attribution))

    @strawberry.field(
        description="Statistics of the attempts of its present members, by topic.",
        directives=[one_for_each("topicIds", 20), cost(200)],
    )
    async def topic_stats(
        self, info: Info, topic_ids: TopicIds = None, period: StatsPeriod = None
    ) -> list[Annotated[TopicStats, strawberry.lazy("schema.entity_stats")]] | None:
        keys = keys_of("Topic", topic_ids, "topicIds")
        spec = period.to_spec() if period else None
        return [
            entity_stats.TopicStats.of(row, statistics.sums.measures, statistics)
            for row, statistics in await resolve_group_topic_stats(info.context, self.row.id, keys, spec)
        ]

    @strawberry.field(
        description="Statistics of the attempts of its present members, by level: those with attempts.",
        directives=[assumed(10), cost(200)],
    )
    async def level_stats(
        self, info: Info, period: StatsPeriod = None
    ) -> list[Annotated[LevelStats, strawberry.lazy("schema.entity_stats")]] | None:
        spec = period.to_spec() if period else None
        return [
            entity_stats.LevelStats.of(row, statistics.sums.measures, statistics)
            for row, statistics in await resolve_group_level_stats(info.context, self.row.id, spec)
        ]

    @strawberry.field(description="What was done over time.", directives=[SERIES, cost(100)])
    async def trend(
        self,
        info: Info,
        period: TrendPeriod = LAST_30_DAYS,
        grain: TrendGrain = TimeGrain.DAY,
        calendar: TrendCalendar = None,
        fill: TrendFill = GapFill.NONE,
        attribution: AttributionArgument = Attribution.AT_ATTEMPT,
    ) -> TeamTrend | None:
        request = series_request(period, grain, calendar, fill)
        return TeamTrend.from_series(await resolve_group_trend(info.context, self.row.id, request, attribution))

    @strawberry.field(description="How the scores of its present, active members are spread.", directives=[cost(20)])
    async def score_statistics(
        self, info: Info, consistency: ConsistencyArgument = Consistency.CACHED
    ) -> ScoreStatistics | None:
        return ScoreStatistics.from_spread(await resolve_group_statistics(info.context, self.row.id, consistency))

    @strawberry.field(
        description="How many of its present, active members have which scores; always computed for the answer.",
        directives=[BUCKETED, cost(20)],
    )
    async def score_distribution(
        self, info: Info, boundaries: Boundaries = DEFAULT_BOUNDARIES
    ) -> ScoreDistribution | None:
        return ScoreDistribution.from_counts(await resolve_group_distribution(info.context, self.row.id, boundaries))

    @strawberry.field(description="The leaderboard of its present members.")
    async def leaderboard(
        self,
        info: Info,
        metric: Metric = LeaderboardMetric.SCORE,
        ranking: Ranking = RankingMethod.COMPETITION,
        period: BoardPeriod = None,
    ) -> Leaderboard | None:
        return await leaderboard_of(info, LeaderboardScope.GROUP, self.row.id, metric, ranking, period)

    @strawberry.field(
        description="Two present members beside each other; NOT_FOUND for anybody else.", directives=[cost(10)]
    )
    async def compare_members(
        self, info: Info, user_a: MemberArgument, user_b: MemberArgument, period: StatsPeriod = None
    ) -> Annotated[PerformanceComparison, strawberry.lazy("schema.comparisons")] | None:
        spec = period.to_spec() if period else None
        pair = comparisons.people_of(user_a, user_b)
        return comparisons.PerformanceComparison.from_comparison(
            await resolve_member_comparison(info.context, self.row.id, *pair, spec)
        )


@strawberry.input(description="Which groups; conditions are combined with AND.")
class GroupFilter:
    name_contains: str | None = strawberry.field(
        default=None, description="Names that contain this; case does not matter."
    )
    mine: bool = strawberry.field(default=False, description="Only groups that the viewer is in or leads now.")

    def to_selection(self) -> GroupSelection:
        return GroupSelection(checked_text(self.name_contains, "filter.nameContains"), self.mine)


GroupFilterArgument = Annotated[GroupFilter | None, strawberry.argument(description="Which groups; all by default.")]


async def group_connection(
    info: Info, filter: GroupFilter | None, first: int | None, after: str | None, last: int | None, before: str | None
) -> Connection[Group]:
    """A page of the groups that the viewer may see, by name."""
    page = page_of(first, after, last, before, order=ORDER, types=ORDER_TYPES)
    selection = filter.to_selection() if filter else GroupSelection()
    return connection_of(page, await resolve_groups(info.context, selection, page), ORDER, Group.from_row)


@strawberry.type
class GroupQuery:
    @strawberry.field(description="One group.")
    async def group(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="Its id.")]
    ) -> Group | None:
        return await Group.from_key(info, key_of("Group", id, "id"))

    @strawberry.field(description="The groups that the viewer may see, by name.", directives=PAGED)
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
