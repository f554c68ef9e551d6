"""Why a score is what it is."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Self

import strawberry

from db.queries.measures import ratio
from resolvers.explanations import (
    Contribution,
    ExclusionReason,
    ScoreComponent,
    resolve_excluded_attempts,
    resolve_explanation,
)
from resolvers.scores import displayed
from schema.costs import assumed, cost
from schema.enums import describe_enum
from schema.relay import Info

POLICY_VERSION = 1
FORMULA = "100 · (0.5 · onTimeRatio + 0.3 · skillAccuracy + 0.2 · difficultyFactor)"

describe_enum(
    ScoreComponent,
    "ScoreComponent",
    "What a score is made of.",
    {
        "ON_TIME": "Tasks completed at or before their deadline.",
        "SKILL": "Match between the tasks and the person's skills.",
        "DIFFICULTY": "Difficulty of the tasks.",
    },
)
describe_enum(
    ExclusionReason,
    "ExclusionReason",
    "Why an attempt is not in the score.",
    {
        "NOT_FINISHED": "It was started and not finished.",
        "NOT_SUCCESSFUL": "It failed or was abandoned.",
        "SUPERSEDED": "It succeeded, but another success at the same lab counts: the first one.",
        "DELETED": "It was deleted.",
    },
)


@strawberry.type(description="What one component gives to a score.")
class ScoreContribution:
    component: ScoreComponent = strawberry.field(description="Which one.")
    value: float = strawberry.field(description="numerator / denominator, 0–1.")
    weight: float = strawberry.field(description="Its weight in the formula, 0–1.")
    effective_weight: float = strawberry.field(
        description="Its weight after components without data were dropped and the others scaled up to 1."
    )
    points: float = strawberry.field(
        description="100 · effectiveWeight · value, not rounded. The points of all components add up to `unroundedScore`."
    )
    numerator: float = strawberry.field(
        description="ON_TIME: tasks in time. SKILL: sum of the skill matches. DIFFICULTY: sum of the difficulties (0–10 each)."
    )
    denominator: float = strawberry.field(
        description="ON_TIME: tasks with a deadline. SKILL: tasks with a skill match. DIFFICULTY: 10 · tasks with a difficulty."
    )

    @classmethod
    def from_contribution(cls, contribution: Contribution) -> Self:
        return cls(
            component=contribution.component,
            value=ratio(contribution.numerator, contribution.denominator) or 0.0,
            weight=float(contribution.part.weight),
            effective_weight=float(contribution.part.effective_weight),
            points=float(contribution.part.points),
            numerator=float(contribution.numerator),
            denominator=float(contribution.denominator),
        )


@strawberry.type(description="How many attempts are not in a score, for one reason.")
class ExcludedAttempts:
    reason: ExclusionReason = strawberry.field(description="Why.")
    attempts: int = strawberry.field(description="How many.")


@strawberry.type(description="Why a score is what it is.")
class ScoreExplanation:
    user_id: strawberry.Private[int]
    start: strawberry.Private[datetime | None]
    end: strawberry.Private[datetime | None]
    score: float | None = strawberry.field(description="The score as shown: rounded half-even to one decimal.")
    unrounded_score: float | None = strawberry.field(description="The score before rounding.")
    formula: str = strawberry.field(
        description="How it is computed over tasks completed. A component without data is dropped and the other weights are "
        "scaled up to 1."
    )
    policy_version: int = strawberry.field(description="Which version of the rules.")
    components: list[ScoreContribution] = strawberry.field(
        description="What each component with data gives.", directives=[assumed(len(ScoreComponent))]
    )
    missing: list[ScoreComponent] = strawberry.field(description="The components without data.")
    counted_tasks: int = strawberry.field(description="Tasks that the score is over: first successes, one per lab.")

    @classmethod
    async def of(cls, info: Info, user_id: int, measures: Any, start: datetime | None, end: datetime | None) -> Self:
        """Explains the score over measures of [start, end), or of all time where both are None."""
        explained = await resolve_explanation(info.context, measures)
        return cls(
            user_id=user_id,
            start=start,
            end=end,
            score=displayed(explained.score),
            unrounded_score=None if explained.score is None else float(explained.score),
            formula=FORMULA,
            policy_version=POLICY_VERSION,
            components=[ScoreContribution.from_contribution(part) for part in explained.contributions],
            missing=explained.missing,
            counted_tasks=measures.tasks,
        )

    @strawberry.field(
        description="Attempts of the same stretch of time that are not in the score, by reason; reasons without any are left "
        "out. One that is not finished stands at its start.",
        directives=[assumed(len(ExclusionReason)), cost(5)],
    )
    async def excluded(self, info: Info) -> list[ExcludedAttempts] | None:
        found = await resolve_excluded_attempts(info.context, self.user_id, self.start, self.end)
        return [ExcludedAttempts(reason=reason, attempts=attempts) for reason, attempts in found]
