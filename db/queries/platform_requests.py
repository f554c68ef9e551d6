"""How requests fared, over what is added up in ``api_metrics``."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from db.request_sums import ERROR_STATUS, upper_bound
from db.snapshot import Snapshot
from db.statement import Statement, sql


class RequestOrder(StrEnum):
    """What endpoints are sorted by, the largest first."""

    REQUESTS = "REQUESTS"
    P95 = "P95"
    ERROR_RATE = "ERROR_RATE"


class RequestFigures(NamedTuple):
    """Of all requests in a period. What there is none of is None; times are milliseconds, ``error_rate`` is 0–1."""

    requests: int
    error_rate: float | None
    mean_ms: float | None
    p95_ms: float | None


class EndpointFigures(NamedTuple):
    """Of the requests to an endpoint; ``statuses`` counts them by status. ``mean_payload`` is in bytes, None where unknown."""

    service_name: str
    endpoint: str
    method: str
    requests: int
    error_rate: float
    mean_ms: float
    p95_ms: float
    mean_payload: float | None
    statuses: Mapping[int, int]


SUMS = f"""sum(requests)::bigint AS requests,
  coalesce(sum(requests) FILTER (WHERE status_code >= {ERROR_STATUS}), 0)::float8 / sum(requests)::float8 AS error_rate,
  sum(total_microseconds)::float8 / sum(requests)::float8 / 1000 AS mean_ms"""
_SELECTED = """requests AS MATERIALIZED (
  SELECT service_name, endpoint, method, status_code, requests, total_microseconds, buckets, counts, payloads, payload_bytes
  FROM api_metrics
  WHERE at >= :start AND at < :end AND (CAST(:service AS text) IS NULL OR service_name = :service)
)"""


def _percentile(by: str) -> str:
    """The bucket that holds the 95th of 100 requests in the order of their durations, ``by`` columns."""
    own = f"PARTITION BY {by}" if by else ""
    keys = f"{by}, " if by else ""
    return f"""percentiles AS (
  SELECT {keys}min(bucket) AS p95 FROM (
    SELECT {keys}bucket, sum(count) OVER ({own} ORDER BY bucket) AS so_far, sum(count) OVER ({own}) AS total
    FROM (SELECT {keys}bucket, sum(count) AS count FROM requests, unnest(buckets, counts) AS h (bucket, count)
      GROUP BY {keys}bucket) AS histogram
  ) AS ranked WHERE so_far >= 0.95 * total {f"GROUP BY {by}" if by else ""}
)"""


FIGURES = sql(f"""
WITH {_SELECTED}, {_percentile("")}
SELECT {SUMS}, (SELECT p95 FROM percentiles) FROM requests
""")

_KEY = "service_name, endpoint, method"
_ORDERS = {RequestOrder.REQUESTS: "requests", RequestOrder.P95: "p95", RequestOrder.ERROR_RATE: "error_rate"}


def _endpoints(order: RequestOrder) -> Statement:
    return sql(f"""
WITH {_SELECTED}, {_percentile(_KEY)}, sums AS (
  SELECT {_KEY}, {SUMS}, sum(payload_bytes)::float8 / nullif(sum(payloads), 0)::float8 AS mean_payload
  FROM requests GROUP BY {_KEY}
), statuses AS (
  SELECT {_KEY}, array_agg(status_code ORDER BY status_code) AS codes, array_agg(count ORDER BY status_code) AS counts
  FROM (SELECT {_KEY}, status_code, sum(requests)::bigint AS count FROM requests GROUP BY {_KEY}, status_code) AS counted
  GROUP BY {_KEY}
)
SELECT {_KEY}, requests, error_rate, mean_ms, p95, mean_payload, codes, counts
FROM sums JOIN percentiles USING ({_KEY}) JOIN statuses USING ({_KEY})
ORDER BY {_ORDERS[order]} DESC, {_KEY} LIMIT :most
""")


ENDPOINTS = {order: _endpoints(order) for order in RequestOrder}


async def get_request_figures(
    snapshot: Snapshot, start: datetime, end: datetime, service: str | None = None
) -> RequestFigures:
    """Of the minutes that begin in [start, end)."""
    row = await snapshot.row(FIGURES, start=start, end=end, service=service)
    assert row is not None
    requests, error_rate, mean_ms, p95 = row
    return RequestFigures(requests or 0, error_rate, mean_ms, None if p95 is None else upper_bound(p95))


async def list_endpoint_figures(
    snapshot: Snapshot, start: datetime, end: datetime, service: str | None, order: RequestOrder, most: int
) -> list[EndpointFigures]:
    """Of the minutes that begin in [start, end), sorted."""
    rows = await snapshot.rows(ENDPOINTS[order], start=start, end=end, service=service, most=most)
    return [_endpoint(row) for row in rows]


def _endpoint(row: Any) -> EndpointFigures:
    service_name, endpoint, method, requests, error_rate, mean_ms, p95, mean_payload, codes, counts = row
    return EndpointFigures(
        service_name,
        endpoint,
        method,
        requests,
        error_rate,
        mean_ms,
        upper_bound(p95),
        mean_payload,
        dict(zip(codes, counts, strict=True)),
    )
