"""Fields that say what they need of the row behind their object.

A type that shows rows keeps the row in a private attribute ``row``. Of such a type

- ``column`` is a leaf computed from columns of the row: the parameters of its formula name them;
- ``same_row`` is an object of another type over the same row, ``row_in`` one over a row that a column holds;
- ``needs`` says it of a field with a resolver of its own;
- ``reference`` is a leaf, ``row_reference`` an object over a row, that is found by a key in the row;
- ``related`` is what is found by a key in the row and by arguments;
- ``items`` says of a field that its objects stand over the rows that were loaded for the field above.

To the standard executor they are ordinary fields. The compiled one knows from them which columns an answer needs (see
``wanted``), and works on whole columns where a resolver gives ``Columns`` instead of a list of objects.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Collection, Coroutine, Hashable, Iterator, Sequence
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
Serialize = TypeVar("Serialize", bound=Callable[[Any], Any])


@dataclass(frozen=True, slots=True)
class Formula:
    """``function(*columns)`` of the columns of these names. ``in_line`` is the same as a Python expression in which ``{0}``,
    ``{1}``, … stand for the columns, and ``function`` for the function: it spares a call for each value.
    """

    names: tuple[str, ...]
    function: Callable[..., Any]
    in_line: str

    @classmethod
    def of(cls, function: Callable[..., Any]) -> Formula:
        """The parameters of the function name the columns."""
        names = tuple(inspect.signature(function).parameters)
        return cls(names, function, f"function({', '.join(f'{{{place}}}' for place in range(len(names)))})")


@dataclass(frozen=True, slots=True)
class Column:
    """The formula gives the value; None where it is the one column as it stands."""

    names: tuple[str, ...]
    formula: Formula | None


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
    each: Callable[[], Callable[[Any], Any]] | None = None
    """What makes the object that stands over a row; ``load`` then takes the wanted columns. None for a leaf."""
    formula: Formula | None = None
    """The same as ``make``, where it was given as one."""

    def by_key(self, wanted: frozenset[str] | None) -> ByKey:
        arguments = () if self.each is None else (wanted,)
        each = self.each() if self.each else None
        return ByKey(self.load, arguments, lambda row, key: self.make(row), each, formula=self.formula)


@dataclass(frozen=True, slots=True)
class Related:
    """``prepare(self, info, …)`` says once for all objects what is loaded by the key in the one column (see ``by_key``)."""

    names: tuple[str, ...]
    prepare: Callable[..., Coroutine[Any, Any, ByKey]]


class ByKey(NamedTuple):
    """``make(await context.load(load, key, *arguments), key)`` is the value of a field for a key: an object over the row that
    was loaded, a list of such objects, or where ``most`` is given a page of so many, whose fields are ``items()``. Each is what
    ``each(row)`` makes; without it the value is something else. ``formula`` is a ``make`` that does not ask for the key.
    """

    load: Callable[..., Awaitable[list[Any]]]
    arguments: tuple[Hashable, ...]
    make: Callable[[Any, Any], Any]
    each: Callable[[Any], Any] | None = None
    most: int | None = None
    formula: Formula | None = None


@dataclass(frozen=True, slots=True)
class Needs:
    """A resolver of its own takes the value from these columns, or from none."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Items:
    """Objects for the rows that were loaded for the field above. Those that ``are_rows`` stand over the rows themselves, one for
    each; others hold one that does.
    """

    are_rows: bool


@dataclass(frozen=True, slots=True)
class RowIn:
    """``type(row=value)`` is the value, of the value of the one column, which is a row itself."""

    names: tuple[str, ...]
    type: Callable[[], Any]


Declared = Column | SameRow | RowIn | Reference | Related | Needs | Items


def declared_of(field: StrawberryField) -> Declared | None:
    """What the field declares."""
    declared: Declared | None = field.metadata.get(METADATA)
    return declared


def needs(*names: str) -> dict[str, Needs]:
    """Metadata for a field with a resolver of its own that needs no other columns of the row than these."""
    return {METADATA: Needs(names)}


def items(*, are_rows: bool = True) -> dict[str, Items]:
    """Metadata for a field of a page, or of something on it: for the rows that the page was loaded of (see ``Items``)."""
    return {METADATA: Items(are_rows)}


def wanted(info: Info[Any, Any], below: str | None = None) -> frozenset[str] | None:
    """The columns that the answer needs of the rows that a field gives, or that the field ``below`` it gives; None for all
    of them, as the standard executor always says.
    """
    columns_wanted = getattr(info, "columns_wanted", None)
    found: frozenset[str] | None = columns_wanted(below) if columns_wanted is not None else None
    return found


async def foresee(
    info: Info[Any, Any],
    load: Callable[..., Awaitable[list[Any]]],
    *arguments: Hashable,
    known: Collection[Callable[..., Awaitable[list[Any]]]] = (),
) -> None:
    """Says that the objects which a field gives will stand over rows of this load, so that what is asked of them by a key in
    those rows is loaded with them, but for what ``known`` loads would give: that will be known from the rows. It changes no
    answer.
    """
    foresee_rows = getattr(info, "foresee", None)
    if foresee_rows is not None:
        await foresee_rows(load, arguments, known)


def column(source: str | Formula | Callable[..., Any], *, description: str) -> Any:
    """A leaf: the column of that name, or a formula over columns."""
    if isinstance(source, str):
        return _field(lambda self: getattr(self.row, source), Column((source,), None), description)
    formula = source if isinstance(source, Formula) else Formula.of(source)

    def resolve(self: Any) -> Any:
        return formula.function(*(getattr(self.row, name) for name in formula.names))

    return _field(resolve, Column(formula.names, formula), description)


def in_line(test: str, expression: str, **names: Any) -> Callable[[Serialize], Serialize]:
    """Decorates what serializes a scalar: of a value, ``{0}``, that passes the test the expression makes the same. Both may use
    ``names``.
    """

    def decorate(serialize: Serialize) -> Serialize:
        serialize.in_line = test, expression, names  # type: ignore[attr-defined]
        return serialize

    return decorate


def same_row(type_: Callable[[], Any], *, description: str) -> Any:
    """An object of another type that shows the same row. ``type_`` gives the type, which may be defined later."""
    return _field(lambda self: type_()(row=self.row), SameRow(type_), description)


def row_in(name: str, type_: Callable[[], Any], *, description: str) -> Any:
    """An object over the row that a column holds. ``type_`` gives its type, which may be defined later."""
    return _field(lambda self: type_()(row=getattr(self.row, name)), RowIn((name,), type_), description)


def reference(
    load: Callable[..., Awaitable[list[Any]]],
    key: str,
    make: Formula | Callable[[Any], Any],
    *,
    description: str,
) -> Any:
    """A leaf: what ``make`` makes of what is loaded by the key in a column."""
    formula = make if isinstance(make, Formula) else Formula.of(make)

    async def resolve(self: Any, info: Info[Any, Any]) -> Any:
        return formula.function(await info.context.load(load, getattr(self.row, key)))

    return _field(resolve, Reference((key,), load, formula.function, formula=formula), description)


def row_reference(
    load: Callable[..., Awaitable[list[Any]]],
    key: str,
    type_: Callable[[], Any],
    *,
    description: str,
    or_null: bool = False,
) -> Any:
    """The object over the row that is loaded by the key in a column; ``load`` can be told which columns are wanted. ``type_``
    gives its type, which may be defined later: ``type_().of_found(None)`` raises what is to be said where there is no row, if
    that is not null.
    """

    def make(row: Any) -> Any:
        return None if row is None and or_null else type_().of_found(row)

    async def resolve(self: Any, info: Info[Any, Any]) -> Any:
        return make(await info.context.load(load, getattr(self.row, key)))

    return _field(resolve, Reference((key,), load, make, lambda: type_().of_found), description)


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


def by_key(
    load: Callable[..., Awaitable[list[V]]],
    *arguments: Hashable,
    make: Callable[[V, Any], T],
    each: Callable[[Any], Any] | None = None,
    most: int | None = None,
) -> T:
    """What a ``related`` field gives: for each key ``make(what was loaded, key)``; see ``ByKey``."""
    # The annotation is that of the field; what stands for it is known to who resolves the field.
    return ByKey(load, arguments, make, each, most)  # type: ignore[return-value]


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

    def column(self, name: str) -> Sequence[Any]:
        return self.values[self.names.index(name)]

    def __len__(self) -> int:
        return len(self.values[0])

    def __iter__(self) -> Iterator[Any]:
        for row in zip(*self.values, strict=True):
            yield self._make(SimpleNamespace(**dict(zip(self.names, row, strict=True))))
