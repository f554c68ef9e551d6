"""Statistics of groups."""

from __future__ import annotations

from typing import Annotated, Self

import strawberry

from db.queries.group_stats import Attribution
from resolvers.group_stats import GroupKpi
from schema.enums import describe_enum
from schema.periods import Period
from schema.relay import LARGEST_PAGE
from schema.stats import AttemptStats

__all__ = ["Attribution", "GroupStats", "TopicIds"]

describe_enum(
    Attribution,
    "GroupAttribution",
    "Which attempts are a group's. A person in several groups counts once in each.",
    {
        "CURRENT": "All attempts of its present, active members, also those from before they came.",
        "AT_ATTEMPT": "The attempts of whoever was a member when they completed them, also of those who have left since.",
    },
)

TopicIds = Annotated[
    list[strawberry.ID] | None,
    strawberry.argument(description=f"At most {LARGEST_PAGE} topics; by default all with attempts, by title."),
]


@strawberry.type(description="Statistics of the attempts of a group's members.")
class GroupStats(AttemptStats):
    attribution: Attribution = strawberry.field(description="Which attempts were taken as the group's.")
    period: Period | None = strawberry.field(description="The period that was asked for; null for all time.")

    @classmethod
    def from_kpi(cls, kpi: GroupKpi) -> Self:
        return cls(
            sums=kpi.measures,
            statistics=kpi.statistics,
            attribution=kpi.attribution,
            period=Period.from_period(kpi.period) if kpi.period else None,
        )
