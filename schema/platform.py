"""How the platform fares: requests, services, and what people do."""

from __future__ import annotations

from typing import Annotated

import strawberry

from db.queries.platform_requests import RequestFigures, RequestOrder
from db.queries.platform_services import Statistic
from resolvers.calendar import resolve_context_period
from resolvers.health_checks import HealthStatus
from resolvers.platform import resolve_firing, resolve_platform
from resolvers.platform_people import MOST_TYPES, resolve_active, resolve_type_series
from resolvers.platform_requests import resolve_endpoints, resolve_request_figures
from resolvers.platform_series import MOST_COMPARED
from resolvers.platform_services import MOST_SERVICES, resolve_samples, resolve_services
from schema.costs import BY_FIRST, assumed, cost, one_for_each
from schema.periods import PeriodInput, TimeGrain
from schema.platform_people import BusinessMetric, UserMetrics
from schema.platform_requests import ERROR_RATE, P95, ApiMetric
from schema.platform_series import OfPeriod
from schema.platform_services import SAMPLES, MetricPoint, ServiceHealth
from schema.relay import Info, checked_first
from schema.scalars import BigInt
from schema.texts import checked_text
from schema.tracked_events import checked_types

LAST_DAY = PeriodInput(last_days=1)
LAST_MONTH = PeriodInput(last_days=30)
PeriodArgument = Annotated[PeriodInput, strawberry.argument(description="From when to when.")]
Service = Annotated[str | None, strawberry.argument(description="Only of this service.")]


@strawberry.type(description="How the platform fares in a period, in short.")
class PlatformSummary(OfPeriod):
    figures: strawberry.Private[RequestFigures]

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


@strawberry.type(
    description="How the platform fares. Requests count to the minute in which they were answered; a day later, to the stretch that "
    "they are put together in (METRICS_AGGREGATION_INTERVAL)."
)
class Platform:
    @strawberry.field(description="In short.", directives=[cost(50)])
    async def summary(self, info: Info, period: PeriodArgument = LAST_DAY) -> PlatformSummary | None:
        of = await resolve_context_period(info.context, period.to_spec())
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
        found = await resolve_endpoints(info.context, period.to_spec(), service, order_by, checked_first(first))
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
        return UserMetrics(of=await resolve_context_period(info.context, period.to_spec()))

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


@strawberry.type
class PlatformQuery:
    @strawberry.field(
        description="How the platform fares: one's own organization, and for those who may OPERATE the gateways. Needs VIEW_PLATFORM."
    )
    async def platform(self, info: Info) -> Platform | None:
        await resolve_platform(info.context)
        return Platform()
