"""Rows by key: what many ask for by different keys is one statement, and several of those are one statement again.

A ``Batch`` says how its rows are found by key. ``read_together`` reads several at once, also those whose keys are only known
from the rows of another: a person's groups by the memberships that are read with them. Each comes as arrays by column, which
cost a third of what their rows cost.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import repeat
from typing import Any, Generic, NamedTuple, Self, TypeVar

from db.entering import enter_sql
from db.packs import unpacked
from db.rows import row_type
from db.snapshot import Snapshot
from db.statement import PLACE, Statement, settled

V = TypeVar("V")

AMONG = re.compile(r"= *ANY *\( *$", re.IGNORECASE)
"""What comes before a place where all that is asked is whether something is among its values."""


class Query(NamedTuple):
    """``statement`` takes an array of keys as the parameter ``keys``, beside ``values``, and gives ``columns``, the key first; at
    most one row for each key if ``is_unique``. ``of_one`` is the statement where there is but one key. ``distinct`` is another
    column that is never NULL, nor the same in two rows. Where there are ``packs``, a row stands for many: it holds a pack in each
    column but the first, of these kinds (see ``db.packs``). ``values`` stay last: what comes before says which statement it is.
    """

    statement: Statement
    keys: str
    columns: tuple[str, ...]
    of_one: Statement | None = None
    is_unique: bool = False
    distinct: str = ""
    packs: str = ""
    values: Mapping[str, Any] = {}

    def is_distinct(self, column: str) -> bool:
        """Whether a column is known to have another value in each row."""
        return column == self.distinct or (self.is_unique and column == self.columns[0])


class Table(NamedTuple):
    """Rows by column: ``values[i]`` has the values of column ``columns[i]``, one for each row; the first are the keys."""

    columns: tuple[str, ...]
    values: Sequence[Sequence[Any]]

    def column(self, name: str) -> Sequence[Any]:
        return self.values[self.columns.index(name)]


class Part(NamedTuple):
    """A query with its keys; where it follows another, those are the values of a ``column`` of that other part. ``is_one``: there
    is but one key.
    """

    query: Query
    keys: Sequence[Any] | None
    is_one: bool
    parent: int | None = None
    column: str = ""

    @classmethod
    def of_keys(cls, query: Query, keys: Sequence[Any]) -> Self:
        return cls(query, keys, len(keys) == 1)

    @classmethod
    def following(cls, query: Query, parts: Sequence[Part], parent: int, column: str) -> Self:
        return cls(query, None, parts[parent].is_row, parent, column)

    @property
    def is_row(self) -> bool:
        """Whether it has one row, if any."""
        return self.is_one and self.query.is_unique

    @property
    def statement(self) -> Statement:
        return (self.is_one and self.query.of_one) or self.query.statement


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
    together = _together(tuple((part.query[:-1], part.is_one, part.parent, part.column) for part in parts))
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


class Shape(NamedTuple):
    """What the statement for a part depends on. ``has_packs`` in its columns but the first, which it need not give if it
    ``has_known_key``. ``parent`` is the part that it follows, ``place`` that of the column there, whose values have to be
    told apart first where ``must_differ``.
    """

    statement: Statement
    keys: str
    width: int
    is_row: bool
    has_packs: bool
    has_known_key: bool
    parent: int | None
    place: int
    must_differ: bool

    @classmethod
    def of(cls, parts: Sequence[Part], number: int) -> Self:
        part = parts[number]
        query, is_row, above = part.query, part.is_row, None if part.parent is None else parts[part.parent].query
        return cls(
            statement=part.statement,
            keys=query.keys,
            width=len(query.columns),
            is_row=is_row,
            has_packs=bool(query.packs),
            has_known_key=above is None and not is_row and _has_known_key(parts, number),
            parent=part.parent,
            place=0 if above is None else above.columns.index(part.column),
            must_differ=above is not None
            and not (above.is_distinct(part.column) or _is_same_for_repeated(part.statement, query.keys)),
        )


def _is_same_for_repeated(statement: Statement, keys: str) -> bool:
    """Whether a statement gives the same however often a key is given, since all that it asks is whether something is among
    them.
    """
    return all(
        AMONG.search(statement.sql[: found.start()])
        for found in PLACE.finditer(statement.sql)
        if statement.parameters[int(found[1]) - 1] == keys
    )


def _has_known_key(parts: Sequence[Part], number: int) -> bool:
    """Whether all rows have the one key that was given, and nobody looks for it there."""
    key, *others = parts[number].query.columns
    is_followed = any(other.parent == number and other.column == key for other in parts)
    return parts[number].is_one and bool(others) and not is_followed


class Together:
    """Several statements as one, which gives one row: for each column of each statement the array of its values, or NULL; for
    each column of a statement that has but one row its value. Keys are taken from these arrays, so that no statement's rows
    have to be kept.
    """

    __slots__ = (
        "_arguments",
        "_entering_sql",
        "asks_who",
        "dependencies",
        "settled_sql",
        "shapes",
        "sql",
        "tells_time",
    )

    def __init__(self, shapes: Sequence[Shape]) -> None:
        self.shapes = shapes
        self._arguments: list[tuple[int, str, Statement]] = []
        parts, columns, rows = [], [], []
        for number, shape in enumerate(shapes):
            given = [f"c{place}" for place in range(shape.width)]
            body, shown = self._body(number, shape, shapes), given[shape.has_known_key :]
            if not shape.is_row:
                arrays = ", ".join(f"array_agg({name})" for name in shown)
                body = f"SELECT {arrays} FROM (\n{body}\n) AS t ({', '.join(given)})"
            parts.append(f"t{number} ({', '.join(shown)}) AS (\n{body}\n)")
            columns += [f"t{number}.{name}" for name in shown]
            rows.append(f" LEFT JOIN t{number} ON true")
        self.sql = f"WITH {', '.join(parts)}\nSELECT {', '.join(columns)}\nFROM (SELECT) AS nothing{''.join(rows)}"
        self.settled_sql = settled(self.sql)
        # What a left join begins with comes first: the viewer is set before anything is read.
        enter = f"entered AS MATERIALIZED ({enter_sql(len(self._arguments))})"
        entering = (
            f"WITH {', '.join([enter, *parts])}\nSELECT {', '.join(columns)}, entered.*\nFROM entered{''.join(rows)}"
        )
        self._entering_sql = entering, settled(entering)
        self.asks_who = any(shape.statement.asks_who for shape in shapes)
        # Noted part by part, when the keys of all are known.
        self.tells_time = False
        self.dependencies = ()

    def entering_sql(self, *, settled: bool) -> str:
        return self._entering_sql[settled]

    def arguments(self, values: Mapping[str, Any]) -> list[Any]:
        return [statement.argument(name, values["given"][number]) for number, name, statement in self._arguments]

    def _body(self, number: int, shape: Shape, shapes: Sequence[Shape]) -> str:
        statement, parent = shape.statement, shape.parent
        places: dict[str, str] = {}

        def place_of(found: re.Match[str]) -> str:
            name = statement.parameters[int(found[1]) - 1]
            if name not in places:
                if name == shape.keys and parent is not None:
                    places[name] = _keys_in(f"t{parent}", shapes[parent], shape)
                else:
                    self._arguments.append((number, name, statement))
                    places[name] = f"${len(self._arguments)}"
            return places[name]

        return PLACE.sub(place_of, statement.sql)


def _keys_in(parent: str, of: Shape, shape: Shape) -> str:
    """The array of the keys in a column of a parent; of the different ones where each is looked for by itself."""
    column = f"c{shape.place}"
    if of.has_packs:
        # Many hold the same.
        packs = f"(SELECT DISTINCT unnest({column}) AS pack FROM {parent}) AS packs"
        return f"ARRAY(SELECT DISTINCT key FROM {packs}, unpack_ids(pack) AS key)"
    if of.is_row:
        return f"ARRAY(SELECT {column} FROM {parent} WHERE {column} IS NOT NULL)"
    if shape.must_differ:
        return f"ARRAY(SELECT DISTINCT key FROM {parent}, unnest({column}) AS key WHERE key IS NOT NULL)"
    return f"(SELECT {column} FROM {parent})::bigint[]"


@lru_cache(maxsize=4096)
def _together(kinds: tuple[tuple[tuple[Any, ...], bool, int | None, str], ...]) -> Together:
    """The statement for parts of which it is known what their query is, but for its values, whether they have one key, and what
    they follow.
    """
    parts = [Part(Query(*query), None, is_one, parent, column) for query, is_one, parent, column in kinds]
    return Together([Shape.of(parts, number) for number in range(len(parts))])
