"""Labs."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Self

import strawberry

from db.queries.labs import LabRow, LabSelection
from db.queries.stats import Entity
from resolvers.attempts import AttemptOwner
from resolvers.errors import Invalid
from resolvers.labs import LabOrder as Order
from resolvers.labs import LabOrderField, resolve_lab, resolve_labs
from resolvers.levels import resolve_level
from resolvers.stats import resolve_stats
from resolvers.topics import resolve_lab_topics
from schema import attempts, levels, topics
from schema.costs import assumed
from schema.enums import describe_enum
from schema.relay import (
    LARGEST_PAGE,
    PAGED,
    After,
    Before,
    Connection,
    First,
    Info,
    Last,
    Node,
    OrderDirection,
    connection_of,
    global_id,
    key_of,
    keys_of,
    page_of,
)
from schema.stats import AttemptStats, StatsPeriod
from schema.texts import checked_text

if TYPE_CHECKING:
    from schema.attempts import Attempt, AttemptFilter, AttemptOrder
    from schema.levels import Level
    from schema.topics import Topic

describe_enum(
    LabOrderField,
    "LabOrderField",
    "What labs can be sorted by.",
    {
        "TITLE": "Title, by code point.",
        "DIFFICULTY": "Difficulty; labs without one come last.",
        "LEVEL": "Position of the level; labs without one come last.",
    },
)


@strawberry.type(description="Something to be done, as often as one likes: an exercise, a quiz, an assignment.")
class Lab(Node):
    row: strawberry.Private[LabRow]
    type: str = strawberry.field(description="Id in the source system; unique in the organization.")
    title: str = strawberry.field(description="Title as people read it.")
    difficulty: float | None = strawberry.field(description="From 0 to 10; null where nobody said.")
    required_skills: list[str] = strawberry.field(description="Skills that it takes.")
    archived_at: datetime | None = strawberry.field(description="When it was taken out of use.")

    @classmethod
    def from_row(cls, row: LabRow) -> Self:
        return cls(
            id=global_id("Lab", row.id),
            row=row,
            type=row.type,
            title=row.title,
            difficulty=None if row.difficulty is None else float(row.difficulty),
            required_skills=list(row.required_skills),
            archived_at=row.archived_at,
        )

    @classmethod
    async def from_key(cls, info: Info, key: int) -> Self:
        """The lab of the viewer's organization. Raises NotFound."""
        return cls.from_row(await resolve_lab(info.context, key=key))

    @strawberry.field(description="Its level; null where it has none.")
    async def level(self, info: Info) -> Annotated[Level, strawberry.lazy("schema.levels")] | None:
        if self.row.level_id is None:
            return None
        return levels.Level.from_row(await resolve_level(info.context, self.row.level_id))

    @strawberry.field(description="What it is about, by title.", directives=[assumed(3)])
    async def topics(self, info: Info) -> list[Annotated[Topic, strawberry.lazy("schema.topics")]] | None:
        return [topics.Topic.from_row(row) for row in await resolve_lab_topics(info.context, self.row.id)]

    @strawberry.field(
        description="The attempts at it that the viewer may see; newest first by default.", directives=PAGED
    )
    async def attempts(
        self,
        info: Info,
        filter: Annotated[
            Annotated[AttemptFilter, strawberry.lazy("schema.attempts")] | None,
            strawberry.argument(description="Which attempts; all by default."),
        ] = None,
        order_by: Annotated[
            Annotated[AttemptOrder, strawberry.lazy("schema.attempts")] | None,
            strawberry.argument(description="Newest completion first by default."),
        ] = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Annotated[Attempt, strawberry.lazy("schema.attempts")]] | None:
        return await attempts.attempt_connection_of(
            info, AttemptOwner.LAB, self.row.id, filter, order_by, first, after, last, before
        )

    @strawberry.field(description="Statistics of the attempts at it, of those that the viewer may see.")
    async def stats(self, info: Info, period: StatsPeriod = None) -> AttemptStats | None:
        spec = period.to_spec() if period else None
        sums, statistics = await resolve_stats(info.context, Entity.LAB, self.row.id, spec)
        return AttemptStats(sums=sums, statistics=statistics)


@strawberry.input(one_of=True, description="Names one lab.")
class LabRef:
    id: strawberry.Maybe[strawberry.ID] = strawberry.field(description="The id in this graph.")
    type: strawberry.Maybe[str] = strawberry.field(description="The id in the source system.")


@strawberry.input(description="How to sort labs; the title and then the id break ties.")
class LabOrder:
    field: LabOrderField = strawberry.field(description="What to sort by.")
    direction: OrderDirection = strawberry.field(default=OrderDirection.ASC, description="Ascending by default.")

    def to_order(self) -> Order:
        return Order(self.field, self.direction is OrderDirection.DESC)


@strawberry.input(description="Which labs; conditions are combined with AND.")
class LabFilter:
    topic_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description=f"About any of these topics; at most {LARGEST_PAGE}."
    )
    level_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description=f"Of any of these levels; at most {LARGEST_PAGE}."
    )
    title_contains: str | None = strawberry.field(
        default=None, description="Titles that contain this; case does not matter."
    )
    include_archived: bool = strawberry.field(default=False, description="Also labs that were archived.")

    def to_selection(self) -> LabSelection:
        return LabSelection(
            topic_ids=keys_of("Topic", self.topic_ids, "filter.topicIds"),
            level_ids=keys_of("Level", self.level_ids, "filter.levelIds"),
            title_contains=checked_text(self.title_contains, "filter.titleContains"),
            include_archived=self.include_archived,
        )


@strawberry.type
class LabQuery:
    @strawberry.field(description="One lab.")
    async def lab(self, info: Info, by: Annotated[LabRef, strawberry.argument(description="Which one.")]) -> Lab | None:
        if by.id:
            return await Lab.from_key(info, key_of("Lab", by.id.value, "by.id"))
        if by.type:
            return Lab.from_row(await resolve_lab(info.context, type=checked_text(by.type.value, "by.type")))
        raise Invalid("Name the lab by id or type.", "by")

    @strawberry.field(description="The labs of the organization.", directives=PAGED)
    async def labs(
        self,
        info: Info,
        filter: Annotated[
            LabFilter | None, strawberry.argument(description="Which labs; all in use by default.")
        ] = None,
        order_by: Annotated[LabOrder | None, strawberry.argument(description="By title by default.")] = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Lab] | None:
        selection = filter.to_selection() if filter else LabSelection()
        order = order_by.to_order() if order_by else Order()
        page = page_of(first, after, last, before, order=order.name, types=order.types)
        return connection_of(page, await resolve_labs(info.context, selection, order, page), order.name, Lab.from_row)
