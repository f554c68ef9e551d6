"""How the platform runs, for those who may OPERATE."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from db.queries.operations import ConsumerRow, ViewRow, WorkerRow, list_consumers, list_views, list_workers
from resolvers.context import Context
from resolvers.permissions import Permission

LOST_AFTER = timedelta(seconds=30)
"""Of silence. A worker says every ten seconds that it is there, and every five how far it has come with events."""

LATE_SECONDS = 60.0
"""An event that waits for longer is late."""


class WorkerHealth(StrEnum):
    OK = "OK"
    DEGRADED = "DEGRADED"
    LOST = "LOST"


class ConsumerHealth(StrEnum):
    OK = "OK"
    LATE = "LATE"
    LOST = "LOST"


@dataclass(frozen=True, slots=True)
class SeenConsumer:
    """``waiting_seconds``: for how long the oldest event has waited; None where the broker does not tell."""

    row: ConsumerRow
    health: ConsumerHealth
    waiting_seconds: float | None


@dataclass(frozen=True, slots=True)
class SeenWorker:
    row: WorkerRow
    health: WorkerHealth


async def resolve_operations(context: Context) -> None:
    """Raises Forbidden. What follows depends on the time: such answers are not kept."""
    await context.require(Permission.OPERATE)
    await context.snapshot.at()


async def resolve_workers(context: Context) -> list[SeenWorker]:
    """Those that run, and those that were lost in the last days."""
    at = await context.snapshot.at()

    def health(row: WorkerRow) -> WorkerHealth:
        if at - row.heartbeat_at > LOST_AFTER:
            return WorkerHealth.LOST
        return WorkerHealth.DEGRADED if row.is_failing else WorkerHealth.OK

    return [SeenWorker(row, health(row)) for row in await list_workers(context.snapshot)]


async def resolve_consumers(context: Context) -> list[SeenConsumer]:
    """How far workers have come with events, by topic and partition."""
    at = await context.snapshot.at()

    def seen(row: ConsumerRow) -> SeenConsumer:
        position = row.position
        waiting = 0.0 if not position.lag else None
        if position.waiting_since is not None:
            waiting = max(0.0, (at - position.waiting_since).total_seconds())
        if at - row.observed_at > LOST_AFTER:
            return SeenConsumer(row, ConsumerHealth.LOST, waiting)
        return SeenConsumer(row, ConsumerHealth.LATE if (waiting or 0) > LATE_SECONDS else ConsumerHealth.OK, waiting)

    return [seen(row) for row in await list_consumers(context.snapshot)]


async def resolve_views(context: Context) -> list[ViewRow]:
    """The materialized views, by name."""
    return await list_views(context.snapshot)
