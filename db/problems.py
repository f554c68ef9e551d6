"""What is wrong with a value that somebody sent, told before anything is written."""

from __future__ import annotations

import re
from typing import NamedTuple

LONGEST_NAME = 200
NOT_STORABLE = "The text has a character that cannot be stored (NUL or half of a surrogate pair)."

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


class Problem(NamedTuple):
    """``field`` is the one concerned, in snake case; ``rule`` a stable name."""

    field: str
    rule: str
    message: str


def is_storable(text: str) -> bool:
    """Whether PostgreSQL can hold the text."""
    return "\0" not in text if text.isascii() else not _UNSTORABLE.search(text)


def text_problem(name: str, text: str, longest: int = LONGEST_NAME) -> Problem | None:
    """What keeps a text from being stored as a name."""
    if not 1 <= len(text) <= longest:
        return Problem(name, "LENGTH", f"The text has 1 to {longest} characters.")
    return None if is_storable(text) else Problem(name, "TEXT", NOT_STORABLE)
