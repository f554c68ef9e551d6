"""The measures of a set of attempts, as the graph shows them."""

from __future__ import annotations

import strawberry

from db.queries.measures import Measures, ratio
from schema.scalars import BigInt

DAY = 86_400


@strawberry.type(
    description="Measures over finished attempts that are not deleted. A ratio or mean over nothing is null, never 0. "
    "Only attempts that the viewer may see are in them."
)
class AttemptMeasures:
    measures: strawberry.Private[Measures]
    people: strawberry.Private[int | None] = None

    @strawberry.field(description="Finished attempts: succeeded, failed or abandoned.")
    def attempts(self) -> BigInt:
        return BigInt(self.measures.attempts)

    @strawberry.field(description="Distinct people with at least one finished attempt; null where it was not counted.")
    def users(self) -> BigInt | None:
        return None if self.people is None else BigInt(self.people)

    @strawberry.field(description="Attempts that succeeded.")
    def successes(self) -> BigInt:
        return BigInt(self.measures.successes)

    @strawberry.field(description="Successes / finished attempts, 0–1. Abandoned attempts count as finished.")
    def success_rate(self) -> float | None:
        return ratio(self.measures.successes, self.measures.attempts)

    @strawberry.field(description="Mean time of an attempt in seconds; durations over 30 days are left out.")
    def avg_completion_time_seconds(self) -> float | None:
        return ratio(self.measures.seconds, self.measures.timed)

    @strawberry.field(description="Time spent in seconds; durations over 30 days are left out.")
    def total_time_spent_seconds(self) -> float:
        return float(self.measures.seconds)

    @strawberry.field(description="Mean score of the attempts that have one, 0–100.")
    def avg_score(self) -> float | None:
        return ratio(self.measures.score_sum, self.measures.scored)

    @strawberry.field(description="Sum of the scores of attempts.")
    def total_score(self) -> float:
        return float(self.measures.score_sum)

    @strawberry.field(description="Mean accuracy of the attempts that report one, 0–1.")
    def avg_accuracy(self) -> float | None:
        return ratio(self.measures.accuracy_sum, self.measures.accuracy_known)

    @strawberry.field(description="Hints used, over the attempts that report them.")
    def hints_used(self) -> BigInt:
        return BigInt(self.measures.hints)

    @strawberry.field(description="Mean number of hints, over the attempts that report them.")
    def hints_per_attempt(self) -> float | None:
        return ratio(self.measures.hints, self.measures.hints_known)

    @strawberry.field(description="Attempts with at least one hint / attempts that report hints, 0–1.")
    def hint_usage_rate(self) -> float | None:
        return ratio(self.measures.hinted, self.measures.hints_known)

    @strawberry.field(description="Attempts that had a deadline.")
    def attempts_with_deadline(self) -> BigInt:
        return BigInt(self.measures.deadlines)

    @strawberry.field(description="Attempts completed at or before their deadline.")
    def attempts_on_time(self) -> BigInt:
        return BigInt(self.measures.on_time)

    @strawberry.field(description="Attempts on time / attempts that had a deadline, 0–1.")
    def on_time_ratio(self) -> float | None:
        return ratio(self.measures.on_time, self.measures.deadlines)

    @strawberry.field(
        description="Mean of (deadline − completion) in days of 24 hours, over attempts with a deadline; positive is early."
    )
    def avg_completion_speed_days(self) -> float | None:
        return ratio(self.measures.early_seconds, self.measures.deadlines * DAY)

    @strawberry.field(
        description="Sum of (deadline − completion) in days of 24 hours, over attempts with a deadline; positive is early."
    )
    def total_completion_speed_days(self) -> float:
        return float(self.measures.early_seconds / DAY)

    @strawberry.field(
        description="Tasks completed: distinct (person, lab) pairs with a success, counted at the first one."
    )
    def tasks_completed(self) -> BigInt:
        return BigInt(self.measures.tasks)
