"""Levels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Self

import strawberry

from db.queries.labs import LabSelection
from db.queries.levels import LevelRow
from db.queries.stats import Entity
from resolvers.labs import BY_TITLE, resolve_labs_of
from resolvers.levels import resolve_level, resolve_levels
from resolvers.stats import resolve_stats
from schema import labs
from schema.costs import assumed
from schema.relay import PAGED, After, Before, Connection, First, Info, Last, Node, connection_of, global_id, page_of
from schema.stats import AttemptStats, StatsPeriod

if TYPE_CHECKING:
    from schema.labs import Lab


@strawberry.type(description="Where a lab stands on the way from the basics up. A lab has at most one level.")
class Level(Node):
    row: strawberry.Private[LevelRow]
    title: str = strawberry.field(description="Title as people read it.")
    position: int = strawberry.field(description="Its place in the order of levels; unique in the organization.")

    @classmethod
    def from_row(cls, row: LevelRow) -> Self:
        return cls(id=global_id("Level", row.id), row=row, title=row.title, position=row.position)

    @classmethod
    async def from_key(cls, info: Info, key: int) -> Self:
        """The level of the viewer's organization. Raises NotFound."""
        return cls.from_row(await resolve_level(info.context, key))

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
        listing = await resolve_labs_of(info.context, Entity.LEVEL, self.row.id, selection, page)
        return connection_of(page, listing, BY_TITLE.name, labs.Lab.from_row)

    @strawberry.field(description="Statistics of the attempts at its labs, of those that the viewer may see.")
    async def stats(self, info: Info, period: StatsPeriod = None) -> AttemptStats | None:
        spec = period.to_spec() if period else None
        sums, statistics = await resolve_stats(info.context, Entity.LEVEL, self.row.id, spec)
        return AttemptStats(sums=sums, statistics=statistics)


@strawberry.type
class LevelQuery:
    @strawberry.field(description="The levels of the organization, by position.", directives=[assumed(20)])
    async def levels(self, info: Info) -> list[Level] | None:
        return [Level.from_row(row) for row in await resolve_levels(info.context)]
