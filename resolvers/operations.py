"""How the platform runs, for those who may OPERATE."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from db.consumer_health import LATE_SECONDS, SILENT_SECONDS
from db.queries.operations import ConsumerRow, ViewRow, WorkerRow, list_consumers, list_views, list_workers
from resolvers.context import Context
from resolvers.errors import Invalid
from resolvers.permissions import Permission

LOST_AFTER = timedelta(seconds=30)
"""Of silence: a worker says every ten seconds that it is there."""


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


async def resolve_latest_view(context: Context, names: Sequence[str] | None) -> ViewRow:
    """Of these materialized views (all for None) the one that was refreshed last. Raises Forbidden, Invalid."""
    await context.require(Permission.VIEW_ANALYTICS)
    views = await list_views(context.snapshot)
    known = {view.name: view for view in views}
    if names is not None and (not names or not known.keys() >= set(names)):
        raise Invalid(f"Name some of {', '.join(known)}.", "views")
    wanted = views if names is None else [known[name] for name in names]
    return max(wanted, key=lambda view: (view.refreshed_at is not None, view.refreshed_at))


async def resolve_consumers(context: Context) -> list[SeenConsumer]:
    """How far workers have come with events, by topic and partition."""
    at = await context.snapshot.at()

    def seen(row: ConsumerRow) -> SeenConsumer:
        position = row.position
        waiting = 0.0 if not position.lag else None
        if position.waiting_since is not None:
            waiting = max(0.0, (at - position.waiting_since).total_seconds())
        if (at - row.observed_at).total_seconds() > SILENT_SECONDS:
            return SeenConsumer(row, ConsumerHealth.LOST, waiting)
        return SeenConsumer(row, ConsumerHealth.LATE if (waiting or 0) > LATE_SECONDS else ConsumerHealth.OK, waiting)

    return [seen(row) for row in await list_consumers(context.snapshot)]


async def resolve_views(context: Context) -> list[ViewRow]:
    """The materialized views, by name."""
    return await list_views(context.snapshot)
