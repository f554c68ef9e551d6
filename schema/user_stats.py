"""What a person did at each lab and in each topic."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Self

import strawberry

from db.parts import Table
from db.queries.measures import ratio
from db.queries.user_stats import StatsSelection
from execution.columns import Columns, by_key, column, needs, row_reference, same_row, wanted
from resolvers.loaders.topics import load_topic_by_id
from resolvers.loaders.user_stats import load_topics_by_user
from resolvers.user_stats import (
    UserLab,
    resolve_mastery,
    resolve_selection,
    resolve_user_lab_extremes,
    resolve_user_labs,
)
from schema import labs, topics
from schema.measures import AttemptMeasures
from schema.periods import PeriodInput
from schema.relay import LARGEST_PAGE, Info, keys_of

if TYPE_CHECKING:
    from schema.labs import Lab
    from schema.topics import Topic

LabIds = Annotated[
    list[strawberry.ID] | None,
    strawberry.argument(
        description=f"One row for each of these labs, at most {LARGEST_PAGE}; those that the person has tried by default."
    ),
]
TopicIds = Annotated[
    list[strawberry.ID] | None,
    strawberry.argument(
        description=f"One row for each of these topics, at most {LARGEST_PAGE}; those that the person has tried by default."
    ),
]


@strawberry.type(description="What a person did at a lab. Exact at the instant of the answer.")
class UserLabStats:
    user_lab: strawberry.Private[UserLab]
    attempts: int = strawberry.field(description="Finished attempts: succeeded, failed or abandoned.")
    completed: bool = strawberry.field(
        description="Whether the person has completed it: succeeded; in a period, for the first time."
    )

    @classmethod
    def from_user_lab(cls, user_lab: UserLab) -> Self:
        return cls(
            user_lab=user_lab,
            attempts=user_lab.measures.attempts,
            completed=user_lab.measures.tasks > 0,
        )

    @strawberry.field(description="The lab.")
    def lab(self) -> Annotated[Lab, strawberry.lazy("schema.labs")]:
        return labs.Lab.from_row(self.user_lab.lab)

    @strawberry.field(description="Successes / finished attempts, 0–1. Abandoned attempts count as finished.")
    def success_rate(self) -> float | None:
        return ratio(self.user_lab.measures.successes, self.user_lab.measures.attempts)

    @strawberry.field(description="Mean time of an attempt in seconds; durations over 30 days are left out.")
    def avg_completion_time_seconds(self) -> float | None:
        return ratio(self.user_lab.measures.seconds, self.user_lab.measures.timed)

    @strawberry.field(description="Time spent in seconds; durations over 30 days are left out.")
    def total_time_spent_seconds(self) -> float:
        return float(self.user_lab.measures.seconds)

    @strawberry.field(description="When the last finished attempt was completed.")
    async def last_attempt_at(self, info: Info) -> datetime | None:
        return (await resolve_user_lab_extremes(info.context, self.user_lab)).last_attempt_at

    @strawberry.field(description="The best score of an attempt, 0–100; null without any.")
    async def best_score(self, info: Info) -> float | None:
        best = (await resolve_user_lab_extremes(info.context, self.user_lab)).best_score
        return None if best is None else float(best)


@strawberry.type(description="What a person did in a topic. Exact at the instant of the answer.")
class UserTopicStats:
    row: strawberry.Private[Any]
    user_id: strawberry.Private[int]
    selection: strawberry.Private[StatsSelection]
    topic: Annotated[Topic, strawberry.lazy("schema.topics")] = row_reference(
        load_topic_by_id, "topic_id", lambda: topics.Topic, description="The topic."
    )
    measures: AttemptMeasures = same_row(
        lambda: AttemptMeasures, description="Measures of the person's attempts at the labs of the topic."
    )
    score: float | None = column(
        "ranking_score",
        description="Score 0–100 over the topic's tasks, by the formula of `UserPerformance`, rounded half-even to one decimal.",
    )

    @strawberry.field(
        description="Tasks completed / labs of the topic, 0–1; archived labs count in neither. In a period, the tasks completed "
        "in it. Null where the topic has no labs.",
        metadata=needs("topic_id", "tasks"),
    )
    async def mastery(self, info: Info) -> float | None:
        return await resolve_mastery(info.context, self.user_id, self.row.topic_id, self.row.tasks, self.selection)


async def user_lab_stats(
    info: Info, user_id: int, lab_ids: list[strawberry.ID] | None, period: PeriodInput | None
) -> list[UserLabStats]:
    """Of one person, by the lab's title."""
    keys = keys_of("Lab", lab_ids, "labIds")
    found = await resolve_user_labs(info.context, user_id, keys, period.to_spec() if period else None)
    return [UserLabStats.from_user_lab(user_lab) for user_lab in found]


async def user_topic_stats(
    info: Info, topic_ids: list[strawberry.ID] | None, period: PeriodInput | None
) -> list[UserTopicStats]:
    """Of each person, by the topic's title: for a ``related`` field."""
    keys = keys_of("Topic", topic_ids, "topicIds")
    selection = await resolve_selection(info.context, keys, period.to_spec() if period else None)

    def stats(row: Any) -> UserTopicStats:
        return UserTopicStats(row=row, user_id=row.user_id, selection=selection)

    def make(found: Table, user_id: int) -> Any:
        return Columns(stats, found.columns, found.values)

    return by_key(load_topics_by_user, selection, wanted(info), make=make, each=stats)
