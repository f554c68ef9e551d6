"""How the platform fares: requests, services, and what people do."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Self

import strawberry

from db.queries.platform_people import FeatureRow
from db.queries.platform_requests import EndpointFigures, RequestFigures, RequestOrder
from db.queries.platform_services import Statistic
from execution.cost_directives import CountedList
from execution.live.noise import NOISE
from resolvers import health_checks, periods
from resolvers.errors import Invalid
from resolvers.freshness import resolve_freshness
from resolvers.health_checks import HealthStatus
from resolvers.platform import (
    LONGEST_SERIES,
    MONTH,
    MOST_COMPARED,
    MOST_SERVICES,
    MOST_TYPES,
    WEEK,
    Point,
    SeenService,
    TypeSeries,
    resolve_active,
    resolve_daily_active,
    resolve_endpoints,
    resolve_features,
    resolve_firing,
    resolve_logins,
    resolve_median_session,
    resolve_platform,
    resolve_platform_period,
    resolve_registrations,
    resolve_request_figures,
    resolve_samples,
    resolve_services,
    resolve_type_series,
)
from schema.costs import BY_FIRST, assumed, cost, one_for_each
from schema.enums import describe_enum
from schema.freshness import Freshness
from schema.periods import Period, PeriodInput, TimeBucket, TimeGrain
from schema.relay import LARGEST_PAGE, Info
from schema.scalars import BigInt
from schema.series import most_points
from schema.texts import checked_text
from schema.tracked_events import checked_types

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
    RequestOrder,
    "ApiMetricOrder",
    "What endpoints are sorted by, the largest first.",
    {
        "REQUESTS": "How many requests there were.",
        "P95": "How long 95 of 100 requests took at most.",
        "ERROR_RATE": "The share of requests that failed.",
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
LAST_DAY = PeriodInput(last_days=1)
LAST_MONTH = PeriodInput(last_days=30)
PeriodArgument = Annotated[PeriodInput, strawberry.argument(description="From when to when.")]
Service = Annotated[str | None, strawberry.argument(description="Only of this service.")]
P95 = (
    "How long 95 of 100 requests took at most, in milliseconds: the upper bound of the bucket of a histogram, each of which is "
    "10 % wider than the one before, so that it is at most 10 % too long."
)
ERROR_RATE = "The share of them, 0 to 1, that failed by a fault of the service (a status of 500 or more)."


@strawberry.type(description="A number in one bucket of a series.")
class KpiPoint:
    bucket: TimeBucket = strawberry.field(description="The bucket.")
    value: float = strawberry.field(description="The number; 0 where nothing happened.")

    @classmethod
    def from_point(cls, point: Point) -> Self:
        return cls(bucket=TimeBucket.from_bucket(point.bucket), value=point.value)


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


@strawberry.type(description="How many requests were answered with a status.")
class StatusCodeCount:
    status: int = strawberry.field(description="The status.")
    count: BigInt = strawberry.field(description="How many.")


@strawberry.type(
    description="How the requests to an endpoint fared. Operations of this gateway are endpoints, too: by name where their document "
    "is registered, all others as `other`; their status is what their first error would be over HTTP. Subscriptions are none."
)
class ApiMetric:
    service_name: str = strawberry.field(description="The service.")
    endpoint: str = strawberry.field(description="The endpoint: a route, or an operation.")
    method: str = strawberry.field(description="The method, or the kind of an operation.")
    requests: BigInt = strawberry.field(description="How many requests there were.")
    avg_response_time_ms: float = strawberry.field(description="How long they took on average, in milliseconds.")
    p95_response_time_ms: float = strawberry.field(description=P95)
    error_rate: float = strawberry.field(description=ERROR_RATE)
    status_codes: list[StatusCodeCount] = strawberry.field(
        description="How they were answered, by status.", directives=[assumed(5)]
    )
    avg_payload_bytes: float | None = strawberry.field(
        description="How long answers were on average, of those of which it is known; null where it is of none."
    )

    @classmethod
    def from_figures(cls, figures: EndpointFigures) -> Self:
        return cls(
            service_name=figures.service_name,
            endpoint=figures.endpoint,
            method=figures.method,
            requests=BigInt(figures.requests),
            avg_response_time_ms=figures.mean_ms,
            p95_response_time_ms=figures.p95_ms,
            error_rate=figures.error_rate,
            status_codes=[
                StatusCodeCount(status=status, count=BigInt(count)) for status, count in figures.statuses.items()
            ],
            avg_payload_bytes=figures.mean_payload,
        )


@strawberry.type(description="How the platform fares in a period, in short.")
class PlatformSummary:
    of: strawberry.Private[periods.Period]
    figures: strawberry.Private[RequestFigures]

    @strawberry.field(description="The period, as it was understood.")
    def period(self) -> Period:
        return Period.from_period(self.of)

    @strawberry.field(description="How fresh the numbers are.")
    async def freshness(self, info: Info) -> Freshness:
        return Freshness.from_view(await resolve_freshness(info.context, None))

    @strawberry.field(description="How many requests services answered, this gateway among them.")
    def requests(self) -> BigInt:
        return BigInt(self.figures.requests)

    @strawberry.field(description=f"{ERROR_RATE} Null where there were none.")
    def error_rate(self) -> float | None:
        return self.figures.error_rate

    @strawberry.field(description="How long they took on average, in milliseconds; null where there were none.")
    def avg_response_time_ms(self) -> float | None:
        return self.figures.mean_ms

    @strawberry.field(description=f"{P95} Null where there were none.")
    def p95_response_time_ms(self) -> float | None:
        return self.figures.p95_ms

    @strawberry.field(description="How many people signed in (user_login).", directives=[cost(20)])
    async def active_users(self, info: Info) -> int:
        return await resolve_active(info.context, self.of)

    @strawberry.field(description="How many services are not OK now.", directives=[cost(20)])
    async def unhealthy_services(self, info: Info) -> int:
        return sum(seen.status is not HealthStatus.OK for seen in await resolve_services(info.context))

    @strawberry.field(
        description="How many alerts fire now that nobody has taken note of, as `alerts(status: FIRING)` lists them. Needs "
        "OPERATE.",
        directives=[cost(5)],
    )
    async def firing_alerts(self, info: Info) -> int | None:
        return await resolve_firing(info.context)


@strawberry.type(description="How often something was done.")
class FeatureUsage:
    event_type: str = strawberry.field(description="What.")
    events: BigInt = strawberry.field(description="How often.")
    users: int = strawberry.field(description="By how many people.")

    @classmethod
    def from_row(cls, row: FeatureRow) -> Self:
        return cls(event_type=row.event_type, events=BigInt(row.events), users=row.people)


@strawberry.type(
    description="What people do on the platform, by its events. Who signed in (user_login) was active. Days are those of the "
    "organization's zone."
)
class UserMetrics:
    of: strawberry.Private[periods.Period]

    @strawberry.field(description="The period, as it was understood.")
    def period(self) -> Period:
        return Period.from_period(self.of)

    @strawberry.field(description="How fresh the numbers are.")
    async def freshness(self, info: Info) -> Freshness:
        return Freshness.from_view(await resolve_freshness(info.context, None))

    @strawberry.field(
        description="How many people were active on each day of the period.",
        directives=[cost(50), assumed(LONGEST_SERIES)],
    )
    async def daily_active(self, info: Info) -> list[KpiPoint]:
        return [KpiPoint.from_point(point) for point in await resolve_daily_active(info.context, self.of)]

    @strawberry.field(
        description="How many people were active in the last 7 times 24 hours of the period, or until now.",
        directives=[cost(20)],
    )
    async def weekly_active(self, info: Info) -> int:
        return await resolve_active(info.context, self.of, WEEK)

    @strawberry.field(
        description="How many people were active in the last 30 times 24 hours of the period, or until now.",
        directives=[cost(50)],
    )
    async def monthly_active(self, info: Info) -> int:
        return await resolve_active(info.context, self.of, MONTH)

    @strawberry.field(description="How many people became known in the period.", directives=[cost(5)])
    async def registrations(self, info: Info) -> int:
        return await resolve_registrations(info.context, self.of)

    @strawberry.field(description="How often people signed in.", directives=[cost(50)])
    async def logins(self, info: Info) -> BigInt:
        return BigInt((await resolve_logins(info.context, self.of)).logins)

    @strawberry.field(
        description="How often those signed in who did, on average; null where nobody did.", directives=[cost(50)]
    )
    async def login_frequency(self, info: Info) -> float | None:
        found = await resolve_logins(info.context, self.of)
        return found.of_people / found.people if found.people else None

    @strawberry.field(
        description="The median length of sessions, in seconds. A session is what one person did without a pause of more than 30 "
        "minutes; one of a single event has no length and is left out. Null where there is none.",
        directives=[cost(100)],
    )
    async def median_session_seconds(self, info: Info) -> float | None:
        return await resolve_median_session(info.context, self.of)

    @strawberry.field(description="What was done most often.", directives=[cost(100), BY_FIRST])
    async def feature_usage(
        self, info: Info, first: Annotated[int, strawberry.argument(description="How many types of events.")] = 20
    ) -> list[FeatureUsage]:
        rows = await resolve_features(info.context, self.of, _checked_first(first))
        return [FeatureUsage.from_row(row) for row in rows]


@strawberry.type(description="How often events of a type happened.")
class BusinessMetric:
    event_type: str = strawberry.field(description="The type.")
    total: BigInt = strawberry.field(description="How often in the period.")
    points: list[KpiPoint] = strawberry.field(
        description="How often in each bucket of it.", directives=[assumed(LONGEST_SERIES)]
    )

    @classmethod
    def from_series(cls, series: TypeSeries) -> Self:
        return cls(
            event_type=series.event_type,
            total=BigInt(series.total),
            points=[KpiPoint.from_point(point) for point in series.points],
        )


@strawberry.type(
    description="How the platform fares. Requests count to the minute in which they were answered; a day later, to the stretch that "
    "they are put together in (METRICS_AGGREGATION_INTERVAL)."
)
class Platform:
    @strawberry.field(description="In short.", directives=[cost(50)])
    async def summary(self, info: Info, period: PeriodArgument = LAST_DAY) -> PlatformSummary | None:
        of = await resolve_platform_period(info.context, period.to_spec())
        return PlatformSummary(of=of, figures=await resolve_request_figures(info.context, of))

    @strawberry.field(
        description="The services that told anything in the last day, by name; at most 100.",
        directives=[cost(20), assumed(MOST_SERVICES)],
    )
    async def services(self, info: Info) -> list[ServiceHealth]:
        return [ServiceHealth.from_seen(seen) for seen in await resolve_services(info.context)]

    @strawberry.field(description="How requests fared, by endpoint.", directives=[cost(100), BY_FIRST])
    async def api_metrics(
        self,
        info: Info,
        period: PeriodArgument = LAST_DAY,
        service: Service = None,
        order_by: Annotated[
            RequestOrder, strawberry.argument(description="Which endpoints come first.")
        ] = RequestOrder.REQUESTS,
        first: Annotated[int, strawberry.argument(description="How many endpoints.")] = 20,
    ) -> list[ApiMetric] | None:
        service = checked_text(service, "service")
        found = await resolve_endpoints(info.context, period.to_spec(), service, order_by, _checked_first(first))
        return [ApiMetric.from_figures(figures) for figures in found]

    @strawberry.field(
        description="What services measured, by service and time, where there are samples; of ten services at most.",
        directives=[cost(50), SAMPLES],
    )
    async def system_metrics(
        self,
        info: Info,
        metric: Annotated[str, strawberry.argument(description="What was measured, such as response_time.")],
        service: Service = None,
        period: PeriodArgument = LAST_DAY,
        grain: Annotated[TimeGrain, strawberry.argument(description="How long the buckets are.")] = TimeGrain.HOUR,
        statistic: Annotated[
            Statistic, strawberry.argument(description="What becomes of the samples in a bucket.")
        ] = Statistic.AVG,
    ) -> list[MetricPoint] | None:
        metric, service = checked_text(metric, "metric"), checked_text(service, "service")
        points = await resolve_samples(info.context, metric, service, period.to_spec(), grain, statistic)
        return [MetricPoint.from_point(point) for point in points]

    @strawberry.field(description="What people do on the platform.")
    async def user_metrics(self, info: Info, period: PeriodArgument = LAST_MONTH) -> UserMetrics | None:
        return UserMetrics(of=await resolve_platform_period(info.context, period.to_spec()))

    @strawberry.field(
        description="How often events of each type happened, the most frequent type first; at most 366 points of each.",
        directives=[cost(100), one_for_each("eventTypes", MOST_COMPARED)],
    )
    async def business_metrics(
        self,
        info: Info,
        event_types: Annotated[
            list[str] | None,
            strawberry.argument(
                description=f"Which types, at most {MOST_TYPES}; the {MOST_COMPARED} most frequent by default."
            ),
        ] = None,
        period: PeriodArgument = LAST_MONTH,
        grain: Annotated[TimeGrain, strawberry.argument(description="How long the buckets are.")] = TimeGrain.DAY,
    ) -> list[BusinessMetric] | None:
        types = checked_types(event_types, "eventTypes")
        found = await resolve_type_series(info.context, types, period.to_spec(), grain)
        return [BusinessMetric.from_series(series) for series in found]


def _checked_first(first: int) -> int:
    if not 1 <= first <= LARGEST_PAGE:
        raise Invalid(f"1 to {LARGEST_PAGE}.", "first")
    return first


@strawberry.type
class PlatformQuery:
    @strawberry.field(
        description="How the platform fares: one's own organization, and for those who may OPERATE the gateways. Needs VIEW_PLATFORM."
    )
    async def platform(self, info: Info) -> Platform | None:
        await resolve_platform(info.context)
        return Platform()
