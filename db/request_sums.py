"""Requests added up by the minute: how many, how long they took, and how large the answers were."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from datetime import datetime
from typing import NamedTuple

GROWTH = 1.1
"""Bucket b of a histogram holds durations of (1.1^(b-1), 1.1^b] milliseconds: a percentile is known to 10 %."""

SHORTEST, LONGEST = -60, 200
"""From 3 microseconds to two days; what is beyond is counted with those."""

ERROR_STATUS = 500
"""From which on a request has failed by the service's own fault."""


def upper_bound(bucket: int) -> float:
    """The longest duration in a bucket, in milliseconds."""
    return float(GROWTH**bucket)


_BOUNDS = [upper_bound(bucket) for bucket in range(SHORTEST, LONGEST)]


def bucket_of(milliseconds: float) -> int:
    """The bucket of a duration."""
    return SHORTEST + bisect_left(_BOUNDS, milliseconds)


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

    __slots__ = ("_counts", "_milliseconds", "_payload_bytes", "_without_payload")

    def __init__(self) -> None:
        self._counts = [0] * (LONGEST - SHORTEST + 1)
        self._milliseconds = 0.0
        self._payload_bytes = self._without_payload = 0

    def add(self, milliseconds: float, payload_bytes: int | None = None) -> None:
        """A gateway calls it for each request that it answers."""
        self._counts[bucket_of(milliseconds) - SHORTEST] += 1
        self._milliseconds += milliseconds
        if payload_bytes is None:
            self._without_payload += 1
        else:
            self._payload_bytes += payload_bytes

    def row(self, key: RequestKey, at: datetime) -> RequestRow:
        counts = {bucket: count for bucket, count in enumerate(self._counts, SHORTEST) if count}
        requests = sum(self._counts)
        return RequestRow(
            *key,
            at,
            requests=requests,
            total_microseconds=round(self._milliseconds * 1000),
            buckets=[*counts],
            counts=[*counts.values()],
            payloads=requests - self._without_payload,
            payload_bytes=self._payload_bytes,
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
