"""A person's performance, all-time or in a period."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, NamedTuple

from db.queries.measures import MEASURES
from db.rows import row_type
from resolvers.calendar import resolve_context_period
from resolvers.context import Context
from resolvers.errors import NotFound
from resolvers.loaders.scores import load_period_performance_by_user
from resolvers.loaders.users import load_user_totals_by_id
from resolvers.periods import Period, PeriodSpec

LEVEL = frozenset({"experience_level"})


class ScoredPerformance(NamedTuple):
    """What a card shows. ``row`` has the measures, ``ranking_score`` (rounded as displayed) and ``experience_level``, or
    those of them that were wanted; ``period`` is None for all time.
    """

    user_id: int
    row: Any
    period: Period | None


PERIOD_ROW = row_type(("user_id", *MEASURES, "ranking_score", "experience_level"))


async def resolve_performance(
    context: Context, user_id: int, spec: PeriodSpec | None, wanted: frozenset[str] | None = None
) -> ScoredPerformance:
    """Raises NotFound for a person whom the viewer may not see, PeriodError for a period that cannot be."""
    totals = await context.load(load_user_totals_by_id, user_id, wanted if spec is None else LEVEL)
    if totals is None:
        raise NotFound("user")
    if spec is None:
        return ScoredPerformance(user_id, totals, None)
    period = await resolve_context_period(context, spec)
    measures, ranking_score = await context.load(load_period_performance_by_user, user_id, period.start, period.end)
    row = PERIOD_ROW(user_id, *measures, ranking_score, totals.experience_level)
    return ScoredPerformance(user_id, row, period)


def displayed(score: Decimal | None) -> float | None:
    """A score, or a difference of scores, as people see it: one decimal, half-even; never -0.0."""
    return None if score is None else float(round(score, 1)) + 0.0
