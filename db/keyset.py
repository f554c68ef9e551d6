"""Keyset paging: a page begins after the sort values and id of a row, whether or not that row still exists."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Select,
    and_,
    asc,
    bindparam,
    desc,
    false,
    func,
    or_,
    text,
    true,
    tuple_,
)
from sqlalchemy import select as select_of

from db.rows import chosen

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class SortKey:
    """A column to sort by. Where it may be null, nulls come last in either direction."""

    column: ColumnElement[Any]
    descending: bool = False
    nullable: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """Which rows of a sorted list: ``size`` of them after (or, backward, before) the given sort values."""

    size: int
    backward: bool = False
    after: tuple[Any, ...] | None = None
    before: tuple[Any, ...] | None = None

    @property
    def shape(self) -> Page:
        """A page that gives the same statement, whatever the values: by it statements are kept."""
        return Page(0, self.backward, _shape_of(self.after), _shape_of(self.before))

    def values(self, wanted: frozenset[str] | None) -> dict[str, Any]:
        """What a statement that was made for the shape of this page is to be run with. Who does not want the sort values (see
        ``page_columns``) does not ask whether there are other rows.
        """
        found: dict[str, Any] = {"page_size": self.size + 1 if _wants_values(wanted) else self.size}
        for name, bound in (("after", self.after), ("before", self.before)):
            found.update((f"{name}_{place}", value) for place, value in enumerate(bound or ()))
        return found


Rows = list[tuple[R, tuple[Any, ...]]]
"""Rows with their sort values, as ``paged`` gives them."""


@dataclass(frozen=True, slots=True)
class Listing(Generic[R]):
    """A page: rows in the order of the list, each with its sort values; whether more come in the direction of paging; and
    how to count the whole list, no further than a bound (None: to the end).
    """

    rows: list[tuple[R, tuple[Any, ...]]]
    more: bool
    count: Callable[[int | None], Awaitable[int]]

    @classmethod
    def of(
        cls, page: Page, rows: list[tuple[R, tuple[Any, ...]]], count: Callable[[int | None], Awaitable[int]]
    ) -> Listing[R]:
        """From what a ``paged`` select gave."""
        found = rows[: page.size]
        return cls(found[::-1] if page.backward else found, len(rows) > page.size, count)


def paged(select: Select[Any], keys: Sequence[SortKey], page: Page) -> Select[Any]:
    """The select of a page, sorted by ``keys`` (the last of which is unique), as a rule with one row more than asked to see
    whether there are others (see ``Page.values``). A backward page comes in reverse order.
    """
    return _within(select, keys, page).order_by(*order_of(keys, page)).limit(_size(page))


def paged_by(
    select: Select[Any], parent: ColumnElement[Any], keys: Sequence[SortKey], page: Page, *, is_one: bool = False
) -> Select[Any]:
    """The same page of many lists in one statement: ``parent`` says to which list a row belongs. Columns are those of
    ``select`` in their order, which need names of their own; each list comes in the order of ``paged``. ``is_one``: there is
    but one list, so that nothing has to be numbered.
    """
    if is_one:
        return paged(select, keys, page)
    position = func.row_number().over(partition_by=parent, order_by=order_of(keys, page)).label("position_in_list")
    numbered = _within(select, keys, page).add_columns(position).subquery("numbered")
    *columns, found = numbered.c
    return select_of(*columns).where(found <= _size(page)).order_by(found)


def paged_each(
    select: Select[Any], parent: ColumnElement[Any], name: str, keys: Sequence[SortKey], page: Page
) -> Select[Any]:
    """As ``paged_by``, but list by list, for lists that an index has in their order: those of the ids in the array parameter
    ``name``, of which each comes first in its rows.
    """
    each = func.unnest(bindparam(name, type_=ARRAY(BigInteger))).column_valued("key")
    listed = paged(select.where(parent == each), keys, page).lateral("listed")
    return select_of(each, *listed.c).join(listed, true())


def among(column: ColumnElement[Any], name: str, *, is_one: bool = False) -> ColumnElement[bool]:
    """Whether a column is among the ids of an array parameter. ``is_one``: the array has one element, and the planner is to
    know it: it takes an array for ten.
    """
    if is_one:
        return column == text(f"(CAST(:{name} AS bigint[]))[1]")
    return column == func.any(bindparam(name, type_=ARRAY(BigInteger)))


def sort_values(keys: Sequence[SortKey]) -> list[ColumnElement[Any]]:
    """The columns of ``keys`` as ``sort_0``, ``sort_1``, …, names of their own for ``paged_by``."""
    return [key.column.label(f"sort_{position}") for position, key in enumerate(keys)]


def page_columns(columns: tuple[str, ...], keys: Sequence[SortKey], wanted: frozenset[str] | None) -> tuple[str, ...]:
    """The wanted ones of ``columns`` (None: all; the id if none of them), then the sort values of ``keys`` if ``values`` are
    wanted.
    """
    ends = [column.name for column in sort_values(keys)] if _wants_values(wanted) else []
    return *(chosen(columns, wanted) or ("id",)), *ends


def order_of(keys: Sequence[SortKey], page: Page) -> list[ColumnElement[Any]]:
    """The order that a page comes in."""
    orders = []
    for key in keys:
        order = desc(key.column) if key.descending != page.backward else asc(key.column)
        if key.nullable:
            order = order.nulls_first() if page.backward else order.nulls_last()
        orders.append(order)
    return orders


def bounded_count(select: Select[Any], bound: int | None) -> Select[Any]:
    """The select of how many rows there are; no further than ``bound``."""
    return select_of(func.count()).select_from(select.limit(bound).subquery())


def _wants_values(wanted: frozenset[str] | None) -> bool:
    return wanted is None or "values" in wanted


def _shape_of(bound: tuple[Any, ...] | None) -> tuple[Any, ...] | None:
    return None if bound is None else tuple(None if value is None else ... for value in bound)


def _size(page: Page) -> ColumnElement[Any]:
    return bindparam("page_size", page.size + 1, BigInteger())


def _within(select: Select[Any], keys: Sequence[SortKey], page: Page) -> Select[Any]:
    if page.after is not None:
        select = select.where(_beyond(keys, _bounds("after", keys, page.after), backward=False))
    if page.before is not None:
        select = select.where(_beyond(keys, _bounds("before", keys, page.before), backward=True))
    return select


def _bounds(name: str, keys: Sequence[SortKey], values: tuple[Any, ...]) -> list[ColumnElement[Any] | None]:
    """The sort values as parameters; None for a null, which is compared in another way."""
    return [
        None if value is None else bindparam(f"{name}_{place}", value, key.column.type)
        for place, (key, value) in enumerate(zip(keys, values, strict=True))
    ]


def _beyond(
    keys: Sequence[SortKey], bounds: Sequence[ColumnElement[Any] | None], *, backward: bool
) -> ColumnElement[bool]:
    """The rows after the given sort values; backward, those before."""
    if not any(key.nullable for key in keys) and len({key.descending for key in keys}) == 1:
        # One row comparison, which an index answers directly.
        columns, bound = tuple_(*(key.column for key in keys)), tuple_(*bounds)
        return columns < bound if keys[0].descending != backward else columns > bound
    condition: ColumnElement[bool] = false()
    for key, bound in reversed(list(zip(keys, bounds, strict=True))):
        condition = or_(_strictly_beyond(key, bound, backward=backward), and_(_same(key, bound), condition))
    return condition


def _same(key: SortKey, bound: ColumnElement[Any] | None) -> ColumnElement[bool]:
    return key.column.is_(None) if bound is None else key.column == bound


def _strictly_beyond(key: SortKey, bound: ColumnElement[Any] | None, *, backward: bool) -> ColumnElement[bool]:
    if bound is None:
        return key.column.is_not(None) if backward else false()
    condition = key.column < bound if key.descending != backward else key.column > bound
    return or_(condition, key.column.is_(None)) if key.nullable and not backward else and_(condition, true())
