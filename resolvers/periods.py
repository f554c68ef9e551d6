"""The calendar: which instants a period covers, where local days begin, and how a period falls into buckets.

Instants are UTC with a zone; days are local dates of a named zone. Everything is half-open: [start, end).
A day lasts from the first instant that reaches its local midnight to the next day's, so it has 23, 23.5, 24,
24.5 or 25 hours, or none at all where a country jumped over the date line. Nothing here adds 86,400 seconds.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import IntEnum, StrEnum
from functools import cache, lru_cache
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo, available_timezones

from resolvers.errors import Invalid

LONGEST_LAST_DAYS = 3_700
MOST_BUCKETS = 1_500
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)

ONE_DAY = timedelta(days=1)
ONE_SECOND = timedelta(seconds=1)
NOT_PLACES = {"Factory", "localtime"}


class PeriodError(Invalid, ValueError):
    """A period, zone or grain that cannot be meant. ``argument`` is the input field, as ``range.from``."""

    def __init__(self, message: str, argument: str) -> None:
        super().__init__(message, argument)
        self.argument = argument


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


class GapFill(StrEnum):
    NONE = "NONE"
    NULL = "NULL"
    ZERO = "ZERO"
    CARRY_FORWARD = "CARRY_FORWARD"


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


@dataclass(frozen=True, slots=True)
class PeriodSpec:
    """What was asked for, in exactly one field. Pairs are half-open: ``dates`` leaves out its second day."""

    last_days: int | None = None
    range: tuple[datetime, datetime] | None = None
    dates: tuple[date, date] | None = None
    calendar: CalendarPeriod | None = None
    all_time: bool = False

    def __post_init__(self) -> None:
        asked = (self.last_days, self.range, self.dates, self.calendar, self.all_time or None)
        if sum(value is not None for value in asked) != 1:
            raise PeriodError("Give exactly one of lastDays, range, dates, calendar, allTime.", "period")


@dataclass(frozen=True, slots=True)
class Period:
    """Instants [start, end) in UTC, and the calendar they were found with. ``now`` is when that was, or an instant before from
    which on the same would have been found.
    """

    start: datetime
    end: datetime
    time_zone: str
    week_start: Weekday
    is_partial: bool
    is_all_time: bool = False
    now: datetime | None = None

    @property
    def found_at(self) -> datetime:
        """``now`` of a period that was found for some instant."""
        assert self.now is not None
        return self.now

    @property
    def days(self) -> int:
        """How many local days the period touches, wholly or in part."""
        return _days_touched(self.start, self.end, find_zone(self.time_zone))


class Bucket(NamedTuple):
    """Instants [start, end) in UTC. ``date`` is the local date of ``start``, None for hours.

    ``label`` names the whole hour, day, week, …, even where the edge of the period cuts it.
    """

    start: datetime
    end: datetime
    date: date | None
    label: str
    is_partial: bool


@cache
def _zone_names() -> frozenset[str]:
    return frozenset(available_timezones() - NOT_PLACES)


def find_zone(name: str) -> ZoneInfo:
    """The zone of an IANA name in its exact spelling. Raises PeriodError.

    The list is asked before the file system, which would open paths, and ignores case on some machines.
    """
    if name in _zone_names():
        return ZoneInfo(name)
    meant = next((known for known in _zone_names() if known.casefold() == name.casefold()), None)
    hint = f"Did you mean {meant}?" if meant else "Use an IANA name, such as Europe/Madrid."
    raise PeriodError(f"There is no such time zone. {hint}", "timeZone")


def first_instant(wall: datetime, zone: ZoneInfo) -> datetime:
    """The first instant (UTC) at which clocks of the zone show ``wall`` (naive), or jump past it."""
    early, late = _offset(wall.replace(tzinfo=zone)), _offset(wall.replace(tzinfo=zone, fold=1))
    if early >= late:
        return (wall - early).replace(tzinfo=UTC)
    whole = wall.replace(microsecond=0, tzinfo=UTC)
    return _change_of_offset(whole - late, whole - early, zone)


@lru_cache(maxsize=8192)
def start_of_day(day: date, zone: ZoneInfo) -> datetime:
    """The first instant (UTC) of a local day; of a day that did not happen, the same as the next day's."""
    return first_instant(datetime(day.year, day.month, day.day), zone)  # noqa: DTZ001 - the zone comes apart


def local_day(instant: datetime, zone: ZoneInfo) -> date:
    """The day d with start_of_day(d) <= instant < start_of_day(d + 1).

    This is the date on the wall, but where clocks went back over midnight (St. John's until 2011): there the
    time that shows the old date again belongs to the day that had begun, so that days never run backwards.
    """
    day = _utc(instant).astimezone(zone).date()
    return day + ONE_DAY if instant >= start_of_day(day + ONE_DAY, zone) else day


def add_months(day: date, months: int) -> date:
    """The same day of another month, or its last one: 31 March less a month is 28 or 29 February."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def resolve_period(spec: PeriodSpec, *, time_zone: str, week_start: Weekday = Weekday.MONDAY, now: datetime) -> Period:
    """The instants that a spec means at ``now`` in a zone. Raises PeriodError."""
    zone, now = find_zone(time_zone), _utc(now)
    today = local_day(now, zone)
    if spec.last_days is not None:
        start, end = _last_days(spec.last_days, today, zone)
    elif spec.range is not None:
        start, end = _range(*spec.range)
    elif spec.dates is not None:
        start, end = _dates(*spec.dates, zone)
    elif spec.calendar is not None:
        start, end = _calendar(spec.calendar, today, week_start, zone)
    else:
        start, end = EARLIEST, start_of_day(today + ONE_DAY, zone)
    return Period(start, end, time_zone, Weekday(week_start), end > now, spec.all_time, now)


def holds_until(spec: PeriodSpec, period: Period) -> datetime | None:
    """Until when a spec means this period, with the same buckets behind and ahead of now: the end of the local hour, or an edge
    of the period that comes before. None where nothing is ahead.
    """
    now = period.found_at
    if (spec.range or spec.dates) and period.end <= now:
        return None
    return min(edge for edge in (_end_of_hour(now, period.time_zone), period.start, period.end) if edge > now)


# Every person on a page asks for the same one.
@lru_cache(maxsize=64)
def _end_of_hour(now: datetime, time_zone: str) -> datetime:
    return next(_hours(now, find_zone(time_zone)))[1]


# Pages ask for the same days all day long.
@lru_cache(maxsize=512)
def buckets(period: Period, grain: Grain) -> tuple[Bucket, ...]:
    """The period in consecutive local hours, days, weeks, … without gaps. Raises PeriodError above 1,500.

    The first and last are cut at the edges of the period. A bucket is partial if it is cut or not yet over.
    """
    axis = _axis(period.start, period.end, period.time_zone, period.week_start, period.is_all_time, grain)
    if not period.is_partial:
        return axis
    over = period.now or period.end - timedelta.resolution
    return tuple(bucket._replace(is_partial=True) if bucket.end > over else bucket for bucket in axis)


def _axis(
    start: datetime, end: datetime, time_zone: str, week_start: Weekday, is_all_time: bool, grain: Grain
) -> tuple[Bucket, ...]:
    """The buckets, partial where they are cut."""
    zone = find_zone(time_zone)
    found: list[Bucket] = []
    for first, last, label in _hours(start, zone) if grain is Grain.HOUR else _spans(start, grain, week_start, zone):
        if first >= end:
            break
        if len(found) == MOST_BUCKETS:
            raise PeriodError(
                f"A series has at most {MOST_BUCKETS:,} buckets. "
                f"Ask for a shorter period or for a coarser grain than {grain.value}.",
                "grain",
            )
        cut_first, cut_last = max(first, start), min(last, end)
        cut = cut_last < last or (cut_first > first and not is_all_time)
        day = None if grain is Grain.HOUR else local_day(cut_first, zone)
        found.append(Bucket(cut_first, cut_last, day, label, cut))
    return tuple(found)


def _last_days(count: int, today: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    if not 1 <= count <= LONGEST_LAST_DAYS:
        raise PeriodError(f"lastDays is a number from 1 to {LONGEST_LAST_DAYS:,}.", "lastDays")
    first, end = today - (count - 1) * ONE_DAY, start_of_day(today + ONE_DAY, zone)
    # A date that a country jumped over is not one of its last days.
    while missing := count - _days_touched(start_of_day(first, zone), end, zone):
        first -= missing * ONE_DAY
    return start_of_day(first, zone), end


def _range(start: datetime, end: datetime) -> tuple[datetime, datetime]:
    for instant, argument in ((start, "range.from"), (end, "range.to")):
        if instant.utcoffset() is None:
            raise PeriodError("An instant needs its zone, as in 2026-11-20T14:00:00Z.", argument)
        if not EARLIEST <= instant <= LATEST:
            raise PeriodError(f"Periods lie within the years {EARLIEST.year} to {LATEST.year - 1}.", argument)
    start, end = _utc(start), _utc(end)
    if start >= end:
        raise PeriodError("range.to must be after range.from.", "range.to")
    return start, end


def _dates(first: date, end: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    for day, argument in ((first, "dates.from"), (end, "dates.to")):
        if not EARLIEST.date() <= day <= LATEST.date():
            raise PeriodError(f"Periods lie within the years {EARLIEST.year} to {LATEST.year - 1}.", argument)
    if first >= end:
        raise PeriodError(
            "dates.to must be after dates.from. It is the first day left out: a single day ends on the next.",
            "dates.to",
        )
    start, stop = start_of_day(first, zone), start_of_day(end, zone)
    if start == stop:
        raise PeriodError(f"{first} did not happen in {zone.key}.", "dates.from")
    return start, stop


def _calendar(asked: CalendarPeriod, today: date, week_start: Weekday, zone: ZoneInfo) -> tuple[datetime, datetime]:
    grain = GRAIN_OF_CALENDAR_PERIOD[asked]
    first = _floor(today, grain, week_start)
    start, end = start_of_day(first, zone), start_of_day(_next(first, grain), zone)
    if asked in PREVIOUS:
        end = start
        # Yesterday is the day before, unless there was none.
        while start == end:
            first = _floor(first - ONE_DAY, grain, week_start)
            start = start_of_day(first, zone)
    return start, end


def _floor(day: date, grain: Grain, week_start: Weekday) -> date:
    """The first day of the week, month, … of a day."""
    if grain is Grain.DAY:
        return day
    if grain is Grain.WEEK:
        return day - (day.weekday() - week_start) % 7 * ONE_DAY
    months = MONTHS_OF_GRAIN[grain]
    return date(day.year, day.month - (day.month - 1) % months, 1)


def _next(first: date, grain: Grain) -> date:
    if grain in MONTHS_OF_GRAIN:
        return add_months(first, MONTHS_OF_GRAIN[grain])
    return first + (7 * ONE_DAY if grain is Grain.WEEK else ONE_DAY)


def _label(first: date, grain: Grain) -> str:
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
    first = _floor(day, grain, week_start)
    while True:
        yield first
        first = _next(first, grain)


def _spans(
    since: datetime, grain: Grain, week_start: Weekday, zone: ZoneInfo
) -> Iterator[tuple[datetime, datetime, str]]:
    """Whole days, weeks, … from the one that holds an instant; without end."""
    for first, following in pairwise(_first_days(local_day(since, zone), grain, week_start)):
        start, end = start_of_day(first, zone), start_of_day(following, zone)
        if start < end:
            yield start, end, _label(first, grain)


def _hours(since: datetime, zone: ZoneInfo) -> Iterator[tuple[datetime, datetime, str]]:
    """Whole local hours from the one that holds an instant; without end.

    A change of offset begins a new one: a repeated hour is two, a shift by 30 minutes leaves a short one.
    """
    start = since - _past_the_hour(since, zone)
    if _offset(start.astimezone(zone)) != _offset(since.astimezone(zone)):
        start = _change_of_offset(start, since, zone)
    while True:
        local = start.astimezone(zone)
        end = start + timedelta(hours=1) - _past_the_hour(start, zone)
        if _offset(end.astimezone(zone)) != _offset(local):
            end = _change_of_offset(start, end, zone)
        yield start, end, local.isoformat(timespec="minutes")
        start = end


def _past_the_hour(instant: datetime, zone: ZoneInfo) -> timedelta:
    local = instant.astimezone(zone)
    return timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)


@lru_cache(maxsize=512)
def _days_touched(start: datetime, end: datetime, zone: ZoneInfo) -> int:
    """Local days that overlap [start, end).

    Counted from both ends: a jump over the date line moves the offset by a day, all else by less than half.
    """
    last = end - timedelta(microseconds=1)
    dates = (local_day(last, zone) - local_day(start, zone)).days + 1
    jumped = round((_offset(last.astimezone(zone)) - _offset(start.astimezone(zone))) / ONE_DAY)
    return dates - max(jumped, 0)


def _change_of_offset(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The first second in (before, after] without the offset of ``before``, which is at a whole second."""
    offset = _offset(before.astimezone(zone))
    while (distance := after - before) > ONE_SECOND:
        middle = before + max(distance // ONE_SECOND // 2, 1) * ONE_SECOND
        if _offset(middle.astimezone(zone)) == offset:
            before = middle
        else:
            after = middle
    return before + ONE_SECOND


def _offset(local: datetime) -> timedelta:
    offset = local.utcoffset()
    assert offset is not None
    return offset


def _utc(instant: datetime) -> datetime:
    """Raises ValueError for an instant without zone: Python would take it for the server's own time."""
    if instant.utcoffset() is None:
        raise ValueError("An instant needs its zone.")
    return instant.astimezone(UTC)
