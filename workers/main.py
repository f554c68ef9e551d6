"""The worker: folds, refreshes and maintains until it is told to stop.

Any number of workers may run: what must not be done twice at a time is guarded by locks in the database.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from functools import partial

import structlog

from db.engine import write_engine
from settings import DatabaseRole, Settings
from workers.events.dead_letters import retry_due
from workers.events.listening import listen
from workers.fold import fold_pending
from workers.loop import repeat
from workers.means import TICKING, Means, Queue
from workers.queue import run_jobs
from workers.refresh import refresh_due

CONNECTIONS = 3
RESTART_SECONDS = 1.0
"""After which the queue, or a broker of events, is looked at again, when it was lost."""
RETRY_SECONDS = 0.5
"""How often events that could not be taken are looked at."""

log = structlog.get_logger(__name__)


async def work(settings: Settings, stop: asyncio.Event, queues: Collection[Queue] = tuple(Queue)) -> None:
    """Works at these until ``stop`` is set, then finishes the fold and the jobs at hand; a refresh at hand is rolled back.

    ``settings.database_url`` must be set.
    """
    assert settings.database_url is not None
    engine = write_engine(settings.database_url, DatabaseRole.WORKER, pool_size=CONNECTIONS)
    fold = partial(fold_pending, engine, stop)
    refresh = partial(refresh_due, engine, settings.refresh_seconds, stop)
    jobs = partial(run_jobs, Means(settings, engine), set(queues) - TICKING, stop)
    log.info("worker_started", fold_seconds=settings.fold_seconds, refresh_seconds=settings.refresh_seconds)
    try:
        # The fold and the jobs at hand are finished; refreshing can be done another time.
        finishing = []
        if Queue.FOLD in queues:
            finishing.append(asyncio.create_task(repeat("fold", settings.fold_seconds, fold, stop)))
        if set(queues) - TICKING:
            finishing.append(asyncio.create_task(repeat("jobs", RESTART_SECONDS, jobs, stop)))
        if Queue.EVENTS in queues:
            listening = partial(listen, settings, engine, stop)
            finishing.append(asyncio.create_task(repeat("events", RESTART_SECONDS, listening, stop)))
            retrying = partial(retry_due, engine, stop)
            finishing.append(asyncio.create_task(repeat("event_retries", RETRY_SECONDS, retrying, stop)))
        refreshing = []
        if Queue.REFRESH in queues:
            refreshing.append(asyncio.create_task(repeat("refresh", settings.refresh_seconds, refresh, stop)))
        await asyncio.gather(stop.wait(), *finishing)
        for task in refreshing:
            task.cancel()
        await asyncio.gather(*refreshing, return_exceptions=True)
    finally:
        await engine.dispose()
        log.info("worker_stopped")
