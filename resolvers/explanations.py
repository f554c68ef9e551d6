"""Why a score is what it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from db.queries.explanations import Part, ScoreInputs
from db.queries.order_statistics import span_of
from resolvers.context import Context
from resolvers.loaders.explanations import load_breakdown_by_inputs, load_excluded_attempts_by_user


class ScoreComponent(StrEnum):
    ON_TIME = "ON_TIME"
    SKILL = "SKILL"
    DIFFICULTY = "DIFFICULTY"


class ExclusionReason(StrEnum):
    NOT_FINISHED = "NOT_FINISHED"
    NOT_SUCCESSFUL = "NOT_SUCCESSFUL"
    SUPERSEDED = "SUPERSEDED"
    DELETED = "DELETED"


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one component gives: 100 · effective weight · numerator / denominator points, unrounded."""

    component: ScoreComponent
    numerator: Decimal
    denominator: int
    part: Part


@dataclass(frozen=True, slots=True)
class ExplainedScore:
    """A score, unrounded, with the components that have data and those that have none."""

    score: Decimal | None
    contributions: list[Contribution]
    missing: list[ScoreComponent]


async def resolve_explanation(context: Context, measures: Any) -> ExplainedScore:
    """The score over these measures. The weights come from the formula in the database; none stand here."""
    inputs = ScoreInputs(
        measures.task_on_time,
        measures.task_deadlines,
        measures.skill_sum,
        measures.skilled,
        measures.difficulty_sum,
        measures.rated,
    )
    breakdown = await context.load(load_breakdown_by_inputs, inputs)
    components = (
        Contribution(ScoreComponent.ON_TIME, Decimal(inputs.on_time), inputs.deadlines, breakdown.on_time),
        Contribution(ScoreComponent.SKILL, inputs.skill, inputs.skilled, breakdown.skill),
        Contribution(ScoreComponent.DIFFICULTY, inputs.difficulty, inputs.rated * 10, breakdown.difficulty),
    )
    return ExplainedScore(
        breakdown.score,
        [component for component in components if component.denominator],
        [component.component for component in components if not component.denominator],
    )


async def resolve_excluded_attempts(
    context: Context, user_id: int, start: datetime | None, end: datetime | None
) -> list[tuple[ExclusionReason, int]]:
    """How many attempts of [start, end) are not in the person's score, by reason; of all time where both are
    None.
    """
    found = await context.load(load_excluded_attempts_by_user, user_id, *span_of(start, end))
    return [(ExclusionReason(reason), attempts) for reason, attempts in found]
