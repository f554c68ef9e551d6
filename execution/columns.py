"""Fields that say what they need of the row behind their object.

A type that shows rows keeps the row in a private attribute ``row``. Of such a type

- ``column`` is a leaf computed from columns of the row: the parameters of its formula name them;
- ``same_row`` is an object of another type over the same row;
- ``needs`` says it of a field with a resolver of its own;
- ``reference`` is an object, or a leaf, that is found by a key in the row;
- ``related`` is what is found by a key in the row and by arguments.

To the standard executor they are ordinary fields. The compiled one knows from them which columns an answer needs (see
``wanted``), and works on whole columns where a resolver gives ``Columns`` instead of a list of objects.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Coroutine, Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import wraps
from types import SimpleNamespace
from typing import Any, NamedTuple, TypeVar

import strawberry
from strawberry.types.field import StrawberryField
from strawberry.types.info import Info

METADATA = "declared"
T = TypeVar("T")
V = TypeVar("V")


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
    """``make(await context.load(load, key))`` is the value, with the key in the one column."""

    names: tuple[str, ...]
    load: Callable[..., Awaitable[list[Any]]]
    make: Callable[[Any], Any]
    projects: bool
    """Whether ``load`` takes the wanted columns as an argument."""

    def of_key(self, row: Any, key: Any) -> Any:
        return self.make(row)


@dataclass(frozen=True, slots=True)
class Related:
    """``prepare(self, info, …)`` says once for all objects what is loaded by the key in the one column (see ``by_key``)."""

    names: tuple[str, ...]
    prepare: Callable[..., Coroutine[Any, Any, ByKey]]


class ByKey(NamedTuple):
    """``make(await context.load(load, key, *arguments), key)`` is the value of a field for a key."""

    load: Callable[..., Awaitable[list[Any]]]
    arguments: tuple[Hashable, ...]
    make: Callable[[Any, Any], Any]


@dataclass(frozen=True, slots=True)
class Needs:
    """A resolver of its own takes the value from these columns, or from none."""

    names: tuple[str, ...]


Declared = Column | SameRow | Reference | Related | Needs


def declared_of(field: StrawberryField) -> Declared | None:
    """What the field declares."""
    declared: Declared | None = field.metadata.get(METADATA)
    return declared


def needs(*names: str) -> dict[str, Needs]:
    """Metadata for a field with a resolver of its own that needs no other columns of the row than these."""
    return {METADATA: Needs(names)}


def wanted(info: Info[Any, Any], below: str | None = None) -> frozenset[str] | None:
    """The columns that the answer needs of the rows that a field gives, or that the field ``below`` it gives; None for all
    of them, as the standard executor always says.
    """
    columns_wanted = getattr(info, "columns_wanted", None)
    found: frozenset[str] | None = columns_wanted(below) if columns_wanted is not None else None
    return found


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
    load: Callable[..., Awaitable[list[Any]]],
    key: str,
    make: Callable[[Any], Any],
    *,
    description: str,
    projects: bool = False,
) -> Any:
    """What ``make`` makes of what is loaded by the key in a column: an object, or a leaf. ``projects``: the load can be told
    which columns are wanted of its rows.
    """

    async def resolve(self: Any, info: Info[Any, Any]) -> Any:
        return make(await info.context.load(load, getattr(self.row, key)))

    return _field(resolve, Reference((key,), load, make, projects), description)


def related(key: str, *, description: str, directives: Sequence[object] = ()) -> Callable[[Callable[..., Any]], Any]:
    """Decorates a method that takes ``self``, ``info`` and arguments, and returns ``by_key(…)``: what is loaded by the key in a
    column of the row. The method is called once for many objects, so its ``self`` says nothing.
    """

    def decorate(prepare: Callable[..., Any]) -> Any:
        @wraps(prepare)
        async def resolve(self: Any, info: Info[Any, Any], **arguments: Any) -> Any:
            asked: ByKey = await prepare(self, info=info, **arguments)
            own = getattr(self.row, key)
            return asked.make(await info.context.load(asked.load, own, *asked.arguments), own)

        return strawberry.field(
            resolver=resolve,
            description=description,
            directives=directives,
            metadata={METADATA: Related((key,), prepare)},
        )

    return decorate


def by_key(load: Callable[..., Awaitable[list[V]]], *arguments: Hashable, make: Callable[[V, Any], T]) -> T:
    """What a ``related`` field gives: for each key ``make(what was loaded, key)``."""
    # The annotation is that of the field; what stands for it is known to who resolves the field.
    return ByKey(load, arguments, make)  # type: ignore[return-value]


def _field(resolve: Callable[..., Any], declared: Declared, description: str) -> Any:
    # The type comes from the annotation of the attribute.
    resolve.__annotations__.pop("return", None)
    return strawberry.field(resolver=resolve, description=description, metadata={METADATA: declared})


class Columns:
    """A list of objects, by column: ``values[i]`` has the values of column ``names[i]``, one for each object.
    ``make(row)`` gives an object; the row has the columns as attributes.
    """

    __slots__ = ("_make", "names", "values")

    def __init__(self, make: Callable[[Any], Any], names: Sequence[str], values: Sequence[Sequence[Any]]) -> None:
        self._make = make
        self.names = names
        self.values = values

    def __len__(self) -> int:
        return len(self.values[0])

    def __iter__(self) -> Iterator[Any]:
        for row in zip(*self.values, strict=True):
            yield self._make(SimpleNamespace(**dict(zip(self.names, row, strict=True))))
