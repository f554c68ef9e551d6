"""Numbers of the platform in the buckets of a period."""

from __future__ import annotations

from typing import Self

import strawberry

from resolvers.platform_series import Point
from schema.periods import TimeBucket


@strawberry.type(description="A number in one bucket of a series.")
class KpiPoint:
    bucket: TimeBucket = strawberry.field(description="The bucket.")
    value: float = strawberry.field(description="The number; 0 where nothing happened.")

    @classmethod
    def from_point(cls, point: Point) -> Self:
        return cls(bucket=TimeBucket.from_bucket(point.bucket), value=point.value)
