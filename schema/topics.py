"""Topics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Self

import strawberry

from db.queries.labs import LabSelection
from db.queries.stats import Entity
from db.queries.topics import TopicRow
from execution.columns import column
from resolvers.errors import NotFound
from resolvers.labs import BY_TITLE, resolve_labs_of
from resolvers.stats import resolve_stats
from resolvers.topics import ORDER, ORDER_TYPES, resolve_topic, resolve_topics
from schema import labs
from schema.relay import (
    PAGED,
    After,
    Before,
    Connection,
    First,
    Info,
    Last,
    Node,
    connection_of,
    key_of,
    node_id,
    page_of,
)
from schema.stats import AttemptStats, StatsPeriod

if TYPE_CHECKING:
    from schema.labs import Lab


@strawberry.type(description="What labs are about. A lab can have several topics, and counts in each.")
class Topic(Node):
    row: strawberry.Private[TopicRow]
    id: strawberry.ID = node_id("Topic")
    external_id: str = column("external_id", description="Id in the source system; unique in the organization.")
    title: str = column("title", description="Title as people read it.")

    @classmethod
    def from_row(cls, row: TopicRow) -> Self:
        return cls(row=row)

    @classmethod
    def of_found(cls, row: TopicRow | None) -> Self:
        """Raises NotFound where there is none."""
        if row is None:
            raise NotFound("topic")
        return cls.from_row(row)

    @classmethod
    async def from_key(cls, info: Info, key: int) -> Self:
        """The topic of the viewer's organization. Raises NotFound."""
        return cls.from_row(await resolve_topic(info.context, key))

    @strawberry.field(description="Its labs, by title.", directives=PAGED)
    async def labs(
        self,
        info: Info,
        include_archived: Annotated[bool, strawberry.argument(description="Also labs that were archived.")] = False,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Annotated[Lab, strawberry.lazy("schema.labs")]] | None:
        page = page_of(first, after, last, before, order=BY_TITLE.name, types=BY_TITLE.types)
        selection = LabSelection(include_archived=include_archived)
        listing = await resolve_labs_of(info.context, Entity.TOPIC, self.row.id, selection, page)
        return connection_of(page, listing, BY_TITLE.name, labs.Lab.from_row)

    @strawberry.field(description="Statistics of the attempts at its labs, of those that the viewer may see.")
    async def stats(self, info: Info, period: StatsPeriod = None) -> AttemptStats | None:
        spec = period.to_spec() if period else None
        sums, statistics = await resolve_stats(info.context, Entity.TOPIC, self.row.id, spec)
        return AttemptStats(sums=sums, statistics=statistics)


@strawberry.type
class TopicQuery:
    @strawberry.field(description="One topic.")
    async def topic(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="Its id.")]
    ) -> Topic | None:
        return await Topic.from_key(info, key_of("Topic", id, "id"))

    @strawberry.field(description="The topics of the organization, by title.", directives=PAGED)
    async def topics(
        self, info: Info, first: First = None, after: After = None, last: Last = None, before: Before = None
    ) -> Connection[Topic] | None:
        page = page_of(first, after, last, before, order=ORDER, types=ORDER_TYPES)
        return connection_of(page, await resolve_topics(info.context, page), ORDER, Topic.from_row)
