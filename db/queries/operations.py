"""The materialized views and the worker processes, as those who operate the platform see them; and what workers say of themselves."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from db.snapshot import Snapshot
from db.statement import sql


class ViewRow(NamedTuple):
    """The last refresh of a materialized view; ``last_error`` is why the latest one failed."""

    name: str
    refreshed_at: datetime | None
    current_at: datetime | None
    duration_seconds: float | None
    rows: int
    last_error: str | None


class WorkerRow(NamedTuple):
    """A worker process. A tick is a round of refreshing; where it does none, ``interval_seconds`` is None."""

    id: UUID
    name: str
    queues: Sequence[str]
    started_at: datetime
    heartbeat_at: datetime
    interval_seconds: float | None
    ticks: int
    failed_ticks: int
    is_failing: bool
    last_tick_at: datetime | None
    last_tick_seconds: float | None
    last_failed_tick_at: datetime | None


_WORKER = ", ".join(WorkerRow._fields)

VIEWS = sql("""
SELECT name, refreshed_at, greatest(refreshed_at, checked_at), CAST(duration_seconds AS float8), rows, last_error
FROM view_refreshes ORDER BY name
""")
WORKERS = sql(f"SELECT {_WORKER} FROM worker_processes ORDER BY name, started_at")

BEAT = text(f"""
INSERT INTO jobs.workers ({_WORKER})
VALUES (:id, :name, :queues, :started_at, now(), :interval_seconds, :ticks, :failed_ticks, :is_failing, :last_tick_at,
  :last_tick_seconds, :last_failed_tick_at)
ON CONFLICT (id) DO UPDATE SET heartbeat_at = excluded.heartbeat_at, ticks = excluded.ticks,
  failed_ticks = excluded.failed_ticks, is_failing = excluded.is_failing, last_tick_at = excluded.last_tick_at,
  last_tick_seconds = excluded.last_tick_seconds, last_failed_tick_at = excluded.last_failed_tick_at
""")
LEAVE = text("DELETE FROM jobs.workers WHERE id = :id")
FORGET = text("DELETE FROM jobs.workers WHERE heartbeat_at < now() - make_interval(days => :days)")


async def list_views(snapshot: Snapshot) -> list[ViewRow]:
    return [ViewRow(*row) for row in await snapshot.rows(VIEWS)]


async def list_workers(snapshot: Snapshot) -> list[WorkerRow]:
    """Those that run, and those that were lost in the last days."""
    return [WorkerRow(*row) for row in await snapshot.rows(WORKERS)]


async def beat(connection: AsyncConnection, worker: WorkerRow) -> None:
    """Says, as the worker, that it is alive; when, is the database's to say."""
    await connection.execute(BEAT, {**worker._asdict(), "queues": list(worker.queues)})


async def leave(connection: AsyncConnection, id: UUID) -> None:
    """Says that a worker has ended as it should."""
    await connection.execute(LEAVE, {"id": id})


async def forget_lost_workers(connection: AsyncConnection, days: int) -> int:
    """Forgets workers that were lost so many days ago; says how many."""
    return (await connection.execute(FORGET, {"days": days})).rowcount
