"""Numbers of the platform in the buckets of a period."""

from __future__ import annotations

from typing import Self

import strawberry

from resolvers import periods
from resolvers.freshness import resolve_freshness
from resolvers.platform_series import Point
from schema.freshness import Freshness
from schema.periods import Period, TimeBucket
from schema.relay import Info


@strawberry.type
class OfPeriod:
    """What numbers of one period say of themselves; a part of other types."""

    of: strawberry.Private[periods.Period]

    @strawberry.field(description="The period, as it was understood.")
    def period(self) -> Period:
        return Period.from_period(self.of)

    @strawberry.field(description="How fresh the numbers are.")
    async def freshness(self, info: Info) -> Freshness:
        return Freshness.from_view(await resolve_freshness(info.context, None))


@strawberry.type(description="A number in one bucket of a series.")
class KpiPoint:
    bucket: TimeBucket = strawberry.field(description="The bucket.")
    value: float = strawberry.field(description="The number; 0 where nothing happened.")

    @classmethod
    def from_point(cls, point: Point) -> Self:
        return cls(bucket=TimeBucket.from_bucket(point.bucket), value=point.value)
