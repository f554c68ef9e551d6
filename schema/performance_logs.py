"""Performance logs: how a person's score moved with each task."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Self

import strawberry

from db.queries.measures import ratio
from db.queries.performance_logs import Interval, LogEntry, LogOrderField, LogSelection
from db.queries.performance_logs import LogOrder as Order
from resolvers.attempts import resolve_attempt
from resolvers.labs import resolve_lab
from resolvers.performance_logs import (
    resolve_performance_log,
    resolve_performance_logs,
    resolve_user_logs,
)
from resolvers.periods import PeriodSpec
from resolvers.scores import displayed
from resolvers.users import resolve_user
from schema import attempts, labs, users
from schema.enums import describe_enum
from schema.filters import DateTimeFilter
from schema.measures import DAY
from schema.relay import (
    LARGEST_PAGE,
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
    global_id,
    keys_of,
    page_of,
)

if TYPE_CHECKING:
    from schema.attempts import Attempt
    from schema.labs import Lab
    from schema.users import User

HOUR = 3_600

describe_enum(
    LogOrderField,
    "PerformanceLogOrderField",
    "What a person's performance logs can be sorted by.",
    {
        "CREATED_AT": "When the task was completed.",
        "PERFORMANCE_SCORE": "The score after it, as displayed; entries without one come last.",
        "SCORE_CHANGE": "The change of the score, as displayed; entries without one come last.",
    },
)


@strawberry.type(
    description="A task completed, and where that put the person: everything is over all their tasks up to and including it, in "
    "the order of completion. Derived from the attempts as they are now: a late arrival or a delete rewrites what follows it."
)
class PerformanceLog(Node):
    entry: strawberry.Private[LogEntry]
    created_at: datetime = strawberry.field(description="When the task was completed.")
    tasks_completed: int = strawberry.field(description="Tasks completed by then, this one included.")
    performance_score: float | None = strawberry.field(
        description="Score 0–100, rounded half-even to one decimal; null without any scored component."
    )
    score_change: float | None = strawberry.field(
        description="This score − the one of the person's entry before, rounded half-even to one decimal after subtracting; null "
        "for the first entry and where either is unknown."
    )

    @classmethod
    def from_entry(cls, entry: LogEntry) -> Self:
        return cls(
            id=global_id("PerformanceLog", entry.attempt_id),
            entry=entry,
            created_at=entry.completed_at,
            tasks_completed=entry.standing.tasks,
            performance_score=displayed(entry.standing.score),
            score_change=displayed(entry.score_change),
        )

    @classmethod
    async def from_key(cls, info: Info, key: int) -> Self:
        """The entry of an attempt. Raises NotFound."""
        return cls.from_entry(await resolve_performance_log(info.context, key))

    @strawberry.field(description="The person.")
    async def user(self, info: Info) -> Annotated[User, strawberry.lazy("schema.users")] | None:
        return users.User.from_row(await resolve_user(info.context, key=self.entry.user_id))

    @strawberry.field(description="The attempt that counts: the first success at its lab.")
    async def attempt(self, info: Info) -> Annotated[Attempt, strawberry.lazy("schema.attempts")] | None:
        return attempts.Attempt.from_row(await resolve_attempt(info.context, self.entry.attempt_id))

    @strawberry.field(description="The lab that was done.")
    async def lab(self, info: Info) -> Annotated[Lab, strawberry.lazy("schema.labs")] | None:
        return labs.Lab.from_row(await resolve_lab(info.context, key=self.entry.lab_id))

    @strawberry.field(description="Tasks completed in time / tasks that had a deadline, 0–1.")
    def on_time_ratio(self) -> float | None:
        return ratio(self.entry.standing.task_on_time, self.entry.standing.task_deadlines)

    @strawberry.field(description="Mean match between the tasks and the person's skills, 0–1.")
    def skill_accuracy(self) -> float | None:
        return ratio(self.entry.standing.skill_sum, self.entry.standing.skilled)

    @strawberry.field(description="Mean difficulty of the tasks, 0–1 (difficulty 0–10 divided by 10).")
    def difficulty_factor(self) -> float | None:
        return ratio(self.entry.standing.difficulty_sum, self.entry.standing.rated * 10)

    @strawberry.field(description="Mean time of a completed task in seconds.")
    def avg_completion_time_seconds(self) -> float | None:
        return ratio(self.entry.standing.task_seconds, self.entry.standing.task_timed)

    @strawberry.field(description="Mean time of a completed task in hours.")
    def avg_completion_time_hours(self) -> float | None:
        return ratio(self.entry.standing.task_seconds, self.entry.standing.task_timed * HOUR)

    @strawberry.field(
        description="Mean of (deadline − completion) in days of 24 hours, over tasks with a deadline; positive is early."
    )
    def avg_completion_speed_days(self) -> float | None:
        return ratio(self.entry.standing.task_early_seconds, self.entry.standing.task_deadlines * DAY)


@strawberry.input(description="How to sort a person's performance logs; the id of the attempt breaks ties.")
class PerformanceLogOrder:
    field: LogOrderField = strawberry.field(description="What to sort by.")
    direction: OrderDirection = strawberry.field(default=OrderDirection.DESC, description="Descending by default.")

    def to_order(self) -> Order:
        return Order(self.field, self.direction is OrderDirection.DESC)


@strawberry.input(description="Which performance logs; conditions are combined with AND.")
class PerformanceLogFilter:
    user_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description=f"Of any of these people; at most {LARGEST_PAGE}."
    )
    group_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description=f"Of present members of any of these groups; at most {LARGEST_PAGE}."
    )
    created_at: DateTimeFilter | None = strawberry.field(
        default=None, description="Of tasks completed in this interval."
    )

    def to_selection(self) -> LogSelection:
        """Raises Invalid, and NotFound for ids of another type."""
        created = self.created_at or DateTimeFilter()
        return LogSelection(
            user_ids=keys_of("User", self.user_ids, "filter.userIds"),
            group_ids=keys_of("Group", self.group_ids, "filter.groupIds"),
            interval=Interval(created.gte, created.lt),
        )


async def user_log_connection(
    info: Info,
    user_id: int,
    spec: PeriodSpec | None,
    order_by: PerformanceLogOrder | None,
    first: int | None,
    after: str | None,
    last: int | None,
    before: str | None,
) -> Connection[PerformanceLog]:
    """A page of one person's entries."""
    order = order_by.to_order() if order_by else Order()
    page = page_of(first, after, last, before, order=order.name, types=order.types)
    listing = await resolve_user_logs(info.context, user_id, spec, order, page)
    return connection_of(page, listing, order.name, PerformanceLog.from_entry)


@strawberry.type
class PerformanceLogQuery:
    @strawberry.field(description="Everybody's performance logs, newest first. Needs VIEW_AUDIT_LOG.", directives=PAGED)
    async def performance_logs(
        self,
        info: Info,
        filter: Annotated[
            PerformanceLogFilter | None, strawberry.argument(description="Which ones; all by default.")
        ] = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[PerformanceLog] | None:
        order = Order()
        page = page_of(first, after, last, before, order=order.name, types=order.types)
        selection = filter.to_selection() if filter else LogSelection()
        listing = await resolve_performance_logs(info.context, selection, page)
        return connection_of(page, listing, order.name, PerformanceLog.from_entry)
