"""Rows by key: what many ask for by different keys is one statement, and several of those are one statement again.

A ``Batch`` says how its rows are found by key. ``read_together`` reads several at once, also those whose keys are only known
from the rows of another: a person's groups by the memberships that are read with them. Each comes as arrays by column, which
cost a third of what their rows cost.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import repeat
from typing import Any, Generic, TypeVar

from db.packs import unpacked
from db.parts import Part, Query, Table
from db.rows import row_type
from db.snapshot import Snapshot
from db.together import Shape, together_of

V = TypeVar("V")


class Batch(Generic[V]):
    """``await batch(snapshot, keys, *arguments)`` gives a value for each key. ``query(*arguments)`` says how rows are found,
    ``gather(table, keys)`` what they come to for each key.
    """

    __slots__ = ("gather", "query")

    def __init__(self, query: Callable[..., Query], gather: Callable[[Table, Collection[Any]], list[V]]) -> None:
        self.query = query
        self.gather = gather

    async def __call__(self, snapshot: Snapshot, keys: list[Any], *arguments: Any) -> list[V]:
        [(table, _)] = await read_together(snapshot, [Part.of_keys(self.query(*arguments), keys)])
        return self.gather(table, keys)


def row_of_each(kind: Any = None) -> Callable[[Table, Collection[Any]], list[Any]]:
    """The row of each key, None where there is none: a ``kind`` where it has all its columns, otherwise of those it has."""

    def gather(table: Table, keys: Collection[Any]) -> list[Any]:
        found = dict(zip(table.values[0], _rows(kind, table.columns, table.values), strict=True))
        return [found.get(key) for key in keys]

    return gather


def value_of_each(table: Table, keys: Collection[Any]) -> list[Any]:
    """The value of the second column for each key, None where there is none."""
    found = dict(zip(*table.values[:2], strict=True))
    return [found.get(key) for key in keys]


def table_of_each(table: Table, keys: Collection[Any]) -> list[Table]:
    """The rows of each key as a table of their own; those of one key stand together."""
    places: dict[Any, list[int]] = {}
    for place, key in enumerate(table.values[0]):
        if key in places:
            places[key][1] = place + 1
        else:
            places[key] = [place, place + 1]
    return [Table(table.columns, [values[slice(*places.get(key, (0, 0)))] for values in table.values]) for key in keys]


def page_of_each(kind: Any) -> Callable[[Table, Collection[Any]], list[Any]]:
    """A list for each key, of rows and their sort values (see ``keyset.sort_values``), which are the last columns if they were
    wanted.
    """

    def gather(table: Table, keys: Collection[Any]) -> list[Any]:
        found: dict[Any, list[Any]] = {}
        has_values = "sort_0" in table.columns
        ends = table.columns.index("sort_0") if has_values else len(table.columns)
        rows = _rows(kind, table.columns[1:ends], table.values[1:ends])
        values = zip(*table.values[ends:], strict=True) if has_values else repeat(())
        for key, row, sort_values in zip(table.values[0], rows, values, strict=False):
            found.setdefault(key, []).append((row, sort_values))
        return [found.get(key, []) for key in keys]

    return gather


def _rows(kind: Any, columns: tuple[str, ...], values: Sequence[Sequence[Any]]) -> Iterable[Any]:
    make = kind if kind is not None and columns == kind._fields else row_type(columns)
    return map(tuple.__new__, repeat(make), zip(*values, strict=True))


async def read_together(snapshot: Snapshot, parts: Sequence[Part]) -> list[tuple[Table, Collection[Any]]]:
    """The rows of each part and the keys that they were found by, in one statement. Parts stand after those that they follow.
    Raises as ``Snapshot.rows``.
    """
    together = together_of(tuple((part.query[:-1], part.is_one, part.parent, part.column) for part in parts))
    row = await snapshot.only_row(together, given=[{**part.query.values, part.query.keys: part.keys} for part in parts])
    found: list[tuple[Table, Collection[Any]]] = []
    start = 0
    for part, shape in zip(parts, together.shapes, strict=True):
        end = start + shape.width - shape.has_known_key
        table, start = _table(part, shape, row[start:end]), end
        keys: Collection[Any] | None = part.keys
        if keys is None:
            assert part.parent is not None
            parent, _ = found[part.parent]
            keys = set(parent.column(part.column)) - {None}
        found.append((table, keys))
        snapshot.note(shape.statement, {**part.query.values, part.query.keys: keys})
    return found


def _table(part: Part, shape: Shape, values: Sequence[Any]) -> Table:
    """The rows of a part, of what the statement gave for its columns."""
    columns: Sequence[Sequence[Any]]
    if shape.is_row:
        columns = [[] if values[0] is None else [value] for value in values]
    else:
        columns = [value or [] for value in values]
        if shape.has_known_key and part.keys is not None:
            columns.insert(0, [part.keys[0]] * len(columns[0]))
    return Table(part.query.columns, unpacked(columns, part.query.packs) if shape.has_packs else columns)
