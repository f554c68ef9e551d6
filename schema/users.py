"""People."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Self

import strawberry

from db.queries.assignments import AssignmentSide
from db.queries.memberships import MembershipSide
from db.queries.users import Ranking, UserRow, UserSelection
from execution.columns import by_key, column, foresee, related, wanted
from resolvers.attempts import AttemptOwner
from resolvers.errors import Invalid, NotFound
from resolvers.loaders.users import load_ranking_by_user, load_user_by_id
from resolvers.permissions import Permission
from resolvers.scores import resolve_performances
from resolvers.users import UserOrder as Order
from resolvers.users import UserOrderField as OrderField
from resolvers.users import resolve_user, resolve_users
from schema import assignments, attempts, awards, memberships, performance_logs
from schema.costs import assumed, cost, one_for_each
from schema.periods import GapFill, PeriodInput, TimeGrain
from schema.relay import (
    PAGED,
    After,
    Before,
    Connection,
    First,
    Info,
    Last,
    Node,
    OrderDirection,
    connection_of,
    key_of,
    node_id,
    page_of,
)
from schema.scores import UserPerformance
from schema.series import SERIES
from schema.snapshots import PerformanceSnapshot, SnapshotPeriod, snapshot_connection
from schema.stats import StatsPeriod
from schema.texts import checked_text, shown_name_of
from schema.trends import (
    LAST_30_DAYS,
    LAST_90_DAYS,
    Calendar,
    Fill,
    Grain,
    PerformanceTrend,
    TrendPeriod,
    performance_trends,
)
from schema.user_stats import LabIds, TopicIds, UserLabStats, UserTopicStats, user_lab_stats, user_topic_stats

if TYPE_CHECKING:
    from schema.assignments import Assignment
    from schema.attempts import Attempt, AttemptFilter, AttemptOrder
    from schema.awards import AwardProgress, PerformanceBadge, PerformanceMilestone, Streak
    from schema.memberships import GroupMembership
    from schema.performance_logs import PerformanceLog, PerformanceLogOrder


@strawberry.enum(description="What a caller is. It decides which rows they see and what they may do.")
class Role(Enum):
    STUDENT = strawberry.enum_value("STUDENT", description="Sees themselves.")
    TEACHER = strawberry.enum_value(
        "TEACHER", description="Also sees the present members of the groups that they lead."
    )
    MANAGER = strawberry.enum_value("MANAGER", description="Sees the whole organization.")
    ADMIN = strawberry.enum_value("ADMIN", description="Sees and changes the whole organization.")
    SERVICE = strawberry.enum_value("SERVICE", description="A system that records attempts and keeps the roster.")


@strawberry.type(description="A person's exact place in the organization by score, at the instant of the answer.")
class UserRank:
    row: strawberry.Private[Ranking]
    rank: int = column("rank", description="1 is best; equal scores (to one decimal) share a rank: 1, 1, 3.")
    tied_with: int = column("tied_with", description="How many others have the same score.")
    ranked_people: int = column("ranked_people", description="How many people have a rank: active ones with a score.")

    @classmethod
    def from_ranking(cls, ranking: Ranking) -> Self:
        return cls(row=ranking)


@strawberry.type(description="A person: a learner, a teacher, or whoever else the roster knows.")
class User(Node):
    row: strawberry.Private[UserRow]
    id: strawberry.ID = node_id("User")
    external_id: str = column("external_id", description="Id in the source system; unique in the organization.")
    username: str = column("username", description="Login name; unique in the organization without regard to case.")
    display_name: str = column(shown_name_of("display_name"), description="Name as people read it.")
    role: Role = column(lambda role: Role(role), description="What the roster says the person is.")
    time_zone: str | None = column("time_zone", description="IANA time zone, where the person has set one.")
    deactivated_at: datetime | None = column(
        "deactivated_at", description="When the person was taken off rosters and boards."
    )

    @classmethod
    def from_row(cls, row: UserRow) -> Self:
        return cls(row=row)

    @classmethod
    def of_found(cls, row: UserRow | None) -> Self:
        """Raises NotFound where nobody was found."""
        if row is None:
            raise NotFound("user")
        return cls.from_row(row)

    @classmethod
    async def from_key(cls, info: Info, key: int) -> Self:
        """The person as the viewer may see them. Raises NotFound."""
        await foresee(info, load_user_by_id)
        return cls.from_row(await resolve_user(info.context, key=key))

    @strawberry.field(description="E-mail address. Needs VIEW_PII, except for one's own.")
    async def email(self, info: Info) -> str | None:
        if (await info.context.viewer()).user_id != self.row.id:
            await info.context.require(Permission.VIEW_PII)
        return self.row.email

    @related("id", description="Score, tasks, times and their trend.")
    async def performance(
        self,
        info: Info,
        period: Annotated[
            PeriodInput | None,
            strawberry.argument(description="Only what was completed in this period; all time by default."),
        ] = None,
    ) -> UserPerformance | None:
        spec = period.to_spec() if period else None
        load, arguments, scored = await resolve_performances(info.context, spec, wanted(info))
        return by_key(
            load,
            *arguments,
            make=lambda row, key: UserPerformance.from_scored(scored(row, key)),
            each=lambda row: UserPerformance.from_scored(scored(row, row.user_id)),
        )

    @related("id", description="Place in the organization by score; null without a score.", directives=[cost(20)])
    async def rank(self, info: Info) -> UserRank | None:
        def make(ranking: Ranking | None, key: int) -> UserRank | None:
            return UserRank.from_ranking(ranking) if ranking else None

        return by_key(load_ranking_by_user, make=make, each=UserRank.from_ranking)

    @related(
        "id",
        description="The score over time, bucket by bucket; buckets without data are left out by default.",
        directives=[SERIES],
    )
    async def performance_trend(
        self,
        info: Info,
        period: TrendPeriod = LAST_90_DAYS,
        grain: Grain = TimeGrain.DAY,
        calendar: Calendar = None,
        fill: Fill = GapFill.NONE,
    ) -> PerformanceTrend | None:
        return await performance_trends(info, period, grain, calendar, fill)

    @related(
        "id",
        description="The groups that the person belonged to, of those that the viewer may see, by start.",
        directives=PAGED,
    )
    async def memberships(
        self,
        info: Info,
        include_ended: Annotated[bool, strawberry.argument(description="Also those that have ended.")] = False,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Annotated[GroupMembership, strawberry.lazy("schema.memberships")]] | None:
        return await memberships.memberships_of(info, MembershipSide.USER, include_ended, first, after, last, before)

    @strawberry.field(description="What the person tried; newest first by default.", directives=PAGED)
    async def attempts(
        self,
        info: Info,
        filter: Annotated[
            Annotated[AttemptFilter, strawberry.lazy("schema.attempts")] | None,
            strawberry.argument(description="Which attempts; all by default."),
        ] = None,
        order_by: Annotated[
            Annotated[AttemptOrder, strawberry.lazy("schema.attempts")] | None,
            strawberry.argument(description="Newest completion first by default."),
        ] = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Annotated[Attempt, strawberry.lazy("schema.attempts")]] | None:
        return await attempts.attempt_connection_of(
            info, AttemptOwner.USER, self.row.id, filter, order_by, first, after, last, before
        )

    @strawberry.field(
        description="Each task completed, and where it put the person; newest first by default.", directives=PAGED
    )
    async def performance_logs(
        self,
        info: Info,
        period: Annotated[
            PeriodInput | None, strawberry.argument(description="Only tasks completed in this period; all by default.")
        ] = None,
        order_by: Annotated[
            Annotated[PerformanceLogOrder, strawberry.lazy("schema.performance_logs")] | None,
            strawberry.argument(description="By completion, newest first, by default."),
        ] = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Annotated[PerformanceLog, strawberry.lazy("schema.performance_logs")]] | None:
        spec = period.to_spec() if period else None
        return await performance_logs.user_log_connection(info, self.row.id, spec, order_by, first, after, last, before)

    @strawberry.field(description="Each local day on which the person did something, oldest first.", directives=PAGED)
    async def snapshots(
        self,
        info: Info,
        period: SnapshotPeriod = LAST_30_DAYS,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[PerformanceSnapshot] | None:
        return await snapshot_connection(info, self.row.id, period.to_spec(), first, after, last, before)

    @strawberry.field(
        description="Given to the person, or to groups that they are a member of now; by deadline.", directives=PAGED
    )
    async def assignments(
        self, info: Info, first: First = None, after: After = None, last: Last = None, before: Before = None
    ) -> Connection[Annotated[Assignment, strawberry.lazy("schema.assignments")]] | None:
        return await assignments.assignment_connection(
            info, AssignmentSide.USER, self.row.id, first, after, last, before
        )

    @related("id", description="The milestones that the person has reached, the latest first.", directives=PAGED)
    async def milestones(
        self,
        info: Info,
        include_revoked: Annotated[bool, strawberry.argument(description="Also those that were taken back.")] = False,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Annotated[PerformanceMilestone, strawberry.lazy("schema.awards")]] | None:
        return await awards.milestones_of(info, include_revoked, first, after, last, before)

    @related("id", description="The badges that the person has earned, the latest first.", directives=PAGED)
    async def badges(
        self,
        info: Info,
        active_only: Annotated[bool, strawberry.argument(description="Without those that were taken back.")] = True,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Annotated[PerformanceBadge, strawberry.lazy("schema.awards")]] | None:
        return await awards.badges_of(info, active_only, first, after, last, before)

    @related("id", description="Days and weeks in a row, one streak of each kind.", directives=[assumed(2), cost(4)])
    async def streaks(self, info: Info) -> list[Annotated[Streak, strawberry.lazy("schema.awards")]] | None:
        return await awards.streaks_of(info)

    @related(
        "id",
        description="How far the person is on the way to each award that can be had.",
        directives=[assumed(10), cost(4)],
    )
    async def award_progress(
        self, info: Info
    ) -> list[Annotated[AwardProgress, strawberry.lazy("schema.awards")]] | None:
        return await awards.progress_of(info)

    @strawberry.field(
        description="What the person did at each lab, by the lab's title.", directives=[one_for_each("labIds", 100)]
    )
    async def lab_stats(
        self, info: Info, lab_ids: LabIds = None, period: StatsPeriod = None
    ) -> list[UserLabStats] | None:
        return await user_lab_stats(info, self.row.id, lab_ids, period)

    @related(
        "id",
        description="What the person did in each topic, by the topic's title.",
        directives=[one_for_each("topicIds", 20)],
    )
    async def topic_stats(
        self, info: Info, topic_ids: TopicIds = None, period: StatsPeriod = None
    ) -> list[UserTopicStats] | None:
        return await user_topic_stats(info, topic_ids, period)


@strawberry.input(one_of=True, description="Names one person.")
class UserRef:
    id: strawberry.Maybe[strawberry.ID] = strawberry.field(description="The id in this graph.")
    username: strawberry.Maybe[str] = strawberry.field(description="The username; case does not matter.")
    external_id: strawberry.Maybe[str] = strawberry.field(description="The id in the source system.")


@strawberry.enum(description="What people can be sorted by.")
class UserOrderField(Enum):
    DISPLAY_NAME = strawberry.enum_value("DISPLAY_NAME", description="Display name, by code point.")
    USERNAME = strawberry.enum_value("USERNAME", description="Username, without regard to case.")
    SCORE = strawberry.enum_value("SCORE", description="All-time score; people without one come last.")
    TASKS_COMPLETED = strawberry.enum_value("TASKS_COMPLETED", description="Tasks completed over all time.")


@strawberry.input(description="How to sort people; the id breaks ties.")
class UserOrder:
    field: UserOrderField = strawberry.field(description="What to sort by.")
    direction: OrderDirection = strawberry.field(default=OrderDirection.ASC, description="Ascending by default.")

    def to_order(self) -> Order:
        return Order(OrderField[self.field.name], self.direction is OrderDirection.DESC)


@strawberry.input(description="Which people; conditions are combined with AND.")
class UserFilter:
    group_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Present members of any of these groups."
    )
    username_starts_with: str | None = strawberry.field(
        default=None, description="Usernames that begin so; case does not matter."
    )
    name_contains: str | None = strawberry.field(
        default=None, description="Display names that contain this; case does not matter."
    )
    least_score: float | None = strawberry.field(default=None, description="All-time score of at least this.")
    most_score: float | None = strawberry.field(default=None, description="All-time score of at most this.")
    include_deactivated: bool = strawberry.field(default=False, description="Also people who were deactivated.")

    def to_selection(self) -> UserSelection:
        return UserSelection(
            group_ids=None
            if self.group_ids is None
            else tuple(key_of("Group", value, "filter.groupIds") for value in self.group_ids),
            username_prefix=checked_text(self.username_starts_with, "filter.usernameStartsWith"),
            name_contains=checked_text(self.name_contains, "filter.nameContains"),
            least_score=self.least_score,
            most_score=self.most_score,
            include_deactivated=self.include_deactivated,
        )


async def user_connection(
    info: Info,
    selection: UserSelection,
    order_by: UserOrder | None,
    first: int | None,
    after: str | None,
    last: int | None,
    before: str | None,
) -> Connection[User]:
    """A page of people."""
    order = order_by.to_order() if order_by else Order()
    page = page_of(first, after, last, before, order=order.name, types=order.types)
    return connection_of(page, await resolve_users(info.context, selection, order, page), order.name, User.from_row)


@strawberry.type
class UserQuery:
    @strawberry.field(description="One person.")
    async def user(
        self, info: Info, by: Annotated[UserRef, strawberry.argument(description="Which one.")]
    ) -> User | None:
        if by.id:
            return await User.from_key(info, key_of("User", by.id.value, "by.id"))
        if by.username:
            username = checked_text(by.username.value, "by.username")
            return User.from_row(await resolve_user(info.context, username=username))
        if by.external_id:
            external_id = checked_text(by.external_id.value, "by.externalId")
            return User.from_row(await resolve_user(info.context, external_id=external_id))
        raise Invalid("Name the person by id, username or externalId.", "by")

    @strawberry.field(description="The people whom the viewer may see.", directives=PAGED)
    async def users(
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
