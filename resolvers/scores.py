"""A person's performance, all-time or in a period."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from db.queries.measures import Measures
from resolvers.calendar import resolve_context_period
from resolvers.context import Context
from resolvers.errors import NotFound
from resolvers.loaders.scores import load_period_performance_by_user
from resolvers.loaders.users import load_user_totals_by_id
from resolvers.periods import Period, PeriodSpec


@dataclass(frozen=True, slots=True)
class ScoredPerformance:
    """What a card shows. ``period`` is None for all time; ``ranking_score`` is rounded as displayed."""

    user_id: int
    measures: Measures
    ranking_score: Decimal | None
    experience_level: int
    period: Period | None


async def resolve_performance(context: Context, user_id: int, spec: PeriodSpec | None) -> ScoredPerformance:
    """Raises NotFound for a person whom the viewer may not see, PeriodError for a period that cannot be."""
    totals = await context.load(load_user_totals_by_id, user_id)
    if totals is None:
        raise NotFound("user")
    if spec is None:
        return ScoredPerformance(user_id, totals.measures, totals.ranking_score, totals.experience_level, None)
    period = await resolve_context_period(context, spec)
    measures, ranking_score = await context.load(load_period_performance_by_user, user_id, period.start, period.end)
    return ScoredPerformance(user_id, measures, ranking_score, totals.experience_level, period)


def displayed(score: Decimal | None) -> float | None:
    """A score, or a difference of scores, as people see it: one decimal, half-even; never -0.0."""
    return None if score is None else float(round(score, 1)) + 0.0
