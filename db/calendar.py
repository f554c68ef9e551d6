"""The local calendar: where days begin in a zone, and which of them weeks, months and so on are made of.

Instants are UTC with a zone; days are local dates of a named zone. Everything is half-open: [start, end).
A day lasts from the first instant that reaches its local midnight to the next day's, so it has 23, 23.5, 24,
24.5 or 25 hours, or none at all where a country jumped over the date line. Nothing here adds 86,400 seconds.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from enum import IntEnum, StrEnum
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

ONE_DAY = timedelta(days=1)
ONE_SECOND = timedelta(seconds=1)


class Weekday(IntEnum):
    """Numbered as ``date.weekday()`` does; MONDAY is falsy, so compare with None."""

    MONDAY = 0
    TUESDAY = 1
    WEDNESDAY = 2
    THURSDAY = 3
    FRIDAY = 4
    SATURDAY = 5
    SUNDAY = 6


class Grain(StrEnum):
    HOUR = "HOUR"
    DAY = "DAY"
    WEEK = "WEEK"
    MONTH = "MONTH"
    QUARTER = "QUARTER"
    YEAR = "YEAR"


class CalendarPeriod(StrEnum):
    TODAY = "TODAY"
    YESTERDAY = "YESTERDAY"
    THIS_WEEK = "THIS_WEEK"
    LAST_WEEK = "LAST_WEEK"
    THIS_MONTH = "THIS_MONTH"
    LAST_MONTH = "LAST_MONTH"


GRAIN_OF_CALENDAR_PERIOD = {
    CalendarPeriod.TODAY: Grain.DAY,
    CalendarPeriod.YESTERDAY: Grain.DAY,
    CalendarPeriod.THIS_WEEK: Grain.WEEK,
    CalendarPeriod.LAST_WEEK: Grain.WEEK,
    CalendarPeriod.THIS_MONTH: Grain.MONTH,
    CalendarPeriod.LAST_MONTH: Grain.MONTH,
}
PREVIOUS = {CalendarPeriod.YESTERDAY, CalendarPeriod.LAST_WEEK, CalendarPeriod.LAST_MONTH}
MONTHS_OF_GRAIN = {Grain.MONTH: 1, Grain.QUARTER: 3, Grain.YEAR: 12}


def first_instant(wall: datetime, zone: ZoneInfo) -> datetime:
    """The first instant (UTC) at which clocks of the zone show ``wall`` (naive), or jump past it."""
    early, late = offset_of(wall.replace(tzinfo=zone)), offset_of(wall.replace(tzinfo=zone, fold=1))
    if early >= late:
        return (wall - early).replace(tzinfo=UTC)
    whole = wall.replace(microsecond=0, tzinfo=UTC)
    return change_of_offset(whole - late, whole - early, zone)


@lru_cache(maxsize=8192)
def start_of_day(day: date, zone: ZoneInfo) -> datetime:
    """The first instant (UTC) of a local day; of a day that did not happen, the same as the next day's."""
    return first_instant(datetime(day.year, day.month, day.day), zone)  # noqa: DTZ001 - the zone comes apart


def local_day(instant: datetime, zone: ZoneInfo) -> date:
    """The day d with start_of_day(d) <= instant < start_of_day(d + 1).

    This is the date on the wall, but where clocks went back over midnight (St. John's until 2011): there the
    time that shows the old date again belongs to the day that had begun, so that days never run backwards.
    """
    day = utc(instant).astimezone(zone).date()
    return day + ONE_DAY if instant >= start_of_day(day + ONE_DAY, zone) else day


def add_months(day: date, months: int) -> date:
    """The same day of another month, or its last one: 31 March less a month is 28 or 29 February."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def last_days(count: int, today: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """So many local days up to and including today."""
    first, end = today - (count - 1) * ONE_DAY, start_of_day(today + ONE_DAY, zone)
    # A date that a country jumped over is not one of its last days.
    while missing := count - days_touched(start_of_day(first, zone), end, zone):
        first -= missing * ONE_DAY
    return start_of_day(first, zone), end


def calendar_period(
    asked: CalendarPeriod, today: date, week_start: Weekday, zone: ZoneInfo
) -> tuple[datetime, datetime]:
    """The whole of it, also where that ends after today."""
    grain = GRAIN_OF_CALENDAR_PERIOD[asked]
    first = first_of(today, grain, week_start)
    start, end = start_of_day(first, zone), start_of_day(next_first(first, grain), zone)
    if asked in PREVIOUS:
        end = start
        # Yesterday is the day before, unless there was none.
        while start == end:
            first = first_of(first - ONE_DAY, grain, week_start)
            start = start_of_day(first, zone)
    return start, end


def first_of(day: date, grain: Grain, week_start: Weekday) -> date:
    """The first day of the week, month, … of a day."""
    if grain is Grain.DAY:
        return day
    if grain is Grain.WEEK:
        return day - (day.weekday() - week_start) % 7 * ONE_DAY
    months = MONTHS_OF_GRAIN[grain]
    return date(day.year, day.month - (day.month - 1) % months, 1)


def next_first(first: date, grain: Grain) -> date:
    if grain in MONTHS_OF_GRAIN:
        return add_months(first, MONTHS_OF_GRAIN[grain])
    return first + (7 * ONE_DAY if grain is Grain.WEEK else ONE_DAY)


@lru_cache(maxsize=512)
def days_touched(start: datetime, end: datetime, zone: ZoneInfo) -> int:
    """Local days that overlap [start, end).

    Counted from both ends: a jump over the date line moves the offset by a day, all else by less than half.
    """
    last = end - timedelta(microseconds=1)
    dates = (local_day(last, zone) - local_day(start, zone)).days + 1
    jumped = round((offset_of(last.astimezone(zone)) - offset_of(start.astimezone(zone))) / ONE_DAY)
    return dates - max(jumped, 0)


def label_of(first: date, grain: Grain) -> str:
    if grain is Grain.YEAR:
        return f"{first.year}"
    if grain is Grain.QUARTER:
        return f"{first.year}-Q{(first.month + 2) // 3}"
    if grain is Grain.MONTH:
        return f"{first:%Y-%m}"
    if grain is Grain.WEEK and first.weekday() == Weekday.MONDAY:
        year, week, _ = first.isocalendar()
        return f"{year}-W{week:02}"
    return first.isoformat()


def _first_days(day: date, grain: Grain, week_start: Weekday) -> Iterator[date]:
    first = first_of(day, grain, week_start)
    while True:
        yield first
        first = next_first(first, grain)


def spans(
    since: datetime, grain: Grain, week_start: Weekday, zone: ZoneInfo
) -> Iterator[tuple[datetime, datetime, str]]:
    """Whole days, weeks, … from the one that holds an instant; without end."""
    for first, following in pairwise(_first_days(local_day(since, zone), grain, week_start)):
        start, end = start_of_day(first, zone), start_of_day(following, zone)
        if start < end:
            yield start, end, label_of(first, grain)


def hours(since: datetime, zone: ZoneInfo) -> Iterator[tuple[datetime, datetime, str]]:
    """Whole local hours from the one that holds an instant; without end.

    A change of offset begins a new one: a repeated hour is two, a shift by 30 minutes leaves a short one.
    """
    start = since - _past_the_hour(since, zone)
    if offset_of(start.astimezone(zone)) != offset_of(since.astimezone(zone)):
        start = change_of_offset(start, since, zone)
    while True:
        local = start.astimezone(zone)
        end = start + timedelta(hours=1) - _past_the_hour(start, zone)
        if offset_of(end.astimezone(zone)) != offset_of(local):
            end = change_of_offset(start, end, zone)
        yield start, end, local.isoformat(timespec="minutes")
        start = end


def _past_the_hour(instant: datetime, zone: ZoneInfo) -> timedelta:
    local = instant.astimezone(zone)
    return timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)


def change_of_offset(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The first second in (before, after] without the offset of ``before``, which is at a whole second."""
    offset = offset_of(before.astimezone(zone))
    while (distance := after - before) > ONE_SECOND:
        middle = before + max(distance // ONE_SECOND // 2, 1) * ONE_SECOND
        if offset_of(middle.astimezone(zone)) == offset:
            before = middle
        else:
            after = middle
    return before + ONE_SECOND


def offset_of(local: datetime) -> timedelta:
    offset = local.utcoffset()
    assert offset is not None
    return offset


def utc(instant: datetime) -> datetime:
    """Raises ValueError for an instant without zone: Python would take it for the server's own time."""
    if instant.utcoffset() is None:
        raise ValueError("An instant needs its zone.")
    return instant.astimezone(UTC)
