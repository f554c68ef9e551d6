"""What a file says around its values: titles of columns, names of sheets, notes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from zoneinfo import ZoneInfo

from workers.exports.content import Column, Kind

SHEET_NAME_UNITS = 31
ELLIPSIS = "…"
_TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")
_NOT_IN_SHEET_NAMES = re.compile(r"[\[\]:*?/\\\x00-\x1f\x7f\ufffe\uffff]")
_RESERVED = "history"


def plain(text: str) -> str:
    """Without characters that turn the direction of what is written around it."""
    return _TURNING.sub("", text)


def heading(column: Column, time_zone: str) -> str:
    """For people: where clocks are meant, it says which."""
    title = plain(column.title)
    return f"{title} ({time_zone})" if column.kind is Kind.INSTANT else title


def zone_of(name: str) -> ZoneInfo:
    """Raises ValueError."""
    try:
        return ZoneInfo(name)
    except (LookupError, OSError) as error:
        raise ValueError("The time zone is not known.") from error


def fits(text: str, units: int) -> bool:
    """Whether it has no more UTF-16 units, in which spreadsheets count."""
    return len(text) * 2 <= units or len(text.encode("utf-16-le")) <= units * 2


def cut(text: str, units: int) -> str:
    """At most so many UTF-16 units; of longer ones the beginning and an ellipsis."""
    if fits(text, units):
        return text
    return text.encode("utf-16-le")[: (units - 1) * 2].decode("utf-16-le", "ignore") + ELLIPSIS


def sheet_name(title: str, taken: Iterable[str]) -> str:
    """A name that spreadsheets allow, and that none of ``taken`` is but for its case."""
    name = _NOT_IN_SHEET_NAMES.sub(" ", plain(title)).strip().strip("'").strip() or "Sheet"
    others = {_RESERVED, *(other.casefold() for other in taken)}
    number, candidate = 1, cut(name, SHEET_NAME_UNITS)
    while candidate.casefold() in others:
        number += 1
        ending = f" ({number})"
        candidate = cut(name, SHEET_NAME_UNITS - len(ending)) + ending
    return candidate
