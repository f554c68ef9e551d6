"""How the platform runs: workers, jobs, materialized views, events and settings."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Annotated, Self

import strawberry

from db.queries.dead_letters import LetterFilter
from db.queries.jobs import JobKind, JobStatus
from db.queries.operations import ViewRow
from execution.live.noise import NOISE
from resolvers.dead_letters import resolve_dead_letters
from resolvers.jobs import resolve_jobs
from resolvers.live import DEFAULT_THROTTLE, Live
from resolvers.operations import (
    ConsumerHealth,
    SeenConsumer,
    SeenWorker,
    WorkerHealth,
    resolve_consumers,
    resolve_latest_view,
    resolve_operations,
    resolve_views,
    resolve_workers,
)
from resolvers.settings import resolve_settings
from schema import dead_letters
from schema.costs import assumed
from schema.dead_letters import DeadLetter, DeadLetterFilter
from schema.enums import describe_enum
from schema.jobs import ORDER, TYPES, JobRun
from schema.live import Throttle
from schema.relay import PAGED, After, Before, Connection, First, Info, Last, connection_of, page_of
from schema.scalars import BigInt
from schema.settings import Setting
from settings import Settings

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


describe_enum(
    ConsumerHealth,
    "ConsumerHealth",
    "How a consumer of events is.",
    {
        "OK": "All is well.",
        "LATE": "The oldest event has waited for more than a minute.",
        "LOST": "Nothing was heard of it for 30 seconds: no worker listens, or the broker does not answer.",
    },
)


@strawberry.type(description="How far workers have come with the events that a broker brings.")
class ConsumerStatus:
    group_id: str = strawberry.field(description="The group in which workers share the events.")
    topic: str = strawberry.field(description="The topic of Kafka, or the stream of Redis.")
    partition: int = strawberry.field(description="The partition; a stream of Redis is one.")
    committed_offset: BigInt | None = strawberry.field(
        description="The offset of the next event to be taken; null before the first, and with Redis, which has none."
    )
    lag: BigInt = strawberry.field(description="How many events are not taken yet.")
    pending: BigInt = strawberry.field(description="How many of them a worker has at hand.")
    lag_seconds: float | None = strawberry.field(
        description="For how long the oldest of them has waited; null where the broker does not tell.", metadata=NOISE
    )
    last_event_at: datetime | None = strawberry.field(description="When events were last taken; null if never.")
    observed_at: datetime = strawberry.field(
        description="When a worker said so; it does every five seconds.", metadata=NOISE
    )
    status: ConsumerHealth = strawberry.field(description="How it is.")

    @classmethod
    def from_seen(cls, consumer: SeenConsumer) -> Self:
        position = consumer.row.position
        return cls(
            group_id=position.group_id,
            topic=position.topic,
            partition=position.partition,
            committed_offset=None if position.committed_offset is None else BigInt(position.committed_offset),
            lag=BigInt(position.lag),
            pending=BigInt(position.pending),
            lag_seconds=consumer.waiting_seconds,
            last_event_at=position.last_event_at,
            observed_at=consumer.row.observed_at,
            status=consumer.health,
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

    @strawberry.field(
        description="The settings of the gateway that answers, in the order of their documentation.",
        directives=[assumed(len(Settings.model_fields))],
    )
    def settings(self, info: Info) -> list[Setting]:
        return [Setting.from_setting(setting) for setting in resolve_settings(info.context)]

    @strawberry.field(
        description="How far workers have come with events, by topic and partition; of the last week.",
        directives=[assumed(10)],
    )
    async def consumers(self, info: Info) -> list[ConsumerStatus]:
        return [ConsumerStatus.from_seen(consumer) for consumer in await resolve_consumers(info.context)]

    @strawberry.field(
        description="Events of the organization that could not be taken when they came, the oldest first.",
        directives=PAGED,
    )
    async def dead_letters(
        self,
        info: Info,
        filter: Annotated[DeadLetterFilter | None, strawberry.argument(description="Only those.")] = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[DeadLetter]:
        page = page_of(first, after, last, before, order=dead_letters.ORDER, types=dead_letters.TYPES)
        wanted = filter.to_filter() if filter else LetterFilter()
        listing = await resolve_dead_letters(info.context, wanted, page)
        return connection_of(page, listing, dead_letters.ORDER, DeadLetter.from_row)

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
