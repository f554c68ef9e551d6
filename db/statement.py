"""SQL that is compiled once: SQLAlchemy Core in, text and parameter order for asyncpg out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import asyncpg
from sqlalchemy.sql import ClauseElement, visitors
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import BindParameter

from db.dependencies import ON_EVERYTHING, Dependency, tells_time

WHO = ("viewer_user_id(", "viewer_people(", "viewer_colleagues(", "viewer_group_ids(", "viewer_own_group_ids(")
"""The functions that answer according to which person is asking."""

SETTLED = {
    "user_totals_live": "user_totals_settled",
    "user_lab_totals_live": "user_lab_totals",
    "user_topic_totals_live": "user_topic_totals",
    "user_topic_packs_live": "user_topic_packs",
    "user_days_live": "user_days",
    "lab_days_live": "lab_days",
    "live_ranks": "settled_ranks",
}
"""What a live view or function can be read from while nothing waits to be folded."""
_LIVE = re.compile(rf"\b({'|'.join(SETTLED)})\b")
_PENDING = re.compile(r"/\*pending\*/.*?/\*.\*/", re.DOTALL)


def settled(sql: str) -> str:
    """The same SQL for snapshots in which no change of the organization waits to be folded: without what stands between
    ``/*pending*/`` and ``/*.*/``, and by the names in SETTLED.
    """
    return _LIVE.sub(lambda found: SETTLED[found[0]], _PENDING.sub("", sql))


class Runnable(Protocol):
    """What a snapshot can run: SQL with the values for its places, and what is known of it."""

    @property
    def sql(self) -> str: ...

    @property
    def settled_sql(self) -> str: ...

    @property
    def asks_who(self) -> bool: ...

    @property
    def tells_time(self) -> bool: ...

    @property
    def dependencies(self) -> Sequence[Dependency]: ...

    def arguments(self, values: Mapping[str, Any]) -> list[Any]: ...


class Enterable(Runnable, Protocol):
    """Gives exactly one row, and can enter a snapshot by the way."""

    def entering_sql(self, *, settled: bool) -> str:
        """The statement with the columns and places of ``ENTER`` after its own."""
        ...


PLACE = re.compile(r"\$(\d+)")
"""A place for a value in the SQL of a statement."""

_DIALECT = asyncpg.dialect()  # type: ignore[no-untyped-call]


class Statement:
    """A compiled statement. ``sql`` has ``$1``-style places in the order of ``parameters``; ``settled_sql`` is the same for
    snapshots in which no change of the organization waits to be folded.

    Literal values that an expression brought with it are kept and need not be given again. ``asks_who`` says whether the
    statement itself asks which person is asking; that row security does so as well, goes without saying. ``dependencies``
    are what its rows are about (see ``db.dependencies``); on everything, where nothing is said.
    """

    __slots__ = ("_defaults", "asks_who", "dependencies", "parameters", "settled_sql", "sql", "tells_time")

    def __init__(self, expression: ClauseElement, *dependencies: Dependency) -> None:
        for part in visitors.iterate(expression):
            if isinstance(part, BindParameter):
                # Spelling out the lists of an expression would ask for its parameters already now.
                part.required = False
        compiled = expression.compile(dialect=_DIALECT, compile_kwargs={"render_postcompile": True})
        assert isinstance(compiled, SQLCompiler)
        self.sql = str(compiled)
        self.settled_sql = settled(self.sql)
        self.asks_who = any(name in self.sql for name in WHO)
        self.tells_time = tells_time(self.sql)
        self.dependencies = dependencies or ON_EVERYTHING
        self.parameters: Sequence[str] = compiled.positiontup or ()
        named = [one.ids for one in dependencies if isinstance(one.ids, str)]
        assert all(name in self.parameters for name in named), f"a dependency names no parameter: {named}"
        self._defaults: dict[str, Any] = dict(compiled.construct_params(_check=False))

    def arguments(self, values: Mapping[str, Any]) -> list[Any]:
        """The values in the order of their places."""
        return [self.argument(name, values) for name in self.parameters]

    def argument(self, name: str, values: Mapping[str, Any]) -> Any:
        """The value of one parameter."""
        return values[name] if name in values else self._defaults[name]


def sql(body: str, *dependencies: Dependency) -> Statement:
    """A fixed statement written as SQL with ``:name`` parameters (casts are ``CAST(… AS …)``)."""
    return Statement(text(body), *dependencies)
