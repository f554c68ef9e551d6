"""What is read by key: a query, the rows that it gives, and a part of what is read together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Self

from db.statement import Statement


class Query(NamedTuple):
    """``statement`` takes an array of keys as the parameter ``keys``, beside ``values``, and gives ``columns``, the key first; at
    most one row for each key if ``is_unique``. ``of_one`` is the statement where there is but one key. Where there are ``packs``, a
    row stands for many: it holds a pack in each column but the first, of these kinds (see ``db.packs``). ``values`` stay last: what
    comes before says which statement it is.
    """

    statement: Statement
    keys: str
    columns: tuple[str, ...]
    of_one: Statement | None = None
    is_unique: bool = False
    packs: str = ""
    values: Mapping[str, Any] = {}


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
