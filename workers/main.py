"""The worker: folds, refreshes and maintains until it is told to stop.

Any number of workers may run: what must not be done twice at a time is guarded by locks in the database.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial

import structlog

from db.engine import write_engine
from settings import DatabaseRole, Settings
from workers.fold import fold_pending
from workers.loop import repeat
from workers.maintenance import MAINTENANCE_SECONDS, maintain
from workers.refresh import refresh_due

CONNECTIONS = 3  # one per loop

log = structlog.get_logger(__name__)


async def work(settings: Settings, stop: asyncio.Event) -> None:
    """Works until ``stop`` is set, then finishes the fold at hand; a refresh at hand is rolled back.

    ``settings.database_url`` must be set.
    """
    assert settings.database_url is not None
    engine = write_engine(settings.database_url, DatabaseRole.WORKER, pool_size=CONNECTIONS)
    fold = partial(fold_pending, engine, stop)
    refresh = partial(refresh_due, engine, settings.refresh_seconds, stop)
    log.info("worker_started", fold_seconds=settings.fold_seconds, refresh_seconds=settings.refresh_seconds)
    try:
        folding = asyncio.create_task(repeat("fold", settings.fold_seconds, fold, stop))
        others = (
            asyncio.create_task(repeat("refresh", settings.refresh_seconds, refresh, stop)),
            asyncio.create_task(repeat("maintenance", MAINTENANCE_SECONDS, partial(maintain, engine), stop)),
        )
        await folding
        for task in others:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
    finally:
        await engine.dispose()
        log.info("worker_stopped")
