"""How the platform runs, for those who may OPERATE."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from db.queries.operations import ViewRow, WorkerRow, list_views, list_workers
from resolvers.context import Context
from resolvers.permissions import Permission

LOST_AFTER = timedelta(seconds=30)
"""Of silence. A worker says every ten seconds that it is there."""


class WorkerHealth(StrEnum):
    OK = "OK"
    DEGRADED = "DEGRADED"
    LOST = "LOST"


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


async def resolve_views(context: Context) -> list[ViewRow]:
    """The materialized views, by name."""
    return await list_views(context.snapshot)
