"""A schema whose resolvers may give anything, and both executors on it.

Every field of ``Holder`` gives the one value that its holder holds, each in another way: as an attribute, from a resolver, a
column, a loaded reference, … A value that has to be made anew each time (a generator, something that is awaited, an
exception that is raised) is a ``Made``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from types import SimpleNamespace
from typing import Annotated, Any, NewType

import strawberry
from strawberry.schema.config import StrawberryConfig
from strawberry.types.info import Info

from execution.columns import column, reference
from tests.execution.loading import LoadingContext


@dataclass(frozen=True)
class Made:
    """A value that is made when a resolver gives it; ``make`` may also raise."""

    make: Callable[[], Any]


def given(value: Any) -> Any:
    return value.make() if isinstance(value, Made) else value


def raising(error: BaseException) -> Made:
    def make() -> Any:
        raise error

    return Made(make)


class Holding(LoadingContext):
    """``held`` are the values that the holders hold."""

    def __init__(self, held: list[Any]) -> None:
        super().__init__()
        self.held = held


async def load_same(context: Any, keys: list[Any]) -> list[Any]:
    """What is loaded by a holder is the holder."""
    await asyncio.sleep(0)
    return keys


async def load_made(context: Any, keys: list[Any]) -> list[Any]:
    return [_tried(key) for key in keys]


def _tried(key: Any) -> Any:
    try:
        return given(key.value)
    except Exception as error:
        return error


@strawberry.enum
class Colour(Enum):
    RED = "red"
    BLUE = strawberry.enum_value("blue")


@strawberry.enum
class Size(Enum):
    SMALL = 1
    LARGE = 2


Even = NewType("Even", int)


def _even(value: Any) -> Any:
    if value == 0:
        return None
    if not isinstance(value, int) or value % 2:
        raise ValueError("this is not even")
    return value


LEAVES: dict[str, Any] = {
    "int": int,
    "float": float,
    "text": str,
    "id": strawberry.ID,
    "bool": bool,
    "colour": Colour,
    "size": Size,
    "even": Even,
    "at": datetime,
}
SHAPES: dict[str, Callable[[Any], Any]] = {
    "sure": lambda leaf: leaf,
    "maybe": lambda leaf: leaf | None,
    "sure_list": lambda leaf: list[leaf],
    "maybe_list": lambda leaf: list[leaf | None] | None,
    "nested": lambda leaf: list[list[leaf | None] | None],
}


def _attribute(annotation: Any) -> Any:
    return strawberry.field()


def _resolved(annotation: Any) -> Any:
    def resolve(self: Any) -> annotation:
        return given(self.value)

    return strawberry.field(resolver=resolve)


def _asked(annotation: Any) -> Any:
    def resolve(self: Any, times: int = 1) -> annotation:
        return given(self.value)

    return strawberry.field(resolver=resolve)


def _awaited(annotation: Any) -> Any:
    async def resolve(self: Any) -> annotation:
        return given(self.value)

    return strawberry.field(resolver=resolve)


def _slept(annotation: Any) -> Any:
    async def resolve(self: Any, info: Info[Any, Any]) -> annotation:
        await asyncio.sleep(0)
        found = await info.context.load(load_same, self)
        await asyncio.sleep(0)
        return given(found.value)

    return strawberry.field(resolver=resolve)


def _column(annotation: Any) -> Any:
    return column("value", description="")


def _formula(annotation: Any) -> Any:
    return column(lambda value, holder: given(value), description="")


def _reference(annotation: Any) -> Any:
    return reference(load_same, "holder", lambda holder: given(holder.value), description="")


def _loaded(annotation: Any) -> Any:
    return reference(load_made, "holder", lambda value: value, description="")


WAYS: dict[str, Callable[[Any], Any]] = {
    "attribute": _attribute,
    "resolved": _resolved,
    "asked": _asked,
    "awaited": _awaited,
    "slept": _slept,
    "column": _column,
    "formula": _formula,
    "reference": _reference,
    "loaded": _loaded,
}


@strawberry.interface
class Named:
    name: str


@strawberry.type
class Cat(Named):
    lives: int = 9


@strawberry.type
class Dog(Named):
    tricks: list[str] = strawberry.field(default_factory=list)

    @strawberry.field
    async def friend(self) -> Annotated[Named, strawberry.lazy("tests.execution.odd_schema")]:
        return Cat(name=f"friend of {self.name}")


@strawberry.type
class Stone:
    weight: float


class Kitten(Cat):
    """No type of the schema, but what it is made from is."""


Pet = Annotated[Cat | Dog, strawberry.union("Pet")]
OBJECTS: dict[str, Any] = {"stone": Stone, "named": Named, "pet": Pet}
FIELDS = {
    f"{leaf}_{shape}_{way}": (kind, shape, way)
    for leaf, kind in {**LEAVES, **OBJECTS}.items()
    for shape in SHAPES
    for way in WAYS
}


def _holder() -> Any:
    body: dict[str, Any] = {"__annotations__": {"value": strawberry.Private[Any], "row": strawberry.Private[Any]}}
    for name, (kind, shape, way) in FIELDS.items():
        annotation = SHAPES[shape](kind)
        body["__annotations__"][name] = annotation
        body[name] = WAYS[way](annotation)
    # Holders are keys of loads.
    body["__hash__"] = object.__hash__
    return strawberry.type(type("Holder", (), body))


Holder = _holder()
ATTRIBUTES = [name for name, (_, _, way) in FIELDS.items() if way == "attribute"]


def hold(value: Any) -> Any:
    """A holder of the value, without having to give every field."""
    holder = object.__new__(Holder)
    holder.value = value
    holder.row = SimpleNamespace(value=value, holder=holder)
    holder.__dict__.update(dict.fromkeys(ATTRIBUTES, value))
    return holder


@strawberry.type
class Query:
    @strawberry.field
    def holders(self, info: Info[Any, Any]) -> list[Holder | None]:
        return [hold(value) for value in info.context.held]

    @strawberry.field
    def holder(self, info: Info[Any, Any]) -> Holder:
        return hold(info.context.held[0])


schema = strawberry.Schema(
    Query,
    types=[Cat, Dog],
    config=StrawberryConfig(
        auto_camel_case=False,
        scalar_map={Even: strawberry.scalar(name="Even", serialize=_even, parse_value=lambda value: value)},
    ),
)
