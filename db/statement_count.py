"""How many statements an operation takes, counted where they are sent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar


class StatementCount:
    """Of one operation; its tasks share it."""

    __slots__ = ("statements",)

    def __init__(self) -> None:
        self.statements = 0


_current: ContextVar[StatementCount | None] = ContextVar("statement_count", default=None)


@contextmanager
def counted_statements() -> Iterator[StatementCount]:
    """Counts what this task and those that it starts send, until the block ends."""
    count = StatementCount()
    token = _current.set(count)
    try:
        yield count
    finally:
        _current.reset(token)


def count_statement() -> None:
    """Called for each statement that reads or changes data."""
    count = _current.get()
    if count is not None:
        count.statements += 1
