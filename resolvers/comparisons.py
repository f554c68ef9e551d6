"""Two people beside each other."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from resolvers.context import Context
from resolvers.errors import NotFound
from resolvers.loaders.groups import load_present_members_by_group
from resolvers.periods import PeriodSpec
from resolvers.permissions import Permission
from resolvers.scores import ScoredPerformance, resolve_performance


class ComparisonOutcome(StrEnum):
    """Who has the higher score, as displayed."""

    A_WINS = "A_WINS"
    B_WINS = "B_WINS"
    TIE = "TIE"
    NOT_COMPARABLE = "NOT_COMPARABLE"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two performances of the same period."""

    a: ScoredPerformance
    b: ScoredPerformance

    @property
    def difference(self) -> Decimal | None:
        """Of the scores as displayed, so that what looks equal is equal."""
        a: Decimal | None = self.a.row.ranking_score
        b: Decimal | None = self.b.row.ranking_score
        return None if a is None or b is None else a - b

    @property
    def outcome(self) -> ComparisonOutcome:
        difference = self.difference
        if difference is None:
            return ComparisonOutcome.NOT_COMPARABLE
        if difference == 0:
            return ComparisonOutcome.TIE
        return ComparisonOutcome.A_WINS if difference > 0 else ComparisonOutcome.B_WINS

    @property
    def winner_id(self) -> int | None:
        return {
            ComparisonOutcome.A_WINS: self.a.user_id,
            ComparisonOutcome.B_WINS: self.b.user_id,
        }.get(self.outcome)


async def resolve_comparison(context: Context, user_a: int, user_b: int, spec: PeriodSpec | None) -> Comparison:
    """Raises Forbidden, PeriodError, and NotFound unless the viewer may see both."""
    await context.require(Permission.VIEW_TEAM)
    a, b = await context.together(
        resolve_performance(context, user_a, spec), resolve_performance(context, user_b, spec)
    )
    return Comparison(a, b)


async def resolve_member_comparison(
    context: Context, group_id: int, user_a: int, user_b: int, spec: PeriodSpec | None
) -> Comparison:
    """The same for two present members of a group; others are not found."""
    await context.require(Permission.VIEW_TEAM)
    present = await context.load(load_present_members_by_group, group_id, tuple(sorted({user_a, user_b})))
    if not {user_a, user_b} <= present:
        raise NotFound("user")
    return await resolve_comparison(context, user_a, user_b, spec)
