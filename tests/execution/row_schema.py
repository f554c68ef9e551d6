"""A schema of rows by column, and both ways in which a list of them can be given."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Annotated, Any

import strawberry
from strawberry.types.info import Info

from execution.columns import Columns, column, needs, reference, same_row, wanted
from tests.execution.loading import LoadingContext

NUMBERS = "number"
TEXTS = "text"


class Rows(LoadingContext):
    """``numbers`` of the rows of each list; ``seen`` are the columns that were wanted, by list."""

    def __init__(self, *numbers: list[Any] | None, fails: frozenset[Any] = frozenset()) -> None:
        super().__init__()
        self.numbers = numbers
        self.fails = fails
        self.seen: list[frozenset[str] | None] = []


def text_of(number: Any) -> str | None:
    return None if number is None else f"row {number}"


async def load_number(context: Any, numbers: list[Any]) -> list[Any]:
    """The numbers themselves; an exception for those that fail."""
    return [KeyError(f"no {number}") if number in context.fails else number for number in numbers]


async def load_columns(context: Any, places: list[int], names: frozenset[str] | None) -> list[Any]:
    return [None if context.numbers[place] is None else columns(context.numbers[place], names) for place in places]


def columns(numbers: list[Any], names: frozenset[str] | None = None) -> Columns:
    """Never without any column, since it says how many rows there are."""
    values = {NUMBERS: numbers, TEXTS: [text_of(number) for number in numbers]}
    found = [name for name in values if names is None or name in names] or [NUMBERS]
    return Columns(lambda row: Row(row=row), found, [values[name] for name in found])


def row_of(number: Any) -> Row | None:
    return None if number is None else Row(row=SimpleNamespace(number=number, text=text_of(number)))


@strawberry.interface
class Numbered:
    number: int


@strawberry.type
class Inner(Numbered):
    row: strawberry.Private[Any]
    number: int = column("number", description="")
    double: float | None = column(lambda number: None if number is None else 2 * number, description="")


@strawberry.type
class Middle:
    row: strawberry.Private[Any]
    text: str | None = column("text", description="")
    inner: Inner = same_row(lambda: Inner, description="")
    maybe_inner: Inner | None = same_row(lambda: Inner, description="")
    # Not of columns alone: cannot be made in line.
    waiting: Annotated[Waiting, strawberry.lazy("tests.execution.row_schema")] = same_row(
        lambda: Waiting, description=""
    )


@strawberry.type
class Waiting:
    row: strawberry.Private[Any]
    text: str | None = column("text", description="")

    @strawberry.field(metadata=needs("number"))
    async def thrice(self, info: Info[Any, Any]) -> int | None:
        return None if self.row.number is None else 3 * await info.context.load(load_number, self.row.number)


@strawberry.type
class Row:
    row: strawberry.Private[Any]
    number: int | None = column("number", description="")
    sure: int = column("number", description="")
    text: str | None = column("text", description="")
    share: float | None = column(lambda number: 1 / number, description="")
    sum: str = column(lambda number, text: f"{number}: {text}", description="")
    inner: Inner = same_row(lambda: Inner, description="")
    middle: Middle = same_row(lambda: Middle, description="")
    itself: Annotated[Row, strawberry.lazy("tests.execution.row_schema")] | None = reference(
        load_number, "number", row_of, description=""
    )
    same: Annotated[Row, strawberry.lazy("tests.execution.row_schema")] = reference(
        load_number, "number", row_of, description=""
    )
    loaded: int | None = reference(load_number, "number", lambda number: number, description="")
    numbered: Numbered | None = reference(
        load_number, "number", lambda number: Inner(row=SimpleNamespace(number=number)), description=""
    )

    @strawberry.field(metadata=needs("number"))
    def is_odd(self) -> bool:
        return bool(self.row.number % 2)

    @strawberry.field(metadata=needs("text"))
    async def letters(self, info: Info[Any, Any], times: int = 1) -> int:
        return len(self.row.text) * times

    @strawberry.field(metadata=needs("number"))
    async def rows(self, info: Info[Any, Any], first: int = 2) -> list[Row]:
        number = await info.context.load(load_number, self.row.number)
        return columns([number * 10 + each for each in range(first)], wanted(info))

    @strawberry.field
    def anything(self) -> str:
        """Does not say what it needs: the row has to be whole."""
        return f"{self.row.number} {self.row.text}"


@strawberry.type
class Page:
    rows: list[Row]
    more: bool


async def rows_at(info: Info[Any, Any], place: int, names: frozenset[str] | None) -> Any:
    info.context.seen.append(names)
    return await info.context.load(load_columns, place, names)


async def all_lists(info: Info[Any, Any]) -> Any:
    return await info.context.load_many(load_columns, range(len(info.context.numbers)), wanted(info))


@strawberry.type
class Query:
    @strawberry.field
    async def rows(self, info: Info[Any, Any], place: int = 0) -> list[Row] | None:
        return await rows_at(info, place, wanted(info))

    @strawberry.field
    async def sure_rows(self, info: Info[Any, Any], place: int = 0) -> list[Row]:
        return await rows_at(info, place, wanted(info))

    @strawberry.field
    async def maybe_rows(self, info: Info[Any, Any]) -> list[Row | None]:
        return await rows_at(info, 0, wanted(info))

    @strawberry.field
    async def all_rows(self, info: Info[Any, Any]) -> list[list[Row] | None]:
        return await all_lists(info)

    @strawberry.field
    async def mixed(self, info: Info[Any, Any]) -> list[list[Row] | None]:
        """Some by column, some as objects."""
        lists = await all_lists(info)
        return [list(each) if place % 2 and each else each for place, each in enumerate(lists)]

    @strawberry.field
    async def page(self, info: Info[Any, Any]) -> Page:
        return Page(rows=await rows_at(info, 0, wanted(info, "rows")), more=False)

    @strawberry.field
    async def numbered(self, info: Info[Any, Any]) -> list[Numbered]:
        numbers = info.context.numbers[0] or []
        return Columns(lambda row: Inner(row=row), [NUMBERS], [numbers])

    @strawberry.field
    async def lists_of_none(self, info: Info[Any, Any]) -> list[Row]:
        return []


schema = strawberry.Schema(Query, types=[Inner])
