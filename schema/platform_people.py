"""What people do on the platform."""

from __future__ import annotations

from typing import Annotated, Self

import strawberry

from db.queries.platform_people import FeatureRow
from resolvers.platform_people import (
    MONTH,
    WEEK,
    TypeSeries,
    resolve_active,
    resolve_daily_active,
    resolve_features,
    resolve_logins,
    resolve_median_session,
    resolve_registrations,
)
from resolvers.platform_series import LONGEST_SERIES
from schema.costs import BY_FIRST, assumed, cost
from schema.platform_series import KpiPoint, OfPeriod
from schema.relay import Info, checked_first
from schema.scalars import BigInt


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
class UserMetrics(OfPeriod):
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
        rows = await resolve_features(info.context, self.of, checked_first(first))
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
