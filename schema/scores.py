"""A person's score, why it is what it is, and what follows from it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Self

import strawberry

from db.changes import tags_of
from db.queries.measures import Measures, ratio
from resolvers.live import wakeups
from resolvers.scores import ScoredPerformance, resolve_performance
from resolvers.trends import resolve_trend
from resolvers.users import resolve_user
from schema import users
from schema.costs import cost
from schema.explanations import ScoreExplanation
from schema.live import Throttle
from schema.measures import DAY, AttemptMeasures
from schema.periods import Period, PeriodInput
from schema.relay import Info, key_of
from schema.trends import LAST_30_DAYS, TrendPeriod, TrendSummary

if TYPE_CHECKING:
    from schema.users import User

HOUR = 3_600


@strawberry.type(description="The components of a score, over tasks completed. A component without data is null.")
class PerformanceMetrics:
    measures: strawberry.Private[Measures]

    @strawberry.field(description="Tasks completed at or before their deadline / tasks that had one, 0–1.")
    def on_time_ratio(self) -> float | None:
        return ratio(self.measures.task_on_time, self.measures.task_deadlines)

    @strawberry.field(description="Mean match between the tasks and the person's skills, 0–1.")
    def skill_accuracy(self) -> float | None:
        return ratio(self.measures.skill_sum, self.measures.skilled)

    @strawberry.field(description="Mean difficulty of the tasks, 0–1 (difficulty 0–10 divided by 10).")
    def difficulty_factor(self) -> float | None:
        return ratio(self.measures.difficulty_sum, self.measures.rated * 10)

    @strawberry.field(
        description="Mean of (deadline − completion) in days of 24 hours, over tasks with a deadline; positive is early."
    )
    def avg_completion_speed_days(self) -> float | None:
        return ratio(self.measures.task_early_seconds, self.measures.task_deadlines * DAY)


@strawberry.type(
    description="A person's performance. Score = 100 · (0.5 · on-time ratio + 0.3 · skill accuracy + 0.2 · difficulty factor) "
    "over tasks completed; a component without data is dropped and the other weights are scaled up to 1. Exact at the "
    "instant of the answer, whether or not a worker is running."
)
class UserPerformance:
    user_id: strawberry.Private[int]
    measures: strawberry.Private[Measures]
    ranking_score: strawberry.Private[Decimal | None]
    level: strawberry.Private[int]
    period: Period | None = strawberry.field(description="The period that was asked for; null for all time.")

    @classmethod
    def from_scored(cls, scored: ScoredPerformance) -> Self:
        return cls(
            user_id=scored.user_id,
            measures=scored.measures,
            ranking_score=scored.ranking_score,
            level=scored.experience_level,
            period=Period.from_period(scored.period) if scored.period else None,
        )

    @strawberry.field(description="The person.")
    async def user(self, info: Info) -> Annotated[User, strawberry.lazy("schema.users")]:
        return users.User.from_row(await resolve_user(info.context, key=self.user_id))

    @strawberry.field(description="Score 0–100, rounded half-even to one decimal; null without any scored component.")
    def score(self) -> float | None:
        return None if self.ranking_score is None else float(self.ranking_score)

    @strawberry.field(description="Distinct labs with a success, counted at the first one.")
    def tasks_completed(self) -> int:
        return self.measures.tasks

    @strawberry.field(description="Mean time of a completed task in seconds.")
    def avg_completion_time_seconds(self) -> float | None:
        return ratio(self.measures.task_seconds, self.measures.task_timed)

    @strawberry.field(description="Mean time of a completed task in hours.")
    def avg_completion_time_hours(self) -> float | None:
        return ratio(self.measures.task_seconds, self.measures.task_timed * HOUR)

    @strawberry.field(
        description="1 + floor(sqrt(tasks completed)), over all time whatever the period: 42 tasks give level 7."
    )
    def experience_level(self) -> int:
        return self.level

    @strawberry.field(description="The components of the score.")
    def metrics(self) -> PerformanceMetrics:
        return PerformanceMetrics(measures=self.measures)

    @strawberry.field(description="All attempts behind it, also those that are not counted as tasks.")
    def attempts(self) -> AttemptMeasures:
        return AttemptMeasures(measures=self.measures)

    @strawberry.field(
        description="Where the all-time score went, whatever period this performance is of.", directives=[cost(5)]
    )
    async def trend(self, info: Info, period: TrendPeriod = LAST_30_DAYS) -> TrendSummary | None:
        return TrendSummary.from_trend(await resolve_trend(info.context, self.user_id, period.to_spec()))

    @strawberry.field(description="Why the score is what it is.", directives=[cost(5)])
    async def explanation(self, info: Info) -> ScoreExplanation | None:
        start, end = (self.period.from_, self.period.to) if self.period else (None, None)
        return await ScoreExplanation.of(info, self.user_id, self.measures, start, end)


@strawberry.type
class ScoreSubscription:
    @strawberry.subscription(
        description="A person's performance: at once, and again whenever their attempts change. Access is decided anew for "
        "each answer; the stream ends when the token does."
    )
    async def user_performance_updated(
        self,
        info: Info,
        user_id: Annotated[strawberry.ID, strawberry.argument(description="The person.")],
        period: Annotated[
            PeriodInput | None,
            strawberry.argument(description="Only what was completed in this period; all time by default."),
        ] = None,
        throttle: Throttle = 1.0,
    ) -> AsyncGenerator[UserPerformance, None]:
        key = key_of("User", user_id, "userId")
        spec = period.to_spec() if period else None
        async for _ in wakeups(info.context, tags_of(users=[key]), throttle):
            yield UserPerformance.from_scored(await resolve_performance(info.context, key, spec))
