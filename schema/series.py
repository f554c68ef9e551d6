"""How many points a series can have, told by the arguments that it is asked with."""

from __future__ import annotations

from datetime import date
from typing import Any

from execution.cost_directives import CountedList
from resolvers.periods import EARLIEST, LATEST, MOST_BUCKETS, CalendarPeriod, Grain

LONGEST = (LATEST - EARLIEST).days
SHORTEST_DAYS = {Grain.DAY: 1, Grain.WEEK: 7, Grain.MONTH: 28, Grain.QUARTER: 90, Grain.YEAR: 365}
MOST_HOURS = 25
DAYS = {
    CalendarPeriod.TODAY: 1,
    CalendarPeriod.YESTERDAY: 1,
    CalendarPeriod.THIS_WEEK: 7,
    CalendarPeriod.LAST_WEEK: 7,
    CalendarPeriod.THIS_MONTH: 31,
    CalendarPeriod.LAST_MONTH: 31,
}


def most_points(period: Any, grain: Any) -> int | None:
    """At most so many buckets of ``grain`` touch a period, as a client wrote both; None for what cannot be meant."""
    try:
        days = _most_days(**period)
        # One more at each edge, which the first and the last may cut.
        points = days * MOST_HOURS if grain == Grain.HOUR else days // SHORTEST_DAYS[grain] + 2
    except (TypeError, ValueError, KeyError):
        return None
    return int(min(points, MOST_BUCKETS))


def _most_days(**period: Any) -> int:
    ((kind, value),) = period.items()
    match kind:
        case "lastDays":
            return int(min(value, LONGEST))
        case "range" | "dates":
            # Instants of different zones can lie a day apart on either side.
            return (date.fromisoformat(value["to"][:10]) - date.fromisoformat(value["from"][:10])).days + 2
        case "calendar":
            return DAYS[value]
    return LONGEST


SERIES = CountedList(["period", "grain"], most_points, assumed_size=MOST_BUCKETS, sized_fields=["points"])
"""Of a field that answers with a series."""
