"""Which labs there are, and in which order. Everybody sees all labs of their organization."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from db.keyset import Listing, Page, SortKey
from db.models.labs import labs
from db.models.levels import levels
from db.queries.labs import LabRow, LabSelection, count_labs, list_labs
from db.queries.stats import Entity
from resolvers.context import Context
from resolvers.errors import NotFound
from resolvers.loaders.labs import load_lab_by_id, load_lab_by_type, load_lab_count_by_entity, load_lab_page_by_entity


class LabOrderField(StrEnum):
    """What labs can be sorted by."""

    TITLE = "TITLE"
    DIFFICULTY = "DIFFICULTY"
    LEVEL = "LEVEL"


@dataclass(frozen=True, slots=True)
class LabOrder:
    """A sort order; the title and then the id break ties."""

    field: LabOrderField = LabOrderField.TITLE
    descending: bool = False

    @property
    def name(self) -> str:
        """Names the order in cursors."""
        return f"labs:{self.field}:{'DESC' if self.descending else 'ASC'}"

    @property
    def types(self) -> tuple[type, ...]:
        return {
            LabOrderField.TITLE: (str, int),
            LabOrderField.DIFFICULTY: (Decimal, str, int),
            LabOrderField.LEVEL: (int, str, int),
        }[self.field]

    @property
    def keys(self) -> tuple[SortKey, ...]:
        by_title = SortKey(labs.c.title, self.descending), SortKey(labs.c.id, self.descending)
        return {
            LabOrderField.TITLE: by_title,
            LabOrderField.DIFFICULTY: (SortKey(labs.c.difficulty, self.descending, nullable=True), *by_title),
            LabOrderField.LEVEL: (SortKey(levels.c.position, self.descending, nullable=True), *by_title),
        }[self.field]


# The order of the labs of a topic or level.
BY_TITLE = LabOrder()
_TITLE_KEYS = BY_TITLE.keys


async def resolve_lab(context: Context, *, key: int | None = None, type: str | None = None) -> LabRow:
    """One lab by id or type. Raises NotFound."""
    row: LabRow | None = None
    if key is not None:
        row = await context.load(load_lab_by_id, key)
    elif type is not None:
        row = await context.load(load_lab_by_type, type)
    if row is None:
        raise NotFound("lab")
    return row


async def resolve_labs(context: Context, selection: LabSelection, order: LabOrder, page: Page) -> Listing[LabRow]:
    """A page of the labs of the viewer's organization."""
    snapshot = context.snapshot

    async def count(bound: int | None) -> int:
        return await count_labs(snapshot, selection, bound)

    return Listing.of(page, await list_labs(snapshot, selection, order.keys, page), count)


async def resolve_labs_of(
    context: Context, entity: Entity, key: int, selection: LabSelection, page: Page
) -> Listing[LabRow]:
    """A page of the labs of a topic or level, by title."""

    async def count(bound: int | None) -> int:
        return await context.load(load_lab_count_by_entity, key, entity, selection)

    rows = await context.load(load_lab_page_by_entity, key, entity, selection, _TITLE_KEYS, page)
    return Listing.of(page, rows, count)
