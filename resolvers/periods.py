"""Which instants a period covers, and how it falls into buckets. Where local days begin, ``db/calendar.py`` says.

Instants are UTC with a zone; days are local dates of a named zone. Everything is half-open: [start, end).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import cache, lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo, available_timezones

from db.calendar import (
    ONE_DAY,
    CalendarPeriod,
    Grain,
    Weekday,
    add_months,
    calendar_period,
    days_touched,
    first_instant,
    hours,
    last_days,
    local_day,
    spans,
    start_of_day,
    utc,
)
from db.relative_period import LONGEST_LAST_DAYS
from resolvers.errors import Invalid

__all__ = [
    "EARLIEST",
    "LATEST",
    "LONGEST_LAST_DAYS",
    "MOST_BUCKETS",
    "ONE_DAY",
    "Bucket",
    "CalendarPeriod",
    "GapFill",
    "Grain",
    "Period",
    "PeriodError",
    "PeriodSpec",
    "Weekday",
    "add_months",
    "buckets",
    "find_zone",
    "first_instant",
    "holds_until",
    "local_day",
    "resolve_period",
    "start_of_day",
]

MOST_BUCKETS = 1_500
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)

NOT_PLACES = {"Factory", "localtime"}


class PeriodError(Invalid, ValueError):
    """A period, zone or grain that cannot be meant. ``argument`` is the input field, as ``range.from``."""

    def __init__(self, message: str, argument: str) -> None:
        super().__init__(message, argument)
        self.argument = argument


class GapFill(StrEnum):
    NONE = "NONE"
    NULL = "NULL"
    ZERO = "ZERO"
    CARRY_FORWARD = "CARRY_FORWARD"


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
        return days_touched(self.start, self.end, find_zone(self.time_zone))


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


def resolve_period(spec: PeriodSpec, *, time_zone: str, week_start: Weekday = Weekday.MONDAY, now: datetime) -> Period:
    """The instants that a spec means at ``now`` in a zone. Raises PeriodError."""
    zone, now = find_zone(time_zone), utc(now)
    today = local_day(now, zone)
    if spec.last_days is not None:
        start, end = _last_days(spec.last_days, today, zone)
    elif spec.range is not None:
        start, end = _range(*spec.range)
    elif spec.dates is not None:
        start, end = _dates(*spec.dates, zone)
    elif spec.calendar is not None:
        start, end = calendar_period(spec.calendar, today, week_start, zone)
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
    return next(hours(now, find_zone(time_zone)))[1]


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
    for first, last, label in hours(start, zone) if grain is Grain.HOUR else spans(start, grain, week_start, zone):
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
    return last_days(count, today, zone)


def _range(start: datetime, end: datetime) -> tuple[datetime, datetime]:
    for instant, argument in ((start, "range.from"), (end, "range.to")):
        if instant.utcoffset() is None:
            raise PeriodError("An instant needs its zone, as in 2026-11-20T14:00:00Z.", argument)
        if not EARLIEST <= instant <= LATEST:
            raise PeriodError(f"Periods lie within the years {EARLIEST.year} to {LATEST.year - 1}.", argument)
    start, end = utc(start), utc(end)
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
