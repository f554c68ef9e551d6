"""Relay: opaque global ids, the Node interface, connections with keyset cursors, and the arguments of a page."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable, Hashable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Generic, NamedTuple, TypeVar, overload

import orjson
import strawberry
from strawberry.types.info import Info as StrawberryInfo

from db import global_ids
from db.keyset import Listing, Page
from execution.columns import by_key, column, items, needs
from execution.cost_directives import ListSize
from resolvers.context import Context
from resolvers.errors import Invalid, NotFound
from schema.costs import cost
from schema.scalars import BigInt

Info = StrawberryInfo[Context, None]
N = TypeVar("N")
R = TypeVar("R")

DEFAULT_PAGE = 50
LARGEST_PAGE = 200
COUNTED_EXACTLY = 10_000
LARGEST_ID = 2**63 - 1
MOST_DIGITS = 100


ID_DESCRIPTION = "Opaque and stable. Ids of the source system are in `externalId`, `type` or `sourceId`."


@strawberry.interface(description="An object with an id that `node` finds again.")
class Node:
    id: strawberry.ID = strawberry.field(description=ID_DESCRIPTION)


def global_id(kind: str, key: int) -> strawberry.ID:
    """The opaque id of row ``key`` of a type."""
    return strawberry.ID(global_ids.global_id(kind, key))


def node_id(kind: str) -> Any:
    """The field ``id`` of a type whose row has its key in a column of that name."""
    return column(lambda id: global_id(kind, id), description=ID_DESCRIPTION)


def parse_global_id(value: str, argument: str) -> tuple[str, int]:
    """The type and key of an id. Raises Invalid where it is not one of ours."""
    try:
        kind, _, key = (
            base64.b64decode(value + "=" * (-len(value) % 4), altchars=b"-_", validate=True).decode().partition(":")
        )
        if kind.isalpha() and key.isascii() and key.isdigit() and len(key) <= 19 and int(key) <= LARGEST_ID:
            return kind, int(key)
    except (binascii.Error, UnicodeDecodeError, UnicodeEncodeError, ValueError):
        pass
    raise Invalid("This is not an id of this graph.", argument)


def checked_first(first: int) -> int:
    """How many of a list that has no pages. Raises Invalid."""
    if not 1 <= first <= LARGEST_PAGE:
        raise Invalid(f"1 to {LARGEST_PAGE}.", "first")
    return first


def key_of(kind: str, value: str, argument: str) -> int:
    """The key in an id of type ``kind``. An id of another type finds nothing, as an unknown one. Raises Invalid, NotFound."""
    found, key = parse_global_id(value, argument)
    if found != kind:
        raise NotFound(kind.lower())
    return key


@overload
def keys_of(kind: str, values: Sequence[str], argument: str) -> tuple[int, ...]: ...
@overload
def keys_of(kind: str, values: Sequence[str] | None, argument: str) -> tuple[int, ...] | None: ...
def keys_of(kind: str, values: Sequence[str] | None, argument: str) -> tuple[int, ...] | None:
    """The keys in a list of ids of type ``kind``, at most LARGEST_PAGE; None for no list. Raises Invalid, NotFound."""
    if values is None:
        return None
    if len(values) > LARGEST_PAGE:
        raise Invalid(f"At most {LARGEST_PAGE} ids.", argument)
    return tuple(key_of(kind, value, f"{argument}.{position}") for position, value in enumerate(values))


@strawberry.enum(description="Which way to sort.")
class OrderDirection(Enum):
    ASC = strawberry.enum_value("ASC", description="Smallest first.")
    DESC = strawberry.enum_value("DESC", description="Largest first.")


class Place(NamedTuple):
    """Where a row stands in a list: its sort values in an order."""

    order: str
    values: Sequence[Any]


@strawberry.type(description="Where a page stands in its list.")
class PageInfo:
    first: strawberry.Private[Place | None]
    last: strawberry.Private[Place | None]
    has_next_page: bool = strawberry.field(description="Whether rows follow.")
    has_previous_page: bool = strawberry.field(description="Whether rows come before.")

    @strawberry.field(description="Cursor of the first row; null on an empty page.")
    def start_cursor(self) -> str | None:
        return _write_cursor(*self.first) if self.first else None

    @strawberry.field(description="Cursor of the last row; null on an empty page.")
    def end_cursor(self) -> str | None:
        return _write_cursor(*self.last) if self.last else None


@strawberry.enum(description="What a count says.")
class CountRelation(Enum):
    EXACT = strawberry.enum_value("EXACT", description="The number is exact.")
    AT_LEAST = strawberry.enum_value("AT_LEAST", description="There are at least this many.")


@strawberry.type(description="How many rows a list has.")
class Count:
    value: BigInt = strawberry.field(description="The number, as a string.")
    relation: CountRelation = strawberry.field(description="Whether it is exact or a lower bound.")


@strawberry.type(description="A row and its cursor.")
class Edge(Generic[N]):
    row: strawberry.Private[Place]
    node: N = strawberry.field(description="The row.", metadata=items())
    cursor: str = column(
        lambda order, values: _write_cursor(order, values),
        description="For `after` and `before`; valid even when the row is gone.",
    )


@strawberry.type(description="A page of a list.")
class Connection(Generic[N]):
    page: strawberry.Private[Page]
    listing: strawberry.Private[Listing[Any]]
    order: strawberry.Private[str]
    node: strawberry.Private[Callable[[Any], Any]]

    @strawberry.field(description="The rows with their cursors.", metadata=items(are_rows=False))
    def edges(self) -> list[Edge[N]]:
        return [Edge(row=Place(self.order, values), node=self.node(row)) for row, values in self.listing.rows]

    @strawberry.field(description="Where this page stands.", metadata=needs("values"))
    def page_info(self) -> PageInfo:
        page, rows, more = self.page, self.listing.rows, self.listing.more
        return PageInfo(
            has_next_page=page.before is not None if page.backward else more,
            has_previous_page=more if page.backward else page.after is not None,
            first=Place(self.order, rows[0][1]) if rows else None,
            last=Place(self.order, rows[-1][1]) if rows else None,
        )

    @strawberry.field(description="The rows.", metadata=items())
    def nodes(self) -> list[N]:
        node = self.node
        return [node(row) for row, _ in self.listing.rows]

    @strawberry.field(
        description=f"How many rows the whole list has: exact up to {COUNTED_EXACTLY:,}, beyond that only if asked for.",
        directives=[cost(50)],
        metadata=needs(),
    )
    async def total_count(
        self,
        exact: Annotated[
            bool, strawberry.argument(description="Count every row, however many; slower.", directives=[cost(1_000)])
        ] = False,
    ) -> Count:
        value = await self.listing.count(None if exact else COUNTED_EXACTLY + 1)
        if exact or value <= COUNTED_EXACTLY:
            return Count(value=BigInt(value), relation=CountRelation.EXACT)
        return Count(value=BigInt(COUNTED_EXACTLY), relation=CountRelation.AT_LEAST)


First = Annotated[
    int | None,
    strawberry.argument(
        description=f"How many rows from the start ({DEFAULT_PAGE} by default, at most {LARGEST_PAGE})."
    ),
]
After = Annotated[str | None, strawberry.argument(description="Only rows after this cursor.")]
Last = Annotated[int | None, strawberry.argument(description="How many rows from the end, instead of `first`.")]
Before = Annotated[str | None, strawberry.argument(description="Only rows before this cursor.")]

PAGED = [
    ListSize(
        assumed_size=DEFAULT_PAGE,
        slicing_arguments=["first", "last"],
        sized_fields=["edges", "nodes"],
        require_one_slicing_argument=False,
    )
]
"""The directives of a field that takes these arguments."""


def page_of(
    first: int | None, after: str | None, last: int | None, before: str | None, *, order: str, types: Sequence[type]
) -> Page:
    """The page that the arguments ask for. ``order`` names the order that cursors belong to; ``types`` are those of its sort
    values. Raises Invalid.
    """
    if first is not None and last is not None:
        raise Invalid("Give either first or last, not both.", "last")
    size, argument = (last, "last") if last is not None else (DEFAULT_PAGE if first is None else first, "first")
    if not 0 <= size <= LARGEST_PAGE:
        raise Invalid(f"A page has 0 to {LARGEST_PAGE} rows.", argument)
    return Page(
        size,
        last is not None,
        None if after is None else _read_cursor(after, order, types, "after"),
        None if before is None else _read_cursor(before, order, types, "before"),
    )


def connection_of(page: Page, listing: Listing[R], order: str, node: Callable[[R], N]) -> Connection[N]:
    """The connection for a page."""
    return Connection(page=page, listing=listing, order=order, node=node)


def connection_by_key(
    load: Callable[..., Awaitable[list[Any]]],
    *arguments: Hashable,
    page: Page,
    listing: Callable[[Any, Any], Listing[R]],
    order: str,
    node: Callable[[R], N],
) -> Connection[N]:
    """The connection for a page of what is loaded by key: for a ``related`` field. ``listing(rows, key)`` is the page."""
    return by_key(
        load,
        *arguments,
        make=lambda rows, key: connection_of(page, listing(rows, key), order, node),
        # A backward page is loaded in reverse.
        each=None if page.backward else node,
        most=page.size,
    )


def _write_cursor(order: str, values: Sequence[Any]) -> str:
    plain = [str(value) if isinstance(value, Decimal) else value for value in values]
    return base64.urlsafe_b64encode(orjson.dumps([order, *plain])).decode().rstrip("=")


def _read_cursor(cursor: str, order: str, types: Sequence[type], argument: str) -> tuple[Any, ...]:
    try:
        found, *values = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if found == order and len(values) == len(types):
            return tuple(_typed(value, kind) for value, kind in zip(values, types, strict=True))
    except (ValueError, TypeError, ArithmeticError):
        pass
    raise Invalid("This cursor does not belong to this list in this order.", argument)


def _typed(value: Any, kind: type) -> Any:
    if value is None:
        return None
    if kind is datetime:
        instant = datetime.fromisoformat(value)
        if instant.tzinfo is None:
            raise ValueError
        # The first and last of them are no instants in UTC.
        return instant.astimezone(UTC)
    if kind is date:
        return date.fromisoformat(value)
    if kind is Decimal:
        number = Decimal(value)
        # No sort value has nearly as many; an exponent that PostgreSQL cannot write out must not reach it.
        if not number.is_finite() or max(abs(number.adjusted()), len(number.as_tuple().digits)) > MOST_DIGITS:
            raise ValueError
        return number
    if kind is int and (isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= LARGEST_ID):
        raise ValueError
    if not isinstance(value, kind) or (isinstance(value, str) and "\0" in value):
        raise ValueError
    return value
