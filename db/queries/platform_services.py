"""How services fare: of each what it told of itself lately, and series of what was measured."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from db.queries.platform_requests import SUMS
from db.snapshot import Snapshot
from db.statement import Statement, sql

GATEWAY = "gateway"
"""What our own gateways are called."""


class Statistic(StrEnum):
    """What becomes of the samples in a bucket."""

    AVG = "AVG"
    MIN = "MIN"
    MAX = "MAX"
    SUM = "SUM"
    COUNT = "COUNT"
    P50 = "P50"
    P95 = "P95"
    P99 = "P99"


class ServiceFigures(NamedTuple):
    """What a service told lately: of requests in the last hour, of itself in the last five minutes. None for what it did not."""

    service_name: str
    last_seen_at: datetime
    requests: int
    mean_ms: float | None
    error_rate: float | None
    cpu_percent: float | None
    memory_mib: float | None
    db_pool_usage: float | None


class SampleSlot(NamedTuple):
    """The statistic of a service's samples between edge ``slot`` and the next, from 1."""

    service_name: str
    slot: int
    value: float


# A service that tells of its requests one by one, or by the minute: the minutes say more, so that they come first.
SERVICES = sql(f"""
WITH seen AS (
  SELECT service_name, max(at) AS at FROM (
    SELECT service_name, max(at) AS at FROM system_metrics WHERE at >= CAST(:now AS timestamptz) - interval '1 day' GROUP BY service_name
    UNION ALL
    SELECT service_name, max(at + make_interval(secs => seconds)) FROM api_metrics
    WHERE at >= CAST(:now AS timestamptz) - interval '1 day' GROUP BY service_name
  ) AS told GROUP BY service_name
), answered AS (
  SELECT service_name, {SUMS}
  FROM api_metrics WHERE at >= CAST(:now AS timestamptz) - interval '1 hour' GROUP BY service_name
), sampled AS (
  SELECT service_name, count(*) FILTER (WHERE metric_name = 'response_time') AS requests,
    avg(value) FILTER (WHERE metric_name = 'response_time') AS mean_ms,
    avg(value) FILTER (WHERE metric_name = 'error_rate') AS error_rate,
    avg(value) FILTER (WHERE metric_name = 'cpu_percent' AND at >= CAST(:now AS timestamptz) - interval '5 minutes') AS cpu_percent,
    avg(value) FILTER (WHERE metric_name = 'memory_mib' AND at >= CAST(:now AS timestamptz) - interval '5 minutes') AS memory_mib,
    avg(value) FILTER (WHERE metric_name = 'db_pool_usage' AND at >= CAST(:now AS timestamptz) - interval '5 minutes') AS db_pool_usage
  FROM system_metrics
  WHERE at >= CAST(:now AS timestamptz) - interval '1 hour'
    AND metric_name IN ('response_time', 'error_rate', 'cpu_percent', 'memory_mib', 'db_pool_usage')
  GROUP BY service_name
)
SELECT service_name, least(seen.at, CAST(:now AS timestamptz)), coalesce(a.requests, s.requests, 0), coalesce(a.mean_ms, s.mean_ms),
  coalesce(a.error_rate, s.error_rate), s.cpu_percent, s.memory_mib, s.db_pool_usage
FROM seen LEFT JOIN answered a USING (service_name) LEFT JOIN sampled s USING (service_name)
ORDER BY service_name LIMIT :most
""")

_STATISTICS = {
    Statistic.AVG: "avg(value)",
    Statistic.MIN: "min(value)",
    Statistic.MAX: "max(value)",
    Statistic.SUM: "sum(value)",
    Statistic.COUNT: "count(*)::float8",
    Statistic.P50: "percentile_cont(0.5) WITHIN GROUP (ORDER BY value)",
    Statistic.P95: "percentile_cont(0.95) WITHIN GROUP (ORDER BY value)",
    Statistic.P99: "percentile_cont(0.99) WITHIN GROUP (ORDER BY value)",
}


def _slots(statistic: Statistic) -> Statement:
    return sql(f"""
SELECT service_name, width_bucket(at, CAST(:edges AS timestamptz[])) AS slot, {_STATISTICS[statistic]}
FROM system_metrics
WHERE metric_name = :metric AND at >= :start AND at < :end AND (CAST(:service AS text) IS NULL OR service_name = :service)
GROUP BY service_name, slot ORDER BY service_name, slot LIMIT :most
""")


SLOTS = {statistic: _slots(statistic) for statistic in Statistic}


async def list_service_figures(snapshot: Snapshot, now: datetime, most: int) -> list[ServiceFigures]:
    """Of the services that told anything in the last day, by name."""
    return [ServiceFigures(*row) for row in await snapshot.rows(SERVICES, now=now, most=most)]


async def list_sample_slots(
    snapshot: Snapshot, metric: str, service: str | None, statistic: Statistic, edges: Sequence[datetime], most: int
) -> list[SampleSlot]:
    """Of the services that measured it (or the one), by name and time, where there are samples. Edges ascend."""
    values = {"metric": metric, "service": service, "edges": edges, "start": edges[0], "end": edges[-1], "most": most}
    return [SampleSlot(*row) for row in await snapshot.rows(SLOTS[statistic], **values)]
