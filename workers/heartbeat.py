"""That a worker is there, said in the database every few seconds for those who operate the platform."""

from __future__ import annotations

import os
import socket
from collections.abc import Collection
from datetime import UTC, datetime
from uuid import uuid4

from sqlalchemy.ext.asyncio import AsyncEngine

from db.queries.operations import WorkerRow, beat, leave
from workers.means import Queue
from workers.ticks import Ticks

SECONDS = 10.0


class Heartbeat:
    """``interval_seconds`` is that of the ticks; None where the worker makes none."""

    def __init__(self, queues: Collection[Queue], ticks: Ticks, interval_seconds: float | None) -> None:
        self._id = uuid4()
        self._queues = sorted(queues)
        self._ticks = ticks
        self._interval_seconds = interval_seconds
        self._started_at = datetime.now(UTC)

    async def beat(self, engine: AsyncEngine) -> None:
        ticks = self._ticks
        now = WorkerRow(
            id=self._id,
            name=f"{socket.gethostname()}:{os.getpid()}",
            queues=self._queues,
            started_at=self._started_at,
            heartbeat_at=datetime.now(UTC),
            interval_seconds=self._interval_seconds,
            ticks=ticks.count,
            failed_ticks=ticks.failed,
            is_failing=ticks.complaint is not None,
            last_tick_at=ticks.last_at,
            last_tick_seconds=ticks.last_seconds,
            last_failed_tick_at=ticks.last_failed_at,
        )
        async with engine.begin() as connection:
            await beat(connection, now)

    async def leave(self, engine: AsyncEngine) -> None:
        async with engine.begin() as connection:
            await leave(connection, self._id)
