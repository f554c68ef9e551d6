"""When a schedule runs: cron in the local time of a zone.

Five fields as POSIX has them (https://pubs.opengroup.org/onlinepubs/9799919799/utilities/crontab.html): minute, hour, day of the month,
month, day of the week; lists, ranges, steps, names of months and days, 7 as Sunday, and L for the last day of the month. Where
both kinds of day are given, either will do. The minute is a single one: a schedule runs once an hour at most.

A local time that clocks skip is the first instant after; one that they show twice is its first (semantics T8).
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Self
from zoneinfo import ZoneInfo

from db.calendar import ONE_DAY, first_instant, utc

LONGEST = 100
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
LAST_DAY = 32
ANY = "*"
ITEM = re.compile(
    r"(?:(?P<any>\*)|(?P<first>[0-9]{1,2}|[A-Z]{3})(?:-(?P<last>[0-9]{1,2}|[A-Z]{3}))?)(?:/(?P<step>[0-9]{1,2}))?"
)
LONGEST_MONTH = {month: monthrange(2000, month)[1] for month in range(1, 13)}


class CronError(ValueError):
    """A sentence that says what is wrong."""


@dataclass(frozen=True, slots=True)
class Cron:
    """``days`` are those of the month, LAST_DAY its last; ``weekdays`` count from Sunday, 0. None: any."""

    minute: int
    hours: tuple[int, ...]
    days: frozenset[int] | None
    months: frozenset[int]
    weekdays: frozenset[int] | None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises CronError."""
        fields = text.upper().split()
        if len(text) > LONGEST or len(fields) != 5:
            raise CronError("It has five fields: minute, hour, day of the month, month, day of the week.")
        minute, hour, day, month, weekday = fields
        minutes = _values(minute, 0, 59)
        if len(minutes) > 1:
            raise CronError("Give one minute: a schedule runs once an hour at most.")
        days = None if day == ANY else _days(day)
        cron = cls(
            min(minutes),
            tuple(sorted(_values(hour, 0, 23))),
            days,
            frozenset(_values(month, 1, 12, MONTHS)),
            None if weekday == ANY else frozenset(value % 7 for value in _values(weekday, 0, 7, WEEKDAYS)),
        )
        if days and cron.weekdays is None and not any(_fits(days, month) for month in cron.months):
            raise CronError("None of its months has such a day.")
        return cron

    def next_after(self, instant: datetime, zone: ZoneInfo) -> datetime:
        """The first run (UTC) that is later than the instant. Raises OverflowError at the end of the calendar."""
        for wall in self._walls(utc(instant).astimezone(zone).replace(tzinfo=None)):
            # Of a time that is shown twice, the first may be over already.
            if (run := first_instant(wall, zone)) > instant:
                return run
        raise AssertionError("there is always a next one")

    def runs_after(self, instant: datetime, zone: ZoneInfo) -> Iterator[datetime]:
        """All that follow, each once, where several local times are skipped together as well."""
        while True:
            instant = self.next_after(instant, zone)
            yield instant

    def _walls(self, after: datetime) -> Iterator[datetime]:
        """Local times that are meant, later than one; without end."""
        day = after.date()
        while True:
            if self._means(day):
                for hour in self.hours:
                    wall = datetime(day.year, day.month, day.day, hour, self.minute)  # noqa: DTZ001 - the zone comes apart
                    if wall > after:
                        yield wall
            day += ONE_DAY

    def _means(self, day: date) -> bool:
        if day.month not in self.months:
            return False
        of_month = self.days is None or day.day in self.days
        if not of_month and self.days is not None and LAST_DAY in self.days:
            of_month = (day + ONE_DAY).month != day.month
        of_week = self.weekdays is None or day.isoweekday() % 7 in self.weekdays
        either = self.days is not None and self.weekdays is not None
        return of_month or of_week if either else of_month and of_week


def _days(field: str) -> frozenset[int]:
    items = field.split(",")
    rest = ",".join(item for item in items if item != "L")
    last = {LAST_DAY} if "L" in items else set()
    return frozenset(last | (_values(rest, 1, 31) if rest or not last else set()))


def _fits(days: frozenset[int], month: int) -> bool:
    return LAST_DAY in days or min(days) <= LONGEST_MONTH[month]


def _values(field: str, lowest: int, highest: int, names: tuple[str, ...] = ()) -> set[int]:
    """What a field stands for. ``names`` are those of the numbers from ``lowest`` on."""

    def number(text: str) -> int:
        value = int(text) if text.isdigit() else names.index(text) + lowest if text in names else -1
        if not lowest <= value <= highest:
            raise CronError(f"{text} is not from {lowest} to {highest}.")
        return value

    values: set[int] = set()
    for item in field.split(","):
        found = ITEM.fullmatch(item)
        if found is None or found["step"] == "0" or found["step"] == "00":
            raise CronError("A field is like 5, 1-5, */2, 1,3,5 or *.")
        if found["any"]:
            first, last = lowest, highest
        else:
            first = number(found["first"])
            last = number(found["last"]) if found["last"] else highest if found["step"] else first
        if first > last:
            raise CronError(f"{first}-{last} runs backwards.")
        values.update(range(first, last + 1, int(found["step"] or 1)))
    return values
