"""Requests added up: counts and sums are exact, durations are known to a tenth."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from math import fsum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.request_sums import LONGEST, SHORTEST, RequestKey, RequestSums, bucket_of, upper_bound

AT = datetime(2026, 11, 21, 12, 30, tzinfo=UTC)
KEYS = st.builds(RequestKey, st.sampled_from("ab"), st.sampled_from("xy"), st.just("GET"), st.sampled_from([200, 500]))


@given(st.floats(0.01, 86_400_000))
def test_a_bucket_is_at_most_a_tenth_wide(milliseconds: float) -> None:
    bucket = bucket_of(milliseconds)
    assert upper_bound(bucket - 1) < milliseconds <= upper_bound(bucket)


@pytest.mark.parametrize(
    ("milliseconds", "bucket"), [(0, SHORTEST), (1e-9, SHORTEST), (1, 0), (1.1, 1), (1.21, 2), (1e300, LONGEST)]
)
def test_bounds_belong_to_the_bucket_below_them(milliseconds: float, bucket: int) -> None:
    assert bucket_of(milliseconds) == bucket


@given(st.lists(st.tuples(KEYS, st.floats(0, 1e6), st.none() | st.integers(0, 2**40))))
def test_sums_are_those_of_the_requests(requests: list[tuple[RequestKey, float, int | None]]) -> None:
    sums = RequestSums()
    for key, milliseconds, payload in requests:
        sums.of(key).add(milliseconds, payload)
    rows = {RequestKey(*row[:4]): row for row in sums.take(AT)}
    assert rows.keys() == {key for key, *_ in requests}
    for key, row in rows.items():
        own = [(milliseconds, payload) for which, milliseconds, payload in requests if which == key]
        sizes = [payload for _, payload in own if payload is not None]
        assert (row.at, row.requests, row.payloads, row.payload_bytes) == (AT, len(own), len(sizes), sum(sizes))
        assert row.total_microseconds == pytest.approx(1000 * fsum(milliseconds for milliseconds, _ in own), abs=1)
        assert dict(zip(row.buckets, row.counts, strict=True)) == Counter(bucket_of(ms) for ms, _ in own)
        assert row.buckets == sorted(row.buckets)
    assert sums.take(AT) == []
