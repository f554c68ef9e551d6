"""The axis of a chart is cut as the graph's series are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import available_timezones

from hypothesis import given
from hypothesis import strategies as st

from resolvers.periods import NOT_PLACES, Grain, PeriodSpec, buckets, resolve_period
from workers.exports.kinds.axis import MOST_POINTS, axis

ZONES = sorted(available_timezones() - NOT_PLACES)
INSTANTS = st.datetimes(datetime(1970, 1, 2), datetime(2090, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(start=INSTANTS, hours=st.integers(1, 24 * 7 * 120), zone=st.sampled_from(ZONES))
def test_pieces_are_the_graphs_buckets(start: datetime, hours: int, zone: str) -> None:
    end = start + timedelta(hours=hours)
    period = resolve_period(PeriodSpec(range=(start, end)), time_zone=zone, now=datetime(2026, 1, 1, tzinfo=UTC))
    line = axis(start, end, zone)
    expected = buckets(period, line.grain)
    assert list(line.labels) == [bucket.label for bucket in expected]
    assert list(line.edges) == [*(bucket.start for bucket in expected), end]


@given(start=INSTANTS, days=st.integers(1, 40_000), zone=st.sampled_from(ZONES))
def test_there_are_never_too_many(start: datetime, days: int, zone: str) -> None:
    line = axis(start, start + timedelta(days=days), zone)
    assert len(line.labels) <= MOST_POINTS or line.grain is Grain.YEAR
    assert line.grain is not Grain.WEEK or days <= 7 * MOST_POINTS
    assert all(first < second for first, second in zip(line.edges, line.edges[1:], strict=False))


def test_two_years_are_weeks() -> None:
    assert axis(datetime(2024, 9, 4, tzinfo=UTC), datetime(2026, 9, 4, tzinfo=UTC), "Europe/Madrid").grain is Grain.WEEK
