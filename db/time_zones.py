"""The time zones that people, groups and schedules may have: those in which PostgreSQL and Python cut the same days.

PostgreSQL takes names without a place (CET, EST5EDT) for abbreviations or for rules of its own; ``is_time_zone`` in the database
refuses the same ones.
"""

from __future__ import annotations

import re
from functools import cache
from zoneinfo import available_timezones

NO_PLACE = "This is not the time zone of a place, such as Europe/Madrid."
_OF_A_PLACE = re.compile(r"[A-Z][A-Za-z_]*(/[A-Z][A-Za-z_-]*)+|Etc/GMT([+-]?[0-9]|[+-]1[0-4])|UTC")


@cache
def _places() -> frozenset[str]:
    return frozenset(filter(_OF_A_PLACE.fullmatch, available_timezones()))


def is_place(name: str) -> bool:
    """Whether days can be cut by it, in this exact spelling."""
    return name in _places()
