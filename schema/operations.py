"""How the platform runs: workers, jobs and materialized views."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Annotated, Self

import strawberry

from db.queries.jobs import JobKind, JobStatus
from db.queries.operations import ViewRow
from execution.live.noise import NOISE
from resolvers.jobs import resolve_jobs
from resolvers.live import DEFAULT_THROTTLE, Live
from resolvers.operations import (
    SeenWorker,
    WorkerHealth,
    resolve_latest_view,
    resolve_operations,
    resolve_views,
    resolve_workers,
)
from schema.costs import assumed
from schema.enums import describe_enum
from schema.jobs import ORDER, TYPES, JobRun
from schema.live import Throttle
from schema.relay import PAGED, After, Before, Connection, First, Info, Last, connection_of, page_of
from schema.scalars import BigInt

describe_enum(
    WorkerHealth,
    "WorkerHealth",
    "How a worker is.",
    {
        "OK": "All is well.",
        "DEGRADED": "Its last round of refreshing failed, or took more than 90 seconds.",
        "LOST": "Nothing was heard of it for 30 seconds: others do its jobs.",
    },
)


@strawberry.type(description="A worker process. A tick is one of its rounds of refreshing the materialized views.")
class WorkerStatus:
    name: str = strawberry.field(description="Host and number of the process.")
    status: WorkerHealth = strawberry.field(description="How it is.")
    queues: list[str] = strawberry.field(description="What it works at.", directives=[assumed(6)])
    started_at: datetime = strawberry.field(description="When it was started.")
    last_heartbeat_at: datetime = strawberry.field(
        description="When it last said that it is there; it does so every ten seconds.", metadata=NOISE
    )
    interval_seconds: float | None = strawberry.field(
        description="How often it ticks; null where refreshing is not its work."
    )
    ticks: BigInt = strawberry.field(description="How often it has.")
    errors: BigInt = strawberry.field(description="How many of them failed.")
    last_tick_at: datetime | None = strawberry.field(description="When the last one ended.")
    last_tick_seconds: float | None = strawberry.field(description="How long it took.")

    @classmethod
    def from_seen(cls, worker: SeenWorker) -> Self:
        row = worker.row
        return cls(
            name=row.name,
            status=worker.health,
            queues=list(row.queues),
            started_at=row.started_at,
            last_heartbeat_at=row.heartbeat_at,
            interval_seconds=row.interval_seconds,
            ticks=BigInt(row.ticks),
            errors=BigInt(row.failed_ticks),
            last_tick_at=row.last_tick_at,
            last_tick_seconds=row.last_tick_seconds,
        )


@strawberry.type(description="A materialized view: what does not add up, as of its last refresh.")
class MaterializedView:
    name: str = strawberry.field(description="Its name, for refreshViews.")
    refreshed_at: datetime | None = strawberry.field(description="When it was last refreshed; null if never.")
    current_at: datetime | None = strawberry.field(
        description="When it was last known to be as a refresh would make it; null if never."
    )
    last_duration_seconds: float | None = strawberry.field(description="How long the last refresh took.")
    rows: BigInt = strawberry.field(description="How many rows it had then.")
    last_error: str | None = strawberry.field(
        description="Why the latest refresh failed; null where it did not. The contents are those of the last that succeeded."
    )

    @classmethod
    def from_row(cls, row: ViewRow) -> Self:
        return cls(
            name=row.name,
            refreshed_at=row.refreshed_at,
            current_at=row.current_at,
            last_duration_seconds=row.duration_seconds,
            rows=BigInt(row.rows),
            last_error=row.last_error,
        )


@strawberry.type(description="How the platform runs.")
class Operations:
    @strawberry.field(
        description="The workers that run, and those that were lost in the last week.", directives=[assumed(10)]
    )
    async def workers(self, info: Info) -> list[WorkerStatus]:
        return [WorkerStatus.from_seen(worker) for worker in await resolve_workers(info.context)]

    @strawberry.field(description="The materialized views, by name.", directives=[assumed(10)])
    async def views(self, info: Info) -> list[MaterializedView]:
        return [MaterializedView.from_row(row) for row in await resolve_views(info.context)]

    @strawberry.field(description="Jobs, the newest first.", directives=PAGED)
    async def jobs(
        self,
        info: Info,
        kind: Annotated[JobKind | None, strawberry.argument(description="Only those that do this.")] = None,
        status: Annotated[JobStatus | None, strawberry.argument(description="Only those that are there.")] = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[JobRun]:
        page = page_of(first, after, last, before, order=ORDER, types=TYPES)
        listing = await resolve_jobs(info.context, kind, status, page)
        return connection_of(page, listing, ORDER, JobRun.from_row)


@strawberry.type
class OperationsQuery:
    @strawberry.field(description="How the platform runs. Needs OPERATE.")
    async def operations(self, info: Info) -> Operations | None:
        await resolve_operations(info.context)
        return Operations()


@strawberry.type
class OperationsSubscription:
    @strawberry.subscription(
        description="The materialized view that was refreshed last: at once, and again whenever one is. Needs VIEW_ANALYTICS."
    )
    async def analytics_updated(
        self,
        info: Info,
        views: Annotated[
            list[str] | None, strawberry.argument(description="Only these, by name; all by default.")
        ] = None,
        throttle: Throttle = DEFAULT_THROTTLE,
    ) -> AsyncGenerator[MaterializedView, None]:
        row = await resolve_latest_view(info.context, views)
        live = info.context.live or Live()
        live.follow(["views"], throttle)
        yield MaterializedView.from_row(row)
