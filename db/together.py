"""Several statements as one, whose keys may be the values of another's column."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, Self

from db.entering import enter_sql
from db.parts import Part, Query
from db.statement import PLACE, Statement, settled

AMONG = re.compile(r"= *ANY *\( *$", re.IGNORECASE)
"""What comes before a place where all that is asked is whether something is among its values."""


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
            must_differ=above is not None and not (_is_key(above, part.column) or _is_same_for_repeated(part)),
        )


def _is_key(query: Query, column: str) -> bool:
    """Whether a column has another value in each row."""
    return query.is_unique and column == query.columns[0]


def _is_same_for_repeated(part: Part) -> bool:
    """Whether its statement gives the same however often a key is given, since all that it asks is whether something is among
    them.
    """
    statement = part.statement
    return all(
        AMONG.search(statement.sql[: found.start()])
        for found in PLACE.finditer(statement.sql)
        if statement.parameters[int(found[1]) - 1] == part.query.keys
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
def together_of(kinds: tuple[tuple[tuple[Any, ...], bool, int | None, str], ...]) -> Together:
    """The statement for parts of which it is known what their query is, but for its values, whether they have one key, and what
    they follow.
    """
    parts = [Part(Query(*query), None, is_one, parent, column) for query, is_one, parent, column in kinds]
    return Together([Shape.of(parts, number) for number in range(len(parts))])
