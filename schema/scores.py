"""A person's score, why it is what it is, and what follows from it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Annotated, Any, Self

import strawberry

from db.changes import tags_of
from execution.columns import column, needs, row_reference, same_row
from resolvers.live import DEFAULT_THROTTLE, Live
from resolvers.loaders.users import load_user_by_id
from resolvers.scores import ScoredPerformance, resolve_performance
from resolvers.trends import resolve_trend
from schema import users
from schema.costs import cost
from schema.explanations import ScoreExplanation
from schema.live import Throttle
from schema.measures import DAY, AttemptMeasures, number_or_null_of, ratio_of
from schema.periods import Period, PeriodInput
from schema.relay import Info, key_of
from schema.trends import LAST_30_DAYS, TrendPeriod, TrendSummary

if TYPE_CHECKING:
    from schema.users import User

HOUR = 3_600


@strawberry.type(description="The components of a score, over tasks completed. A component without data is null.")
class PerformanceMetrics:
    row: strawberry.Private[Any]
    on_time_ratio: float | None = column(
        ratio_of("task_on_time", "task_deadlines"),
        description="Tasks completed at or before their deadline / tasks that had one, 0–1.",
    )
    skill_accuracy: float | None = column(
        ratio_of("skill_sum", "skilled"),
        description="Mean match between the tasks and the person's skills, 0–1.",
    )
    difficulty_factor: float | None = column(
        ratio_of("difficulty_sum", "rated", 10),
        description="Mean difficulty of the tasks, 0–1 (difficulty 0–10 divided by 10).",
    )
    avg_completion_speed_days: float | None = column(
        ratio_of("task_early_seconds", "task_deadlines", DAY),
        description="Mean of (deadline − completion) in days of 24 hours, over tasks with a deadline; positive is early.",
    )


@strawberry.type(
    description="A person's performance. Score = 100 · (0.5 · on-time ratio + 0.3 · skill accuracy + 0.2 · difficulty factor) "
    "over tasks completed; a component without data is dropped and the other weights are scaled up to 1. Exact at the "
    "instant of the answer, whether or not a worker is running."
)
class UserPerformance:
    user_id: strawberry.Private[int]
    row: strawberry.Private[Any]
    period: Period | None = strawberry.field(description="The period that was asked for; null for all time.")

    @classmethod
    def from_scored(cls, scored: ScoredPerformance) -> Self:
        return cls(
            user_id=scored.user_id,
            row=scored.row,
            period=Period.from_period(scored.period) if scored.period else None,
        )

    user: Annotated[User, strawberry.lazy("schema.users")] = row_reference(
        load_user_by_id, "user_id", lambda: users.User, description="The person."
    )
    score: float | None = column(
        number_or_null_of("ranking_score"),
        description="Score 0–100, rounded half-even to one decimal; null without any scored component.",
    )
    tasks_completed: int = column("tasks", description="Distinct labs with a success, counted at the first one.")
    avg_completion_time_seconds: float | None = column(
        ratio_of("task_seconds", "task_timed"),
        description="Mean time of a completed task in seconds.",
    )
    avg_completion_time_hours: float | None = column(
        ratio_of("task_seconds", "task_timed", HOUR),
        description="Mean time of a completed task in hours.",
    )
    experience_level: int = column(
        "experience_level",
        description="1 + floor(sqrt(tasks completed)), over all time whatever the period: 42 tasks give level 7.",
    )
    metrics: PerformanceMetrics = same_row(lambda: PerformanceMetrics, description="The components of the score.")
    attempts: AttemptMeasures = same_row(
        lambda: AttemptMeasures, description="All attempts behind it, also those that are not counted as tasks."
    )

    @strawberry.field(
        description="Where the all-time score went, whatever period this performance is of.",
        directives=[cost(5)],
        metadata=needs(),
    )
    async def trend(self, info: Info, period: TrendPeriod = LAST_30_DAYS) -> TrendSummary | None:
        return TrendSummary.from_trend(await resolve_trend(info.context, self.user_id, period.to_spec()))

    @strawberry.field(description="Why the score is what it is.", directives=[cost(5)])
    async def explanation(self, info: Info) -> ScoreExplanation | None:
        start, end = (self.period.from_, self.period.to) if self.period else (None, None)
        return await ScoreExplanation.of(info, self.user_id, self.row, start, end)


@strawberry.type
class ScoreSubscription:
    @strawberry.subscription(
        description="A person's performance: at once, and again whenever it changes. Access is decided anew for each answer; the "
        "stream ends when the token does."
    )
    async def user_performance_updated(
        self,
        info: Info,
        user_id: Annotated[strawberry.ID, strawberry.argument(description="The person.")],
        period: Annotated[
            PeriodInput | None,
            strawberry.argument(description="Only what was completed in this period; all time by default."),
        ] = None,
        throttle: Throttle = DEFAULT_THROTTLE,
    ) -> AsyncGenerator[UserPerformance, None]:
        key = key_of("User", user_id, "userId")
        scored = await resolve_performance(info.context, key, period.to_spec() if period else None)
        live = info.context.live or Live()
        live.follow(tags_of(users=[key]), throttle)
        yield UserPerformance.from_scored(scored)
