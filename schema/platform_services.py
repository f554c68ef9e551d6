"""How services fare, and what they measured."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Self

import strawberry

from db.queries.platform_services import Statistic
from execution.cost_directives import CountedList
from execution.live.noise import NOISE
from resolvers import health_checks, periods
from resolvers.health_checks import HealthStatus
from resolvers.platform_series import MOST_COMPARED, Point
from resolvers.platform_services import SeenService
from schema.costs import assumed
from schema.enums import describe_enum
from schema.periods import TimeBucket
from schema.platform_requests import ERROR_RATE
from schema.scalars import BigInt
from schema.series import most_points

describe_enum(
    Statistic,
    "Statistic",
    "What becomes of the samples in a bucket. Percentiles are exact: between two samples, in proportion (percentile_cont).",
    {
        "AVG": "Their mean.",
        "MIN": "The smallest.",
        "MAX": "The largest.",
        "SUM": "Their sum.",
        "COUNT": "How many there are.",
        "P50": "Their median.",
        "P95": "What 95 of 100 do not exceed.",
        "P99": "What 99 of 100 do not exceed.",
    },
)
describe_enum(
    HealthStatus,
    "HealthStatus",
    "How a service is, or something that it needs.",
    {
        "OK": "All is well.",
        "DEGRADED": "In the last hour a larger share of its requests failed than ALERT_THRESHOLD_ERROR_RATE, or they took longer on "
        "average than ALERT_THRESHOLD_RESPONSE_TIME, or one of its checks is not OK. Of a check: answers are right, but not as fast or "
        "not as fresh as they could be.",
        "DOWN": "It has told nothing for five minutes. Of a check: without it there are no answers.",
    },
)


def _most_samples(service: Any, period: Any, grain: Any) -> int | None:
    points = most_points(period, grain)
    return None if points is None else points * (MOST_COMPARED if service is None else 1)


SAMPLES = CountedList(["service", "period", "grain"], _most_samples, assumed_size=MOST_COMPARED * periods.MOST_BUCKETS)


@strawberry.type(description="What became of the samples of a service in one bucket.")
class MetricPoint:
    bucket: TimeBucket = strawberry.field(description="The bucket.")
    service_name: str = strawberry.field(description="The service.")
    value: float = strawberry.field(description="The statistic of its samples.")

    @classmethod
    def from_point(cls, point: Point) -> Self:
        assert point.service_name is not None
        return cls(bucket=TimeBucket.from_bucket(point.bucket), service_name=point.service_name, value=point.value)


@strawberry.type(description="One thing that a service needs, and how it is.")
class HealthCheck:
    name: str = strawberry.field(
        description="What was looked at, such as `database`, `migrations`, `views`, `events` or `changeFeed`."
    )
    status: HealthStatus = strawberry.field(description="How it is.")
    latency_ms: float | None = strawberry.field(
        description="How long it took to answer, in milliseconds; null where nothing was asked of it, or it did not answer.",
        metadata=NOISE,
    )
    detail: str | None = strawberry.field(description="What is wrong with it; null where all is well.")

    @classmethod
    def from_check(cls, check: health_checks.HealthCheck) -> Self:
        return cls(name=check.name, status=check.status, latency_ms=check.latency_ms, detail=check.detail)


@strawberry.type(
    description="How a service is, by what it told: of requests in the last hour, of itself in the last five minutes."
)
class ServiceHealth:
    service_name: str = strawberry.field(description="Its name; the gateways of this platform are `gateway`.")
    status: HealthStatus = strawberry.field(description="How it is.")
    request_count: BigInt = strawberry.field(
        description="How many requests it answered; by its samples of response_time where it told of no requests."
    )
    avg_response_time_ms: float | None = strawberry.field(
        description="How long they took on average, in milliseconds; null where there were none."
    )
    error_rate: float | None = strawberry.field(
        description=f"{ERROR_RATE} Where it told of no requests, the mean of its samples of error_rate."
    )
    cpu_percent: float | None = strawberry.field(
        description="How much of a processor it used: the mean of its samples of cpu_percent."
    )
    memory_mib: float | None = strawberry.field(
        description="How much memory it used: the mean of its samples of memory_mib."
    )
    db_pool_usage: float | None = strawberry.field(
        description="The share of its connections to a database in use, 0 to 1: the mean of its samples of db_pool_usage."
    )
    last_seen_at: datetime = strawberry.field(description="When it last told anything.", metadata=NOISE)
    checks: list[HealthCheck] = strawberry.field(
        description="What the gateway that answers finds of itself, as /health/ready tells it, on `gateway` for those who may "
        "OPERATE; other services have none.",
        directives=[assumed(5)],
    )

    @classmethod
    def from_seen(cls, seen: SeenService) -> Self:
        figures = seen.figures
        return cls(
            service_name=figures.service_name,
            status=seen.status,
            request_count=BigInt(figures.requests),
            avg_response_time_ms=figures.mean_ms,
            error_rate=figures.error_rate,
            cpu_percent=figures.cpu_percent,
            memory_mib=figures.memory_mib,
            db_pool_usage=figures.db_pool_usage,
            last_seen_at=figures.last_seen_at,
            checks=[HealthCheck.from_check(check) for check in seen.checks],
        )
