"""How many statements an operation takes, counted where they are sent."""

from __future__ import annotations

from contextvars import ContextVar, Token
from types import TracebackType
from typing import Self


class StatementCount:
    """Counts what this task and those that it starts send, from ``with`` on until the block ends."""

    __slots__ = ("_token", "statements")

    def __init__(self) -> None:
        self.statements = 0

    def __enter__(self) -> Self:
        self._token: Token[StatementCount | None] = _current.set(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        _current.reset(self._token)


_current: ContextVar[StatementCount | None] = ContextVar("statement_count", default=None)


def count_statement() -> None:
    """Called for each statement that reads or changes data."""
    count = _current.get()
    if count is not None:
        count.statements += 1
