"""When schedules run: cron in local time, against croniter for the times on the wall and against a scan of the clock for instants."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo, available_timezones

import pytest
from croniter import croniter
from hypothesis import given, settings
from hypothesis import strategies as st

from db.cron import Cron, CronError

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
# Where and when clocks did something odd: changes by an hour and by half of one, a skipped day, Ramadan, midnight that was skipped.
ODD = [
    ("Europe/Madrid", "2026-03-29"),
    ("Europe/Madrid", "2026-10-25"),
    ("Australia/Lord_Howe", "2026-04-05"),
    ("Australia/Lord_Howe", "2026-10-04"),
    ("Pacific/Apia", "2011-12-30"),
    ("Africa/Casablanca", "2026-02-15"),
    ("Africa/Casablanca", "2026-03-22"),
    ("America/Sao_Paulo", "2018-11-04"),
    ("America/St_Johns", "2010-11-07"),
    ("Africa/Cairo", "2025-04-25"),
    ("Asia/Pyongyang", "2015-08-15"),
    ("Antarctica/Troll", "2026-03-29"),
    ("Pacific/Kwajalein", "1993-08-21"),
    ("Asia/Kathmandu", "1986-01-01"),
]


def local(instant: datetime, zone: ZoneInfo) -> datetime:
    return instant.astimezone(zone).replace(tzinfo=None)


def scanned(wall: datetime, zone: ZoneInfo) -> datetime:
    """The first minute at which clocks show this or more, found by looking at every one of two days."""
    start = wall.replace(tzinfo=UTC) - timedelta(hours=25)
    for minutes in range(52 * 60):
        if local(start + minutes * MINUTE, zone) >= wall:
            return start + minutes * MINUTE
    raise AssertionError


def expected(text: str, zone: ZoneInfo, since: datetime, count: int) -> list[datetime]:
    """Each local time by croniter, each instant by the scan, each once."""
    walls = croniter(text, local(since, zone) - 2 * DAY)
    found: list[datetime] = []
    while len(found) < count:
        run = scanned(walls.get_next(datetime), zone)
        if run > since and run not in found:
            found.append(run)
    return found


minutes = st.integers(0, 59).map(str)
hours = st.one_of(
    st.just("*"),
    st.integers(0, 23).map(str),
    st.integers(1, 12).map(lambda step: f"*/{step}"),
    st.lists(st.integers(0, 23), min_size=1, max_size=4).map(lambda values: ",".join(map(str, values))),
)


@settings(max_examples=15, deadline=None)
@given(place=st.sampled_from(ODD), offset=st.integers(-2_000, 1_500), minute=minutes, hour=hours)
def test_runs_near_odd_days_are_those_of_a_clock_that_is_watched(
    place: tuple[str, str], offset: int, minute: str, hour: str
) -> None:
    zone, since = ZoneInfo(place[0]), datetime.fromisoformat(place[1]).replace(tzinfo=UTC) + offset * MINUTE
    text = f"{minute} {hour} * * *"
    assert list(islice(Cron.parse(text).runs_after(since, zone), 3)) == expected(text, zone, since, 3)


@settings(max_examples=15, deadline=None)
@given(
    zone=st.sampled_from(sorted(available_timezones() - {"Factory", "localtime"})),
    since=st.datetimes(datetime.fromisoformat("1975-01-01"), datetime.fromisoformat("2037-01-01")),
    minute=minutes,
    hour=st.integers(0, 23),
)
def test_runs_in_any_zone_are_those_of_a_clock_that_is_watched(
    zone: str, since: datetime, minute: str, hour: int
) -> None:
    place, since = ZoneInfo(zone), since.replace(tzinfo=UTC)
    text = f"{minute} {hour} * * *"
    assert list(islice(Cron.parse(text).runs_after(since, place), 3)) == expected(text, place, since, 3)


names = st.sampled_from(["MON", "tue", "Sat", "MON-FRI", "0", "7", "5-7", "1,3", "*", "SUN"])
days = st.one_of(st.sampled_from(["*", "L", "1,15", "28-31", "*/7", "31"]), st.integers(1, 31).map(str))
months = st.sampled_from(["*", "1", "JAN,JUL", "*/3", "2-4", "mar-may", "12"])


@settings(max_examples=150, deadline=None)
@given(
    hour=hours,
    day=days,
    month=months,
    weekday=names,
    since=st.datetimes(datetime.fromisoformat("1990-01-01"), datetime.fromisoformat("2090-01-01")),
)
def test_local_times_are_those_of_croniter(hour: str, day: str, month: str, weekday: str, since: datetime) -> None:
    text = f"30 {hour} {day} {month} {weekday}"
    walls = croniter(text, since)
    runs = islice(Cron.parse(text).runs_after(since.replace(tzinfo=UTC), ZoneInfo("UTC")), 5)
    assert [run.replace(tzinfo=None) for run in runs] == [walls.get_next(datetime) for _ in range(5)]


@pytest.mark.parametrize(
    ("zone", "since", "runs"),
    [
        # Skipped: the first instant after. Repeated: the first of both.
        ("Europe/Madrid", "2026-03-28T12:00Z", ["2026-03-29T01:00Z", "2026-03-30T00:30Z"]),
        ("Europe/Madrid", "2026-10-24T12:00Z", ["2026-10-25T00:30Z", "2026-10-26T01:30Z"]),
        # Asked between both: it is over.
        ("Europe/Madrid", "2026-10-25T00:30Z", ["2026-10-26T01:30Z", "2026-10-27T01:30Z"]),
        # The 30th did not happen.
        ("Pacific/Apia", "2011-12-29T12:30Z", ["2011-12-30T10:00Z", "2011-12-30T12:30Z"]),
    ],
)
def test_half_past_two(zone: str, since: str, runs: list[str]) -> None:
    found = islice(Cron.parse("30 2 * * *").runs_after(datetime.fromisoformat(since), ZoneInfo(zone)), 2)
    assert [f"{run:%Y-%m-%dT%H:%MZ}" for run in found] == runs


def test_a_leap_day_is_found_over_a_century_without_one() -> None:
    run = Cron.parse("0 0 29 2 *").next_after(datetime(2096, 3, 1, tzinfo=UTC), ZoneInfo("UTC"))
    assert run == datetime(2104, 2, 29, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0 0 * *",
        "0 0 * * * *",
        "@daily",
        "* * * * *",
        "0,30 * * * *",
        "*/20 9 * * *",
        "60 0 * * *",
        "0 24 * * *",
        "0 0 0 * *",
        "0 0 32 * *",
        "0 0 * 13 *",
        "0 0 * * 8",
        "0 5-1 * * *",
        "0 */0 * * *",
        "0 0 30 2 *",
        "0 0 31 4,6,9,11 *",
        "0 0 ,1 * *",
        "0 0 L-3 * *",
        "0 0 * * MOM",
        "٣ 0 * * *",
        "0 0 1" + ",1" * 60 + " * *",
        "0 0 * *\0*",
    ],
)
def test_what_never_happens_or_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(CronError):
        Cron.parse(text)
