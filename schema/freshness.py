"""How fresh numbers are."""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Self

import strawberry

from execution.live.noise import NOISE
from resolvers.freshness import ViewFreshness
from schema.scalars import BigInt


@strawberry.enum(description="Where numbers come from.")
class FreshnessSource(Enum):
    LIVE = strawberry.enum_value("LIVE", description="Exact at the instant of the answer.")
    MATERIALIZED = strawberry.enum_value(
        "MATERIALIZED", description="As they were at the last refresh of a materialized view."
    )


@strawberry.type(description="How fresh numbers are.")
class Freshness:
    as_of: datetime = strawberry.field(
        description="The instant of the answer: everything in it is read at this one instant.", metadata=NOISE
    )
    refreshed_at: datetime | None = strawberry.field(
        description="When the materialized view was last refreshed; null if never, and for live numbers."
    )
    version: BigInt | None = strawberry.field(
        description="Counts the refreshes of the view: the same version, the same numbers. Null for live ones."
    )
    is_stale: bool = strawberry.field(
        description="Whether the view was never refreshed, or missed several refreshes. Live numbers are never stale."
    )
    source: FreshnessSource = strawberry.field(description="Where the numbers come from.")

    @classmethod
    def from_view(cls, freshness: ViewFreshness) -> Self:
        return cls(
            as_of=freshness.as_of,
            refreshed_at=freshness.refreshed_at,
            version=None if freshness.version is None else BigInt(freshness.version),
            is_stale=freshness.is_stale,
            source=FreshnessSource.LIVE if freshness.view is None else FreshnessSource.MATERIALIZED,
        )
