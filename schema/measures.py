"""The measures of a set of attempts, as the graph shows them."""

from __future__ import annotations

import strawberry

from db.queries.measures import Measures, ratio
from execution.columns import Formula, column
from schema.scalars import BigInt

DAY = 86_400


def number_of(name: str) -> Formula:
    """A column as a Float."""
    return Formula((name,), float, "float({0})")


def number_or_null_of(name: str) -> Formula:
    """A column as a Float, null where it is."""
    return Formula(
        (name,), lambda value: None if value is None else float(value), "None if {0} is None else float({0})"
    )


def ratio_of(numerator: str, denominator: str, times: int = 1) -> Formula:
    """The ratio of one column to so many times another; null where there is nothing to divide by. Both are whole or exact."""
    below = "{1}" if times == 1 else f"({{1}} * {times})"
    return Formula(
        (numerator, denominator),
        lambda above, below: ratio(above, below * times),
        f"None if not {{1}} else float({{0}} / {below})",
    )


@strawberry.type(
    description="Measures over finished attempts that are not deleted. A ratio or mean over nothing is null, never 0. "
    "Only attempts that the viewer may see are in them."
)
class AttemptMeasures:
    row: strawberry.Private[Measures]
    people: strawberry.Private[int | None] = None

    attempts: BigInt = column(
        "attempts",
        description="Finished attempts: succeeded, failed or abandoned.",
    )

    @strawberry.field(description="Distinct people with at least one finished attempt; null where it was not counted.")
    def users(self) -> BigInt | None:
        return None if self.people is None else BigInt(self.people)

    successes: BigInt = column(
        "successes",
        description="Attempts that succeeded.",
    )

    success_rate: float | None = column(
        ratio_of("successes", "attempts"),
        description="Successes / finished attempts, 0–1. Abandoned attempts count as finished.",
    )

    avg_completion_time_seconds: float | None = column(
        ratio_of("seconds", "timed"),
        description="Mean time of an attempt in seconds; durations over 30 days are left out.",
    )

    total_time_spent_seconds: float = column(
        number_of("seconds"),
        description="Time spent in seconds; durations over 30 days are left out.",
    )

    avg_score: float | None = column(
        ratio_of("score_sum", "scored"),
        description="Mean score of the attempts that have one, 0–100.",
    )

    total_score: float = column(
        number_of("score_sum"),
        description="Sum of the scores of attempts.",
    )

    avg_accuracy: float | None = column(
        ratio_of("accuracy_sum", "accuracy_known"),
        description="Mean accuracy of the attempts that report one, 0–1.",
    )

    hints_used: BigInt = column(
        "hints",
        description="Hints used, over the attempts that report them.",
    )

    hints_per_attempt: float | None = column(
        ratio_of("hints", "hints_known"),
        description="Mean number of hints, over the attempts that report them.",
    )

    hint_usage_rate: float | None = column(
        ratio_of("hinted", "hints_known"),
        description="Attempts with at least one hint / attempts that report hints, 0–1.",
    )

    attempts_with_deadline: BigInt = column(
        "deadlines",
        description="Attempts that had a deadline.",
    )

    attempts_on_time: BigInt = column(
        "on_time",
        description="Attempts completed at or before their deadline.",
    )

    on_time_ratio: float | None = column(
        ratio_of("on_time", "deadlines"),
        description="Attempts on time / attempts that had a deadline, 0–1.",
    )

    avg_completion_speed_days: float | None = column(
        ratio_of("early_seconds", "deadlines", DAY),
        description="Mean of (deadline − completion) in days of 24 hours, over attempts with a deadline; positive is early.",
    )

    total_completion_speed_days: float = column(
        lambda early_seconds: float(early_seconds / DAY),
        description="Sum of (deadline − completion) in days of 24 hours, over attempts with a deadline; positive is early.",
    )

    tasks_completed: BigInt = column(
        "tasks",
        description="Tasks completed: distinct (person, lab) pairs with a success, counted at the first one.",
    )
