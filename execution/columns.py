"""Fields that say what they need of the row behind their object.

A type that shows rows keeps the row in a private attribute ``row``. Of such a type

- ``column`` is a leaf computed from columns of the row: the parameters of its formula name them;
- ``same_row`` is an object of another type over the same row;
- ``reference`` is an object that is found by a key in the row.

To the standard executor they are ordinary fields. The compiled one knows from them which columns an answer needs (see
``wanted``), and works on whole columns where a resolver gives ``Columns`` instead of a list of objects.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import strawberry
from strawberry.types.field import StrawberryField
from strawberry.types.info import Info

METADATA = "declared"


@dataclass(frozen=True, slots=True)
class Column:
    """``formula(*columns)`` is the value; None where it is the one column as it stands."""

    names: tuple[str, ...]
    formula: Callable[..., Any] | None


@dataclass(frozen=True, slots=True)
class SameRow:
    """``type(row=row)`` is the value."""

    type: Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Reference:
    """``make(await context.load(load, key))`` is the value, with the key in the one column; None where nothing is found."""

    names: tuple[str, ...]
    load: Callable[..., Awaitable[list[Any]]]
    make: Callable[[Any], Any]


def column_of(field: StrawberryField) -> Column | SameRow | Reference | None:
    """What the field declares."""
    declared: Column | SameRow | Reference | None = field.metadata.get(METADATA)
    return declared


def wanted(info: Info[Any, Any]) -> frozenset[str] | None:
    """The columns that the answer needs of the rows that a field gives; None for all of them."""
    return getattr(info, "columns", None)


def column(source: str | Callable[..., Any], *, description: str) -> Any:
    """A leaf: the column of that name, or a formula over the columns that its parameters are named after."""
    formula = None if isinstance(source, str) else source
    names = (source,) if isinstance(source, str) else tuple(inspect.signature(source).parameters)

    def resolve(self: Any) -> Any:
        values = [getattr(self.row, name) for name in names]
        return values[0] if formula is None else formula(*values)

    return _field(resolve, Column(names, formula), description)


def same_row(type_: Callable[[], Any], *, description: str) -> Any:
    """An object of another type that shows the same row. ``type_`` gives the type, which may be defined later."""
    return _field(lambda self: type_()(row=self.row), SameRow(type_), description)


def reference(
    load: Callable[..., Awaitable[list[Any]]], key: str, make: Callable[[Any], Any], *, description: str
) -> Any:
    """The object whose row is loaded by the key in a column, ``make(row)``; null where there is none that may be seen."""

    async def resolve(self: Any, info: Info[Any, Any]) -> Any:
        row = await info.context.load(load, getattr(self.row, key))
        return None if row is None else make(row)

    # The type comes from the annotation of the attribute.
    del resolve.__annotations__["return"]
    return _field(resolve, Reference((key,), load, make), description)


def _field(resolve: Callable[..., Any], declared: Column | SameRow | Reference, description: str) -> Any:
    resolve.__annotations__.pop("return", None)
    return strawberry.field(resolver=resolve, description=description, metadata={METADATA: declared})


class Columns:
    """A list of objects of one type, by column: ``values[i]`` has the values of column ``names[i]``, one for each object."""

    __slots__ = ("names", "type", "values")

    def __init__(self, type_: type, names: Sequence[str], values: Sequence[Sequence[Any]]) -> None:
        self.type = type_
        self.names = names
        self.values = values

    def __len__(self) -> int:
        return len(self.values[0]) if self.values else 0

    def __iter__(self) -> Iterator[Any]:
        """The objects, each with a row that has the columns as attributes."""
        for row in zip(*self.values, strict=True):
            yield self.type(row=SimpleNamespace(**dict(zip(self.names, row, strict=True))))
