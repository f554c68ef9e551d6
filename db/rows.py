"""Rows of the columns that were asked for."""

from __future__ import annotations

from collections import namedtuple
from functools import lru_cache
from typing import Any


# What is asked for comes from documents: only the latest kinds of rows are kept.
@lru_cache(maxsize=1024)
def row_type(columns: tuple[str, ...]) -> Any:
    """A named tuple of these columns; ``_make(row)`` gives one of any row that has them in this order."""
    return namedtuple("Row", columns)


def chosen(columns: tuple[str, ...], wanted: frozenset[str] | None) -> tuple[str, ...]:
    """Those of ``columns`` that are wanted, in their order; all where ``wanted`` is None."""
    return columns if wanted is None else tuple(column for column in columns if column in wanted)
