"""What columns are called in inputs, where errors point and bodies are compared."""

from __future__ import annotations

from functools import cache


@cache
def argument_name(column: str) -> str:
    """Such as ``dueAt`` for ``due_at``."""
    first, *others = column.split("_")
    return first + "".join(word.capitalize() for word in others)
