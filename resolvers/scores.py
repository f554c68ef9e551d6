"""A person's performance, all-time or in a period."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any, NamedTuple

from resolvers.calendar import resolve_context_period
from resolvers.context import Context
from resolvers.errors import NotFound
from resolvers.loaders.scores import load_period_totals_by_user
from resolvers.loaders.users import load_user_totals_by_id
from resolvers.periods import Period, PeriodSpec


class ScoredPerformance(NamedTuple):
    """What a card shows. ``row`` has the measures, ``ranking_score`` (rounded as displayed) and ``experience_level``, or
    those of them that were wanted; ``period`` is None for all time.
    """

    user_id: int
    row: Any
    period: Period | None


async def resolve_performances(
    context: Context, spec: PeriodSpec | None, wanted: frozenset[str] | None = None
) -> tuple[Callable[..., Awaitable[list[Any]]], tuple[Any, ...], Callable[[Any, int], ScoredPerformance]]:
    """What loads performances by person, with which arguments, and what makes one of a row and the person's id; that raises
    NotFound for a person whom the viewer may not see. Raises PeriodError for a period that cannot be.
    """
    period = None if spec is None else await resolve_context_period(context, spec)

    def scored(row: Any, user_id: int) -> ScoredPerformance:
        if row is None:
            raise NotFound("user")
        return ScoredPerformance(user_id, row, period)

    if period is None:
        return load_user_totals_by_id, (wanted,), scored
    return load_period_totals_by_user, (period.start, period.end), scored


async def resolve_performance(
    context: Context, user_id: int, spec: PeriodSpec | None, wanted: frozenset[str] | None = None
) -> ScoredPerformance:
    """Of one person. Raises NotFound, PeriodError."""
    load, arguments, scored = await resolve_performances(context, spec, wanted)
    return scored(await context.load(load, user_id, *arguments), user_id)


def displayed(score: Decimal | None) -> float | None:
    """A score, or a difference of scores, as people see it: one decimal, half-even; never -0.0."""
    return None if score is None else float(round(score, 1)) + 0.0
