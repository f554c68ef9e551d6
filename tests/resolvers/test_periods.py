"""Where clocks change, dates are skipped and weeks cross years; and how the graph asks for periods."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
import strawberry
from hypothesis import given, settings
from hypothesis import strategies as st
from strawberry.schema.config import StrawberryConfig

from resolvers.errors import ClientError
from resolvers.periods import (
    EARLIEST,
    MOST_BUCKETS,
    CalendarPeriod,
    Grain,
    Period,
    PeriodError,
    PeriodSpec,
    Weekday,
    add_months,
    buckets,
    find_zone,
    first_instant,
    holds_until,
    local_day,
    resolve_period,
    start_of_day,
)
from schema import periods as graph

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

ZONES = (
    "UTC", "Africa/Cairo", "Africa/Casablanca", "Africa/Monrovia", "America/Bogota", "America/Caracas",
    "America/Havana", "America/Lima", "America/New_York", "America/Sao_Paulo", "America/Santiago",
    "America/St_Johns", "Antarctica/Casey", "Antarctica/Troll", "Asia/Gaza", "Asia/Kathmandu",
    "Asia/Kolkata", "Asia/Pyongyang", "Asia/Tehran", "Asia/Tokyo", "Atlantic/Azores", "Australia/Adelaide",
    "Australia/Lord_Howe", "Europe/Dublin", "Europe/London", "Europe/Madrid", "Pacific/Apia",
    "Pacific/Chatham", "Pacific/Fakaofo", "Pacific/Kiritimati", "Pacific/Kwajalein", "Pacific/Norfolk",
)  # fmt: skip
CLOCKS_WENT_BACK_OVER_MIDNIGHT = {"America/St_Johns"}


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def days(first: str, end: str, zone: str, week_start: Weekday = Weekday.MONDAY) -> Period:
    asked = PeriodSpec(dates=(date.fromisoformat(first), date.fromisoformat(end)))
    return resolve_period(asked, time_zone=zone, week_start=week_start, now=NOW)


def labels(period: Period, grain: Grain) -> list[str]:
    return [bucket.label for bucket in buckets(period, grain)]


class TestDays:
    @pytest.mark.parametrize(
        ("zone", "day", "start", "hours"),
        [
            ("America/Sao_Paulo", "2018-11-04", "2018-11-04T01:00-02:00", 23),
            ("America/Sao_Paulo", "2018-02-17", "2018-02-17T00:00-02:00", 25),
            ("Africa/Cairo", "2025-04-25", "2025-04-25T01:00+03:00", 23),
            ("Africa/Cairo", "2025-10-30", "2025-10-30T00:00+03:00", 25),
            ("Australia/Lord_Howe", "2026-10-04", "2026-10-04T00:00+10:30", 23.5),
            ("Australia/Lord_Howe", "2026-04-05", "2026-04-05T00:00+11:00", 24.5),
            ("Pacific/Apia", "2011-12-29", "2011-12-29T00:00-10:00", 24),
            ("Pacific/Apia", "2011-12-30", "2011-12-31T00:00+14:00", 0),
            ("Pacific/Apia", "2011-12-31", "2011-12-31T00:00+14:00", 24),
            ("Pacific/Kwajalein", "1993-08-21", "1993-08-22T00:00+12:00", 0),
            ("Africa/Casablanca", "2025-02-23", "2025-02-23T00:00+01:00", 25),
            ("Africa/Casablanca", "2025-04-06", "2025-04-06T00:00+00:00", 23),
            ("Asia/Kathmandu", "2026-05-01", "2026-05-01T00:00+05:45", 24),
            ("Asia/Kathmandu", "1986-01-01", "1986-01-01T00:15+05:45", 23.75),
            ("America/Havana", "2026-11-01", "2026-11-01T00:00-04:00", 25),
            ("Europe/Madrid", "2026-03-29", "2026-03-29T00:00+01:00", 23),
            ("Europe/Madrid", "2026-10-25", "2026-10-25T00:00+02:00", 25),
            ("Africa/Monrovia", "1972-01-07", "1972-01-07T00:44:30+00:00", 23.2583),
        ],
    )
    def test_lasts_from_its_first_instant_to_the_next_days(self, zone: str, day: str, start: str, hours: float) -> None:
        found, known = date.fromisoformat(day), find_zone(zone)
        assert start_of_day(found, known) == utc(start)
        assert (start_of_day(found + DAY, known) - start_of_day(found, known)) / HOUR == pytest.approx(hours, abs=1e-3)

    def test_an_instant_belongs_to_the_local_day(self) -> None:
        assert local_day(utc("2026-11-20T23:30Z"), find_zone("Asia/Kathmandu")) == date(2026, 11, 21)
        assert local_day(utc("2026-11-20T23:30Z"), find_zone("America/Lima")) == date(2026, 11, 20)
        with pytest.raises(ValueError, match="zone"):
            local_day(datetime(2026, 11, 20), find_zone("UTC"))  # noqa: DTZ001

    def test_never_runs_backwards_where_clocks_went_back_over_midnight(self) -> None:
        zone = find_zone("America/St_Johns")
        shown_again = utc("2010-11-06T23:30-03:30")
        assert shown_again.astimezone(zone).date() == date(2010, 11, 6)
        assert local_day(shown_again, zone) == date(2010, 11, 7)

    @pytest.mark.parametrize(
        ("wall", "instant"),
        [
            ("2026-03-29T02:30", "2026-03-29T03:00+02:00"),
            ("2026-10-25T02:30", "2026-10-25T02:30+02:00"),
            ("2026-07-01T02:30", "2026-07-01T02:30+02:00"),
        ],
    )
    def test_a_skipped_time_is_the_instant_after_and_a_repeated_one_its_first(self, wall: str, instant: str) -> None:
        assert first_instant(datetime.fromisoformat(wall), find_zone("Europe/Madrid")) == utc(instant)

    @pytest.mark.parametrize(
        ("day", "months", "expected"),
        [
            (date(2026, 3, 31), -1, date(2026, 2, 28)),
            (date(2028, 3, 31), -1, date(2028, 2, 29)),
            (date(2028, 2, 29), -12, date(2027, 2, 28)),
            (date(2026, 1, 31), -2, date(2025, 11, 30)),
            (date(2026, 12, 1), 1, date(2027, 1, 1)),
        ],
    )
    def test_months_end_at_their_last_day(self, day: date, months: int, expected: date) -> None:
        assert add_months(day, months) == expected


class TestHours:
    def test_a_repeated_hour_is_two(self) -> None:
        found = buckets(days("2026-10-25", "2026-10-26", "Europe/Madrid"), Grain.HOUR)
        assert len(found) == 25
        assert [bucket.label for bucket in found[1:5]] == [
            "2026-10-25T01:00+02:00",
            "2026-10-25T02:00+02:00",
            "2026-10-25T02:00+01:00",
            "2026-10-25T03:00+01:00",
        ]
        assert found[3].start - found[2].start == HOUR
        assert {bucket.date for bucket in found} == {None}

    def test_half_an_hour_of_summer_leaves_short_hours(self) -> None:
        back = buckets(days("2026-04-05", "2026-04-06", "Australia/Lord_Howe"), Grain.HOUR)
        assert [(bucket.label, (bucket.end - bucket.start) / HOUR) for bucket in back[:4]] == [
            ("2026-04-05T00:00+11:00", 1),
            ("2026-04-05T01:00+11:00", 1),
            ("2026-04-05T01:30+10:30", 0.5),
            ("2026-04-05T02:00+10:30", 1),
        ]
        on = buckets(days("2026-10-04", "2026-10-05", "Australia/Lord_Howe"), Grain.HOUR)
        assert [(bucket.label, (bucket.end - bucket.start) / HOUR) for bucket in on[1:4]] == [
            ("2026-10-04T01:00+10:30", 1),
            ("2026-10-04T02:30+11:00", 0.5),
            ("2026-10-04T03:00+11:00", 1),
        ]

    def test_begin_on_the_local_hour(self) -> None:
        asked = PeriodSpec(range=(utc("2026-05-01T00:00Z"), utc("2026-05-01T02:00Z")))
        found = buckets(resolve_period(asked, time_zone="Asia/Kathmandu", now=NOW), Grain.HOUR)
        assert [(bucket.label, bucket.is_partial) for bucket in found] == [
            ("2026-05-01T05:00+05:45", True),
            ("2026-05-01T06:00+05:45", False),
            ("2026-05-01T07:00+05:45", True),
        ]

    def test_one_cut_in_the_middle_of_a_change_keeps_its_start(self) -> None:
        asked = PeriodSpec(range=(utc("2026-04-05T01:45+10:30"), utc("2026-04-05T02:00+10:30")))
        (found,) = buckets(resolve_period(asked, time_zone="Australia/Lord_Howe", now=NOW), Grain.HOUR)
        assert (found.label, found.is_partial) == ("2026-04-05T01:30+10:30", True)


class TestBuckets:
    def test_a_date_that_did_not_happen_has_none(self) -> None:
        period = days("2011-12-28", "2012-01-02", "Pacific/Apia")
        assert labels(period, Grain.DAY) == ["2011-12-28", "2011-12-29", "2011-12-31", "2012-01-01"]
        assert period.days == 4

    def test_a_week_of_the_new_year_is_named_for_its_start(self) -> None:
        period = days("2026-12-28", "2027-01-11", "Europe/Madrid")
        assert labels(period, Grain.WEEK) == ["2026-W53", "2027-W01"]

    def test_only_weeks_from_monday_have_iso_names(self) -> None:
        period = days("2026-11-15", "2026-11-29", "America/New_York", Weekday.SUNDAY)
        assert labels(period, Grain.WEEK) == ["2026-11-15", "2026-11-22"]

    @pytest.mark.parametrize(
        ("grain", "expected"),
        [
            (Grain.MONTH, ["2026-02", "2026-03", "2026-04"]),
            (Grain.QUARTER, ["2026-Q1", "2026-Q2"]),
            (Grain.YEAR, ["2026"]),
        ],
    )
    def test_months_quarters_and_years(self, grain: Grain, expected: list[str]) -> None:
        period = days("2026-02-10", "2026-04-20", "Europe/Madrid")
        found = buckets(period, grain)
        assert [bucket.label for bucket in found] == expected
        assert found[0].date == date(2026, 2, 10)
        assert found[0].is_partial
        assert found[-1].is_partial
        assert not any(bucket.is_partial for bucket in found[1:-1])

    def test_today_and_the_days_to_come_are_partial(self) -> None:
        period = resolve_period(PeriodSpec(calendar=CalendarPeriod.THIS_WEEK), time_zone="UTC", now=NOW)
        assert [bucket.is_partial for bucket in buckets(period, Grain.DAY)] == [False] * 4 + [True] * 3

    def test_a_period_that_does_not_know_when_it_was_resolved_ends_partial(self) -> None:
        period = Period(utc("2026-11-19T00:00Z"), utc("2026-11-21T00:00Z"), "UTC", Weekday.MONDAY, is_partial=True)
        assert [bucket.is_partial for bucket in buckets(period, Grain.DAY)] == [False, True]

    def test_nothing_is_cut_from_all_time(self) -> None:
        period = resolve_period(PeriodSpec(all_time=True), time_zone="Europe/Madrid", now=NOW)
        found = buckets(period, Grain.YEAR)
        assert (found[0].label, found[0].is_partial) == ("1970", False)
        assert (found[-1].label, found[-1].is_partial) == ("2026", True)

    def test_are_limited(self) -> None:
        assert len(buckets(days("2020-01-01", "2024-02-09", "UTC"), Grain.DAY)) == MOST_BUCKETS
        with pytest.raises(PeriodError, match="1,500") as refused:
            buckets(days("2020-01-01", "2024-02-10", "UTC"), Grain.DAY)
        assert refused.value.argument == "grain"


class TestPeriods:
    def test_last_days_hold_today(self) -> None:
        found = resolve_period(PeriodSpec(last_days=7), time_zone="America/Lima", now=utc("2026-11-21T03:00Z"))
        assert (found.start, found.end) == (utc("2026-11-14T00:00-05:00"), utc("2026-11-21T00:00-05:00"))
        assert (found.days, found.is_partial, found.is_all_time) == (7, True, False)

    def test_the_first_instant_of_a_day_is_that_day(self) -> None:
        midnight = utc("2026-11-20T00:00+01:00")
        found = resolve_period(PeriodSpec(last_days=1), time_zone="Europe/Madrid", now=midnight)
        before = resolve_period(
            PeriodSpec(last_days=1), time_zone="Europe/Madrid", now=midnight - timedelta(microseconds=1)
        )
        assert found.start == midnight == before.end

    def test_last_days_do_not_count_a_date_that_did_not_happen(self) -> None:
        found = resolve_period(PeriodSpec(last_days=3), time_zone="Pacific/Apia", now=utc("2011-12-31T12:00+14:00"))
        assert labels(found, Grain.DAY) == ["2011-12-28", "2011-12-29", "2011-12-31"]

    @pytest.mark.parametrize(
        ("asked", "first", "end", "partial"),
        [
            (CalendarPeriod.TODAY, "2026-11-20", "2026-11-21", True),
            (CalendarPeriod.YESTERDAY, "2026-11-19", "2026-11-20", False),
            (CalendarPeriod.THIS_WEEK, "2026-11-15", "2026-11-22", True),
            (CalendarPeriod.LAST_WEEK, "2026-11-08", "2026-11-15", False),
            (CalendarPeriod.THIS_MONTH, "2026-11-01", "2026-12-01", True),
            (CalendarPeriod.LAST_MONTH, "2026-10-01", "2026-11-01", False),
        ],
    )
    def test_calendar(self, asked: CalendarPeriod, first: str, end: str, partial: bool) -> None:
        zone = "Europe/Madrid"
        found = resolve_period(PeriodSpec(calendar=asked), time_zone=zone, week_start=Weekday.SUNDAY, now=NOW)
        expected = days(first, end, zone)
        assert (found.start, found.end, found.is_partial) == (expected.start, expected.end, partial)
        assert found.week_start is Weekday.SUNDAY

    def test_yesterday_is_the_last_day_that_happened(self) -> None:
        found = resolve_period(
            PeriodSpec(calendar=CalendarPeriod.YESTERDAY),
            time_zone="Pacific/Apia",
            now=utc("2011-12-31T12:00+14:00"),
        )
        assert labels(found, Grain.DAY) == ["2011-12-29"]

    def test_all_time_ends_with_today(self) -> None:
        found = resolve_period(PeriodSpec(all_time=True), time_zone="Asia/Tokyo", now=NOW)
        assert (found.start, found.end) == (EARLIEST, utc("2026-11-21T00:00+09:00"))
        assert found.is_all_time

    def test_a_range_keeps_its_instants(self) -> None:
        start, end = utc("2026-11-01T10:00:00.000001+01:00"), NOW
        found = resolve_period(PeriodSpec(range=(start, end)), time_zone="Europe/Madrid", now=NOW)
        assert (found.start, found.end, found.is_partial, found.days) == (start, end, False, 20)

    @pytest.mark.parametrize(
        ("asked", "argument"),
        [
            ({"last_days": 0}, "lastDays"),
            ({"last_days": 3_701}, "lastDays"),
            ({"range": (NOW, NOW)}, "range.to"),
            ({"range": (NOW, NOW - HOUR)}, "range.to"),
            ({"range": (NOW.replace(tzinfo=None), NOW)}, "range.from"),
            ({"range": (NOW, NOW.replace(tzinfo=None))}, "range.to"),
            ({"range": (datetime.min.replace(tzinfo=UTC), NOW)}, "range.from"),
            ({"range": (NOW, datetime.max.replace(tzinfo=UTC))}, "range.to"),
            ({"dates": (date(2026, 1, 2), date(2026, 1, 2))}, "dates.to"),
            ({"dates": (date(1, 1, 1), date(2026, 1, 2))}, "dates.from"),
            ({"dates": (date(2026, 1, 1), date.max)}, "dates.to"),
            ({"dates": (date(2011, 12, 30), date(2011, 12, 31))}, "dates.from"),
            ({}, "period"),
            ({"last_days": 1, "all_time": True}, "period"),
        ],
    )
    def test_what_cannot_be_meant_is_refused(self, asked: dict[str, Any], argument: str) -> None:
        with pytest.raises(PeriodError) as refused:
            resolve_period(PeriodSpec(**asked), time_zone="Pacific/Apia", now=NOW)
        assert refused.value.argument == argument
        assert isinstance(refused.value, ClientError)
        assert refused.value.extensions == {"code": "VALIDATION", "argument": argument}

    def test_the_longest(self) -> None:
        assert resolve_period(PeriodSpec(last_days=3_700), time_zone="Africa/Casablanca", now=NOW).days == 3_700

    @pytest.mark.parametrize(
        "name",
        [
            "", "europe/madrid", "EUROPE/MADRID", "Europe", "Europe/Atlantis", "/etc/localtime",
            "../../etc/passwd", "America/../Europe/Madrid", "Europe/Madrid\0", "Factory", "localtime",
            "posixrules", "tzdata.zi", "+01:00", "right/UTC", "x" * 10_000,
        ],
    )  # fmt: skip
    def test_a_zone_that_does_not_exist_is_refused(self, name: str) -> None:
        with pytest.raises(PeriodError) as refused:
            resolve_period(PeriodSpec(last_days=1), time_zone=name, now=NOW)
        assert refused.value.argument == "timeZone"
        assert len(str(refused.value)) < 100

    def test_a_misspelt_zone_is_hinted_at(self) -> None:
        with pytest.raises(PeriodError, match="Did you mean Europe/Madrid"):
            find_zone("europe/MADRID")


@st.composite
def periods_and_grains(draw: st.DrawFn) -> tuple[Period, Grain]:
    grain = draw(st.sampled_from(Grain))
    start = draw(st.datetimes(datetime(1970, 1, 1), datetime(2037, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
    longest = timedelta(days={Grain.HOUR: 60, Grain.DAY: 1_490}.get(grain, 9_000))
    # Short ones too: hypothesis would rarely draw a period within an hour.
    length = draw(st.one_of(st.timedeltas(timedelta(microseconds=1), span) for span in (HOUR, 3 * DAY, longest)))
    asked = PeriodSpec(range=(start, start + length))
    zone, week_start = draw(st.sampled_from(ZONES)), draw(st.sampled_from(Weekday))
    return resolve_period(asked, time_zone=zone, week_start=week_start, now=NOW), grain


@settings(max_examples=400, deadline=None)
@given(periods_and_grains(), st.floats(0, 1))
def test_buckets_cover_a_period_exactly(drawn: tuple[Period, Grain], position: float) -> None:
    period, grain = drawn
    found = buckets(period, grain)
    assert found[0].start == period.start
    assert found[-1].end == period.end
    assert all(before.end == after.start for before, after in pairwise(found))
    assert all(bucket.start < bucket.end for bucket in found)
    assert len({bucket.label for bucket in found}) == len(found)
    assert not any(bucket.is_partial for bucket in found[1:-1] if bucket.end <= NOW)

    zone = find_zone(period.time_zone)
    instant = period.start + position * (period.end - period.start - timedelta(microseconds=1))
    (holder,) = (bucket for bucket in found if bucket.start <= instant < bucket.end)
    if grain is Grain.DAY:
        assert len(found) == period.days
        assert holder.date == local_day(instant, zone)
        assert holder.label == holder.date.isoformat()
        assert period.time_zone in CLOCKS_WENT_BACK_OVER_MIDNIGHT or holder.date == instant.astimezone(zone).date()
    if grain is Grain.HOUR:
        assert holder.label[:13] == instant.astimezone(zone).isoformat()[:13]
        assert holder.end - holder.start <= HOUR
    if grain is Grain.WEEK:
        assert holder.end - holder.start <= 7 * DAY + 3 * HOUR
        assert all(bucket.date and bucket.date.weekday() == period.week_start for bucket in found[1:]) or (
            period.time_zone in {"Pacific/Apia", "Pacific/Fakaofo", "Pacific/Kiritimati", "Pacific/Kwajalein"}
        )


@settings(max_examples=300, deadline=None)
@given(st.dates(date(1970, 1, 2), date(2199, 12, 30)), st.sampled_from(ZONES))
def test_a_day_starts_at_the_first_instant_that_shows_it(day: date, name: str) -> None:
    zone = find_zone(name)
    start = start_of_day(day, zone)
    assert start <= start_of_day(day + DAY, zone)
    assert (start - timedelta(microseconds=1)).astimezone(zone).date() < day
    assert start.astimezone(zone).date() >= day


@st.composite
def specs_and_instants(draw: st.DrawFn) -> tuple[PeriodSpec, str, datetime]:
    """Instants lie anywhere, or close to where clocks change and days begin; what is asked for lies around them."""
    zone = draw(st.sampled_from(ZONES))
    now = draw(st.datetimes(datetime(1971, 1, 1), datetime(2037, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
    if draw(st.booleans()):
        now = start_of_day(now.date(), find_zone(zone)) + draw(st.timedeltas(-3 * HOUR, 3 * HOUR))
    start = now + draw(st.timedeltas(-3 * DAY, 2 * HOUR))
    day = start.date()
    spec = draw(
        st.one_of(
            st.builds(PeriodSpec, last_days=st.integers(1, 5)),
            st.builds(PeriodSpec, calendar=st.sampled_from(CalendarPeriod)),
            st.builds(PeriodSpec, range=st.tuples(st.just(start), st.just(start + draw(st.timedeltas(HOUR, 4 * DAY))))),
            st.builds(PeriodSpec, dates=st.tuples(st.just(day), st.just(day + draw(st.integers(1, 4)) * DAY))),
            st.just(PeriodSpec(all_time=True)),
        )
    )
    return spec, zone, now


@settings(max_examples=400, deadline=None)
@given(specs_and_instants(), st.floats(0, 1))
def test_until_a_period_is_another_one_it_and_its_buckets_are_the_same(
    drawn: tuple[PeriodSpec, str, datetime], position: float
) -> None:
    spec, zone, now = drawn
    try:
        period = resolve_period(spec, time_zone=zone, now=now)
    except PeriodError:
        return  # a date that did not happen there
    until = holds_until(spec, period)
    end = now + 9_000 * DAY if until is None else until
    assert end > now
    later = resolve_period(spec, time_zone=zone, now=now + position * (end - now - timedelta(microseconds=1)))
    assert replace(later, now=None) == replace(period, now=None)
    assert later.now is not None
    for grain in (Grain.MONTH, Grain.YEAR) if spec.all_time else Grain:
        axis, same = buckets(period, grain), buckets(later, grain)
        assert axis == same
        assert [bucket.start <= now for bucket in axis] == [bucket.start <= later.now for bucket in same]


def test_what_is_over_stays_as_it_was() -> None:
    yesterday = PeriodSpec(dates=(date(2026, 11, 19), date(2026, 11, 20)))
    assert holds_until(yesterday, resolve_period(yesterday, time_zone="UTC", now=NOW)) is None
    for spec in (PeriodSpec(last_days=7), PeriodSpec(calendar=CalendarPeriod.LAST_MONTH), PeriodSpec(all_time=True)):
        period = resolve_period(spec, time_zone="Asia/Kolkata", now=NOW)
        assert holds_until(spec, period) == utc("2026-11-20T12:30:00+00:00"), "the hours of India end at half past"


@strawberry.type
class Query:
    @strawberry.field
    def period(
        self,
        period: graph.PeriodInput = graph.PeriodInput(last_days=30),  # noqa: B008
        calendar: graph.CalendarInput | None = None,
    ) -> graph.Period:
        return graph.Period.from_period(self._resolve(period, calendar))

    @strawberry.field
    def buckets(
        self,
        period: graph.PeriodInput,
        calendar: graph.CalendarInput | None = None,
        grain: graph.TimeGrain = graph.TimeGrain.DAY,
        fill: graph.GapFill = graph.GapFill.NONE,
    ) -> list[graph.TimeBucket]:
        return [graph.TimeBucket.from_bucket(each) for each in buckets(self._resolve(period, calendar), grain)]

    @staticmethod
    def _resolve(period: graph.PeriodInput, calendar: graph.CalendarInput | None) -> Period:
        zone = calendar.time_zone if calendar and calendar.time_zone else "UTC"
        start = Weekday.MONDAY if calendar is None or calendar.week_start is None else calendar.week_start
        return resolve_period(period.to_spec(), time_zone=zone, week_start=start, now=NOW)


class Quiet(strawberry.Schema):
    def process_errors(self, *_: Any, **__: Any) -> None:
        """Expected errors are no news."""


SCHEMA = Quiet(Query, config=StrawberryConfig(scalar_map=graph.SCALARS))


def ask(query: str, **variables: Any) -> Any:
    answer = SCHEMA.execute_sync(query, variables, root_value=Query())
    assert answer.errors is None
    return answer.data


def refusal(period: str, calendar: str = "{}") -> str:
    answer = SCHEMA.execute_sync(f"{{ period(period: {period}, calendar: {calendar}) {{ days }} }}", root_value=Query())
    assert answer.errors is not None
    return answer.errors[0].message


class TestGraph:
    def test_a_period_comes_back_as_understood(self) -> None:
        found = ask(
            """{ period(period: {range: {from: "2026-11-01T00:00:00.123456+01:00",
                                         to: "2026-11-20t13:00:00z"}},
                        calendar: {timeZone: "Europe/Madrid", weekStart: SUNDAY})
                 { from to timeZone weekStart days isPartial } }"""
        )
        assert found["period"] == {
            "from": "2026-10-31T23:00:00.123Z",
            "to": "2026-11-20T13:00:00.000Z",
            "timeZone": "Europe/Madrid",
            "weekStart": "SUNDAY",
            "days": 20,
            "isPartial": True,
        }

    def test_defaults_and_variables(self) -> None:
        assert ask("{ period { days } }") == {"period": {"days": 30}}
        query = "query ($period: PeriodInput!) { period(period: $period) { days isPartial } }"
        dates = {"from": "2026-02-01", "to": "2026-03-01"}
        assert ask(query, period={"dates": dates})["period"] == {"days": 28, "isPartial": False}
        assert ask(query, period={"calendar": "LAST_MONTH"})["period"] == {"days": 31, "isPartial": False}
        assert ask(query, period={"allTime": True})["period"]["isPartial"]

    def test_buckets(self) -> None:
        found = ask(
            """{ buckets(period: {dates: {from: "2011-12-29", to: "2012-01-01"}},
                         calendar: {timeZone: "Pacific/Apia"}) { start end date label isPartial } }"""
        )
        assert found["buckets"] == [
            {
                "start": "2011-12-29T10:00:00.000Z",
                "end": "2011-12-30T10:00:00.000Z",
                "date": "2011-12-29",
                "label": "2011-12-29",
                "isPartial": False,
            },
            {
                "start": "2011-12-30T10:00:00.000Z",
                "end": "2011-12-31T10:00:00.000Z",
                "date": "2011-12-31",
                "label": "2011-12-31",
                "isPartial": False,
            },
        ]

    def test_an_instant_without_zone_is_refused(self) -> None:
        written = '{range: {from: "2024-05-15T14:30:00", to: "2024-05-16T14:30:00Z"}}'
        assert "needs a zone" in refusal(written)

    def test_a_refused_instant_in_a_document_says_where_it_stands(self) -> None:
        document = '{ buckets(period: {range: {from: "2024-05-15", to: "2024-05-16T00:00:00Z"}}) { start } }'
        (error,) = SCHEMA.execute_sync(document).errors or []
        assert [(place.line, place.column) for place in error.locations or []] == [
            (1, document.index('"2024-05-15"') + 1)
        ]

    @pytest.mark.parametrize(
        "instant",
        [
            '"2024-05-15"', '"2024-05-15T14:30Z"', '"20240515T143000Z"', '"2024-05-15 14:30:00Z"',
            '"2024-W20-3T00:00:00Z"', '"2024-05-15T14:30:00-00:00"', '"2024-05-15T14:30:00+0100"',
            '"2024-05-15T14:30:00Z\\n"', '"2024-02-30T00:00:00Z"', '"2024-05-15T24:30:00Z"',
            '"2024-05-15T23:59:60Z"', '"0001-01-01T00:00:00+01:00"', '"now"', "1715783400", "true",
        ],
    )  # fmt: skip
    def test_what_is_no_instant_is_refused(self, instant: str) -> None:
        assert "instant" in (message := refusal(f'{{range: {{from: {instant}, to: "2026-01-01T00:00:00Z"}}}}')) or (
            "RFC 3339" in message
        )

    @pytest.mark.parametrize("day", ['"20240515"', '"2024-W20-3"', '"2024-02-30"', '"2024-05-15T00:00:00Z"', "2024"])
    def test_what_is_no_date_is_refused(self, day: str) -> None:
        assert refusal(f'{{dates: {{from: {day}, to: "2026-01-01"}}}}').startswith(("Date is", "There is no such day"))

    @pytest.mark.parametrize(
        ("period", "message"),
        [
            ("{}", "exactly one"),
            ("{lastDays: 1, allTime: true}", "exactly one"),
            ("{lastDays: null}", "non-null"),
            ("{allTime: false}", "allTime can only be true"),
            ("{lastDays: 0}", "from 1 to 3,700"),
            ('{dates: {from: "2026-01-02", to: "2026-01-02"}}', "first day left out"),
        ],
    )
    def test_one_field_exactly(self, period: str, message: str) -> None:
        assert message in refusal(period)

    @pytest.mark.parametrize("zone", ['"../etc/passwd"', '"europe/madrid"', "1", '""'])
    def test_a_zone_that_does_not_exist_is_refused(self, zone: str) -> None:
        assert refusal("{lastDays: 1}", f"{{timeZone: {zone}}}").startswith(
            ("There is no such time zone", "TimeZone is")
        )

    def test_instants_and_dates_are_not_mixed_up_in_answers(self) -> None:
        with pytest.raises(ValueError, match="zone"):
            SCHEMA._schema.type_map["DateTime"].serialize(datetime(2026, 1, 1))  # type: ignore[attr-defined] # noqa: DTZ001
        with pytest.raises(TypeError, match="zone"):
            SCHEMA._schema.type_map["Date"].serialize(NOW)  # type: ignore[attr-defined]

    def test_everything_is_described(self) -> None:
        for name, kind in SCHEMA._schema.type_map.items():
            if name.startswith("__") or name in {"Query", "String", "Int", "Boolean"}:
                continue
            assert kind.description, name
            members = {**getattr(kind, "fields", {}), **getattr(kind, "values", {})}
            assert all(member.description for member in members.values()), name
