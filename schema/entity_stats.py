"""Statistics of the topics and levels within a group or organization."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Self

import strawberry

from db.queries.levels import LevelRow
from db.queries.measures import Measures
from db.queries.topics import TopicRow
from resolvers.stats import OrderStatistics
from schema import levels, topics
from schema.stats import AttemptStats

if TYPE_CHECKING:
    from schema.levels import Level
    from schema.topics import Topic


@strawberry.type(
    description="A topic, and statistics of attempts at its labs. A lab with several topics counts in each."
)
class TopicStats:
    topic: Annotated[Topic, strawberry.lazy("schema.topics")] = strawberry.field(description="The topic.")
    stats: AttemptStats = strawberry.field(description="The statistics.")

    @classmethod
    def of(cls, row: TopicRow, sums: Measures, statistics: OrderStatistics) -> Self:
        return cls(topic=topics.Topic.from_row(row), stats=AttemptStats(sums=sums, statistics=statistics))


@strawberry.type(description="A level, and statistics of attempts at its labs.")
class LevelStats:
    level: Annotated[Level, strawberry.lazy("schema.levels")] = strawberry.field(description="The level.")
    stats: AttemptStats = strawberry.field(description="The statistics.")

    @classmethod
    def of(cls, row: LevelRow, sums: Measures, statistics: OrderStatistics) -> Self:
        return cls(level=levels.Level.from_row(row), stats=AttemptStats(sums=sums, statistics=statistics))
