"""Requests added up by the minute: how many, how long they took, and how large the answers were."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from math import ceil, log
from typing import NamedTuple

GROWTH = 1.1
"""Bucket b of a histogram holds durations of (1.1^(b-1), 1.1^b] milliseconds: a percentile is known to 10 %."""

SHORTEST, LONGEST = -60, 200
"""From 3 microseconds to two days; what is beyond is counted with those."""

ERROR_STATUS = 500
"""From which on a request has failed by the service's own fault."""

_LOG_GROWTH = log(GROWTH)


def bucket_of(milliseconds: float) -> int:
    """The bucket of a duration that is no less than 0."""
    if milliseconds <= 0:
        return SHORTEST
    # What is computed may be above a bound that it is exactly at.
    return min(max(ceil(log(milliseconds) / _LOG_GROWTH - 1e-9), SHORTEST), LONGEST)


def upper_bound(bucket: int) -> float:
    """The longest duration in a bucket, in milliseconds."""
    return float(GROWTH**bucket)


class RequestKey(NamedTuple):
    """What requests are told apart by. ``endpoint`` is a path or the name of an operation."""

    service_name: str
    endpoint: str
    method: str
    status_code: int


class RequestRow(NamedTuple):
    """A row of ``api_metrics``: requests of one key in a minute. The payload is that of ``payloads`` of them."""

    service_name: str
    endpoint: str
    method: str
    status_code: int
    at: datetime
    requests: int
    total_microseconds: int
    buckets: list[int]
    counts: list[int]
    payloads: int
    payload_bytes: int


class RequestSum:
    """Of one key."""

    __slots__ = ("_histogram", "_microseconds", "_payload_bytes", "_payloads", "_requests")

    def __init__(self) -> None:
        self._requests = self._microseconds = self._payloads = self._payload_bytes = 0
        self._histogram: dict[int, int] = {}

    def add(self, milliseconds: float, payload_bytes: int | None = None) -> None:
        """A gateway calls it for each request that it answers."""
        self._requests += 1
        self._microseconds += round(milliseconds * 1000)
        bucket = bucket_of(milliseconds)
        self._histogram[bucket] = self._histogram.get(bucket, 0) + 1
        if payload_bytes is not None:
            self._payloads += 1
            self._payload_bytes += payload_bytes

    def row(self, key: RequestKey, at: datetime) -> RequestRow:
        buckets, counts = map(list, zip(*sorted(self._histogram.items()), strict=True))
        return RequestRow(
            *key, at, self._requests, self._microseconds, buckets, counts, self._payloads, self._payload_bytes
        )


class RequestSums:
    """Of one minute."""

    def __init__(self) -> None:
        self._sums: defaultdict[RequestKey, RequestSum] = defaultdict(RequestSum)

    def of(self, key: RequestKey) -> RequestSum:
        """To add requests to, until the sums are taken."""
        return self._sums[key]

    def take(self, at: datetime) -> list[RequestRow]:
        """The sums so far as rows of the minute ``at``; what follows is counted anew."""
        sums, self._sums = self._sums, defaultdict(RequestSum)
        return [found.row(key, at) for key, found in sums.items()]
