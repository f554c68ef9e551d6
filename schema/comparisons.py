"""Two people beside each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Self

import strawberry

from resolvers.comparisons import Comparison, ComparisonOutcome, resolve_comparison
from resolvers.users import resolve_user
from schema import users
from schema.costs import cost
from schema.enums import describe_enum
from schema.periods import Period, PeriodInput
from schema.relay import Info, key_of
from schema.scores import UserPerformance

if TYPE_CHECKING:
    from schema.users import User

describe_enum(
    ComparisonOutcome,
    "ComparisonOutcome",
    "Who has the higher score. Scores are compared as they are shown, to one decimal.",
    {
        "A_WINS": "The first person.",
        "B_WINS": "The second person.",
        "TIE": "Neither: the scores look the same.",
        "NOT_COMPARABLE": "At least one of them has no score in the period.",
    },
)

PersonArgument = Annotated[strawberry.ID, strawberry.argument(description="Id of a person.")]
ComparedPeriod = Annotated[
    PeriodInput | None,
    strawberry.argument(description="Only what was completed in this period; all time by default."),
]


@strawberry.type(description="The performances of two people in the same period.")
class PerformanceComparison:
    comparison: strawberry.Private[Comparison]
    period: Period | None = strawberry.field(description="The period that was asked for; null for all time.")
    a: UserPerformance = strawberry.field(description="The first person's performance.")
    b: UserPerformance = strawberry.field(description="The second person's performance.")
    outcome: ComparisonOutcome = strawberry.field(description="Who has the higher score.")

    @classmethod
    def from_comparison(cls, comparison: Comparison) -> Self:
        period = comparison.a.period
        return cls(
            comparison=comparison,
            period=Period.from_period(period) if period else None,
            a=UserPerformance.from_scored(comparison.a),
            b=UserPerformance.from_scored(comparison.b),
            outcome=comparison.outcome,
        )

    @strawberry.field(description="Score of `a` − score of `b`, as they are shown; null where one has no score.")
    def score_difference(self) -> float | None:
        difference = self.comparison.difference
        return None if difference is None else float(difference)

    @strawberry.field(description="Who has the higher score; null for a tie or where one has no score.")
    async def winner(self, info: Info) -> Annotated[User, strawberry.lazy("schema.users")] | None:
        key = self.comparison.winner_id
        return None if key is None else users.User.from_row(await resolve_user(info.context, key=key))


def people_of(user_a: strawberry.ID, user_b: strawberry.ID) -> tuple[int, int]:
    """Raises Invalid, NotFound."""
    return key_of("User", user_a, "userA"), key_of("User", user_b, "userB")


@strawberry.type
class ComparisonQuery:
    @strawberry.field(
        description="Two people beside each other. Needs VIEW_TEAM; NOT_FOUND unless the viewer may see both.",
        directives=[cost(10)],
    )
    async def compare_performance(
        self, info: Info, user_a: PersonArgument, user_b: PersonArgument, period: ComparedPeriod = None
    ) -> PerformanceComparison | None:
        spec = period.to_spec() if period else None
        comparison = await resolve_comparison(info.context, *people_of(user_a, user_b), spec)
        return PerformanceComparison.from_comparison(comparison)
