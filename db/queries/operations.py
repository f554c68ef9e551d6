"""The materialized views, the worker processes and the consumers of events, as those who operate the platform see them; and
what workers say of themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import orjson
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


class Position(NamedTuple):
    """How far a group has come in a partition (a stream of Redis is one, without offsets). ``lag`` counts events that are not taken
    yet, ``pending`` those of them that a worker has at hand. ``waiting_since``: when the oldest of them came, where that is known.
    """

    group_id: str
    topic: str
    partition: int
    committed_offset: int | None
    lag: int
    pending: int
    waiting_since: datetime | None
    last_event_at: datetime | None


class ConsumerRow(NamedTuple):
    """A position, and when a worker last said so."""

    position: Position
    observed_at: datetime


_WORKER = ", ".join(WorkerRow._fields)
_POSITION = ", ".join(Position._fields)

VIEWS = sql("""
SELECT name, refreshed_at, greatest(refreshed_at, checked_at), CAST(duration_seconds AS float8), rows, last_error
FROM view_refreshes ORDER BY name
""")
WORKERS = sql(f"SELECT {_WORKER} FROM worker_processes ORDER BY name, started_at")
_CONSUMERS = f"SELECT {_POSITION}, observed_at FROM {{source}} ORDER BY topic, partition, group_id"
CONSUMERS = sql(_CONSUMERS.format(source="event_consumers"))
TOLD_CONSUMERS = text(_CONSUMERS.format(source="jobs.consumers"))

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
TELL = text(f"""
INSERT INTO jobs.consumers AS c ({_POSITION}, observed_at)
SELECT {_POSITION}, now() FROM jsonb_to_recordset(CAST(:positions AS jsonb)) AS p (
  group_id text, topic text, partition integer, committed_offset bigint, lag bigint, pending bigint, waiting_since timestamptz,
  last_event_at timestamptz)
ORDER BY group_id, topic, partition
ON CONFLICT (group_id, topic, partition) DO UPDATE SET
  committed_offset = excluded.committed_offset, lag = excluded.lag, pending = excluded.pending,
  waiting_since = excluded.waiting_since, last_event_at = greatest(c.last_event_at, excluded.last_event_at),
  observed_at = excluded.observed_at
""")
FORGET_CONSUMERS = text("DELETE FROM jobs.consumers WHERE observed_at < now() - make_interval(days => :days)")


async def list_views(snapshot: Snapshot) -> list[ViewRow]:
    return [ViewRow(*row) for row in await snapshot.rows(VIEWS)]


async def list_workers(snapshot: Snapshot) -> list[WorkerRow]:
    """Those that run, and those that were lost in the last days."""
    return [WorkerRow(*row) for row in await snapshot.rows(WORKERS)]


async def list_consumers(snapshot: Snapshot) -> list[ConsumerRow]:
    """By topic and partition."""
    return [ConsumerRow(Position(*row[:-1]), row[-1]) for row in await snapshot.rows(CONSUMERS)]


async def list_told_consumers(connection: AsyncConnection) -> list[ConsumerRow]:
    """The same, as the worker."""
    return [ConsumerRow(Position(*row[:-1]), row[-1]) for row in await connection.execute(TOLD_CONSUMERS)]


async def beat(connection: AsyncConnection, worker: WorkerRow) -> None:
    """Says, as the worker, that it is alive; when, is the database's to say."""
    await connection.execute(BEAT, {**worker._asdict(), "queues": list(worker.queues)})


async def leave(connection: AsyncConnection, id: UUID) -> None:
    """Says that a worker has ended as it should."""
    await connection.execute(LEAVE, {"id": id})


async def tell_positions(connection: AsyncConnection, positions: Sequence[Position]) -> None:
    """Says, as the worker, how far it has come."""
    rows = orjson.dumps([position._asdict() for position in positions]).decode()
    await connection.execute(TELL, {"positions": rows})


async def forget_lost_workers(connection: AsyncConnection, days: int) -> int:
    """Forgets workers, and consumers, that were lost so many days ago; says how many."""
    found = [await connection.execute(statement, {"days": days}) for statement in (FORGET, FORGET_CONSUMERS)]
    return sum(result.rowcount for result in found)
