"""A schema with a resolver of every kind that Strawberry takes, some of which fail."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Generic, TypeVar

import strawberry
from graphql import GraphQLError
from strawberry.permission import BasePermission
from strawberry.types.info import Info

from execution.columns import by_key, reference, related
from tests.execution.loading import LoadingContext

T = TypeVar("T")


class Counting(LoadingContext):
    """``loads`` are the keys of each call."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[list[Any]] = []


async def load_tenfold(context: Counting, keys: list[int], times: int = 10) -> list[int]:
    context.loads.append(sorted(keys))
    await asyncio.sleep(0)
    return [times * key for key in keys]


async def load_even(context: Counting, keys: list[int]) -> list[Any]:
    """A failure for odd keys."""
    return [key if key % 2 == 0 else KeyError(key) for key in keys]


async def load_nothing(context: Counting, keys: list[int]) -> list[Any]:
    raise ConnectionError("nobody answers")


class Refused(BasePermission):
    message = "refused"

    def has_permission(self, source: Any, info: Info[Any, Any], **kwargs: Any) -> bool:
        return bool(getattr(source, "number", 0) % 2)


@strawberry.interface
class Chosen:
    number: int

    @classmethod
    def resolve_type(cls, value: Any, info: Any, type_: Any) -> str:
        return "Odd" if value.number % 2 else "Even"


@strawberry.type
class Odd(Chosen):
    pass


@strawberry.type
class Even(Chosen):
    pass


@strawberry.type
class Picky:
    number: int

    @classmethod
    def is_type_of(cls, value: Any, info: Any) -> bool:
        return bool(value.number % 2)


@strawberry.type
class Box(Generic[T]):
    item: T


def free_function() -> str:
    return "free"


def of_parent(parent: strawberry.Parent[Any]) -> int:
    return int(parent.number)


def of_root(root: Any) -> int:
    return int(root.number)


@strawberry.input
class Names:
    names: list[str] = strawberry.field(default_factory=list)
    at_most: int | None = 3


@strawberry.type
class Item:
    number: int
    row: strawberry.Private[Any] = None
    free: str = strawberry.field(resolver=free_function)
    parent: int = strawberry.field(resolver=of_parent)
    root: int = strawberry.field(resolver=of_root)
    guarded: int | None = strawberry.field(resolver=lambda: 1, permission_classes=[Refused])
    evened: int | None = reference(load_even, "number", lambda number: number, description="")
    surely_evened: int = reference(load_even, "number", lambda number: number, description="")
    unmade: int | None = reference(load_tenfold, "number", lambda number: number // (number - 20), description="")

    def __post_init__(self) -> None:
        self.row = self

    @strawberry.field
    async def tenfold(self, info: Info[Any, Any]) -> int:
        return await info.context.load(load_tenfold, self.number)

    @related("number", description="")
    async def times(self, info: Info[Any, Any], by: int = 3) -> int | None:
        if by < 0:
            raise ValueError("not backwards")
        return by_key(load_tenfold, by, make=lambda found, key: found if key < 3 else None)

    @strawberry.field
    async def hundredfold(self, info: Info[Any, Any]) -> int:
        tenfold = await info.context.load(load_tenfold, self.number)
        await asyncio.sleep(0)
        return await info.context.load(load_tenfold, tenfold)

    @strawberry.field
    async def even(self, info: Info[Any, Any]) -> int | None:
        return await info.context.load(load_even, self.number)

    @strawberry.field
    async def surely_even(self, info: Info[Any, Any]) -> int:
        return await info.context.load(load_even, self.number)

    @strawberry.field
    async def lost(self, info: Info[Any, Any]) -> int | None:
        return await info.context.load(load_nothing, self.number)

    @strawberry.field
    async def caught(self, info: Info[Any, Any]) -> str:
        try:
            return str(await info.context.load(load_nothing, self.number))
        except ConnectionError as error:
            return str(error)

    @strawberry.field
    async def many(self, info: Info[Any, Any]) -> list[int]:
        return await info.context.load_many(load_tenfold, [self.number, 5, self.number])

    @strawberry.field
    async def many_of_none(self, info: Info[Any, Any]) -> list[int]:
        return await info.context.load_many(load_tenfold, [])

    @strawberry.field
    async def together(self, info: Info[Any, Any]) -> list[str]:
        async def one(number: int) -> str:
            found = await info.context.load(load_tenfold, number)
            below = await info.context.together(*(self._of(info, found + each) for each in range(2)))
            return f"{number}: {below}"

        return await info.context.together(*(one(self.number + each) for each in range(3)))

    @strawberry.field
    async def together_failing(self, info: Info[Any, Any]) -> list[int] | None:
        return await info.context.together(self._of(info, 1), self._odd(info))

    async def _of(self, info: Info[Any, Any], number: int) -> int:
        return await info.context.load(load_tenfold, number, 2)

    async def _odd(self, info: Info[Any, Any]) -> int:
        return await info.context.load(load_even, 1)

    @strawberry.field
    def path_of_nodes(self, info: Info[Any, Any], first: int = 1) -> str:
        return f"{info.field_name} {info.python_name} {info.variable_values} {first} {len(info.selected_fields)}"

    @strawberry.field
    def failing(self, message: str = "failed") -> int | None:
        if self.number == 2:
            raise GraphQLError(message, extensions={"code": "FAILED"})
        return self.number

    @strawberry.field
    def surely_failing(self) -> int:
        if self.number == 2:
            raise ValueError("failed")
        return self.number

    @strawberry.field
    def named(self, given: Names | None = None, list: list[int] | None = None) -> str:
        return f"{given} {list}"

    @strawberry.field
    async def items(
        self, count: int = 2
    ) -> list[Annotated[Item, strawberry.lazy("tests.execution.resolver_schema")] | None]:
        return [Item(number=self.number + each) if each != 2 else None for each in range(count)]

    @strawberry.field
    async def sure_items(
        self, count: int = 2
    ) -> list[Annotated[Item, strawberry.lazy("tests.execution.resolver_schema")]]:
        return [Item(number=self.number + each) for each in range(count)]

    @strawberry.field
    def box(self) -> Box[str]:
        return Box(item=str(self.number))

    @strawberry.field
    def boxed(self) -> Box[int]:
        return Box[int](item=self.number)


@strawberry.type
class Query:
    @strawberry.field
    def items(self) -> list[Item | None]:
        return [Item(number=number) for number in (1, 2, 3)]

    @strawberry.field
    async def item(self, number: int = 1) -> Item | None:
        return Item(number=number)

    @strawberry.field
    async def sure_item(self) -> Item:
        return Item(number=2)

    @strawberry.field
    def chosen(self) -> list[Chosen]:
        return [Odd(number=1), Odd(number=2)]

    @strawberry.field
    def picky(self) -> list[Picky | None]:
        return [Picky(number=1), Picky(number=2)]

    @strawberry.field
    def boxes(self) -> list[Box[int]]:
        return [Box(item=1), Box(item=2)]

    @strawberry.field
    def either_box(self) -> list[Annotated[Box[int] | Box[str], strawberry.union("EitherBox")]]:
        return [Box(item=1), Box(item="one")]


schema = strawberry.Schema(Query, types=[Odd, Even])
