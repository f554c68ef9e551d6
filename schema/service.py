"""The gateway itself: which one it is, and how much may be asked of it."""

from __future__ import annotations

from importlib.metadata import version
from typing import Self

import strawberry

from auth import Role
from execution.budgets import largest_cost
from execution.limits import LIMITS
from resolvers.record_attempts import MOST_ATTEMPTS
from resolvers.record_events import MOST_EVENTS
from resolvers.record_metrics import MOST_METRICS
from schema.relay import LARGEST_PAGE, Info
from settings import Settings


@strawberry.type(description="How much may be asked for.")
class Limits:
    max_page_size: int = strawberry.field(description="Rows of a page (`first`, `last`).")
    max_depth: int = strawberry.field(description="Levels of fields in an operation.")
    max_aliases: int = strawberry.field(description="Aliases in an operation.")
    max_cost: int | None = strawberry.field(
        description="What one operation of the caller's role may cost; null where cost is not limited."
    )
    max_export_mib: int = strawberry.field(description="The size of an export's file, in MiB.")
    exports_per_hour: int = strawberry.field(
        description="Exports that one person may ask for in any hour; `viewer { exportQuota }` says how many are left."
    )
    max_concurrent_exports: int = strawberry.field(
        description="Exports of one organization that are made at a time; others wait."
    )
    max_batch: int = strawberry.field(
        description=f"Records that a mutation takes at a time; recordEvents takes {MOST_EVENTS:,}, recordMetrics {MOST_METRICS:,}."
    )

    @classmethod
    def of(cls, settings: Settings, role: Role) -> Self:
        return cls(
            max_page_size=LARGEST_PAGE,
            max_depth=LIMITS.depth,
            max_aliases=LIMITS.aliases,
            max_cost=largest_cost(settings, role),
            max_export_mib=settings.max_report_mb,
            exports_per_hour=settings.exports_per_hour,
            max_concurrent_exports=settings.max_concurrent_reports,
            max_batch=MOST_ATTEMPTS,
        )


@strawberry.type(description="The gateway that answers.")
class ServiceInfo:
    version: str = strawberry.field(description="The version of Scoregraph.")
    limits: Limits = strawberry.field(description="How much may be asked for.")


@strawberry.type
class ServiceQuery:
    @strawberry.field(description="The gateway that answers, and how much may be asked of it.")
    async def service(self, info: Info) -> ServiceInfo:
        viewer = await info.context.viewer()
        limits = Limits.of(info.context.services.settings, Role(viewer.role))
        return ServiceInfo(version=version("scoregraph"), limits=limits)
