"""The worker: folds, refreshes and runs jobs until it is told to stop.

Any number of workers may run: what must not be done twice at a time is guarded by locks in the database.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from contextlib import suppress
from functools import partial

import structlog
from sqlalchemy.exc import SQLAlchemyError

from db.engine import write_engine
from settings import DatabaseRole, Settings
from workers import heartbeat
from workers.alerts import watch
from workers.alerts.watch import Watch
from workers.awards import award_at_leisure
from workers.events.dead_letters import retry_due
from workers.events.happenings import Keeping
from workers.events.listening import Listener
from workers.exports.documents import Documents
from workers.figures import Figures
from workers.fold import fold_pending
from workers.heartbeat import Heartbeat
from workers.job_log import report_quietly, take_over_logs
from workers.loop import repeat
from workers.means import Means, Queue
from workers.outbox.publishing import publish
from workers.queue import recover, run_jobs
from workers.refresh import refresh_due
from workers.ticks import Ticks
from workers.webhooks import deliver

CONNECTIONS = 5
RESTART_SECONDS = 1.0
"""After which the queue, or a broker of events, is looked at again, when it was lost."""
RETRY_SECONDS = 0.5
"""How often events that could not be taken are looked at."""

AWARD_SECONDS = 1.0
"""How often awards are looked at of those for whom something was folded, at most."""

RECOVERY_SECONDS = 10.0

log = structlog.get_logger(__name__)


class Worker:
    """One process of them. ``settings.database_url`` must be set. Without ``documents`` none is exported."""

    def __init__(
        self,
        settings: Settings,
        queues: Collection[Queue] = tuple(Queue),
        documents: Callable[[], Documents] | None = None,
    ) -> None:
        assert settings.database_url is not None
        self._settings = settings
        self._queues = set(queues)
        self._documents = documents
        self.engine = write_engine(settings.database_url, DatabaseRole.WORKER, pool_size=CONNECTIONS)
        self.figures = Figures()
        self.ticks = Ticks(self.figures.note_tick)
        self.alerts = Watch(settings)
        self.listener = Listener(settings, self.engine) if Queue.EVENTS in self._queues else None

    async def work(self, stop: asyncio.Event) -> None:
        """Until ``stop`` is set; then finishes the fold and, within GRACE_SECONDS, the jobs at hand. A refresh at hand is rolled
        back: it can be done another time.
        """
        take_over_logs()
        asyncio.get_running_loop().set_exception_handler(report_quietly)
        settings, engine = self._settings, self.engine
        is_refreshing = Queue.REFRESH in self._queues
        pulse = Heartbeat(self._queues, self.ticks, settings.refresh_seconds if is_refreshing else None)
        fold = partial(fold_pending, engine, stop)
        refresh = partial(self.ticks.run, partial(refresh_due, engine, settings.refresh_seconds, stop))
        jobs = partial(run_jobs, Means(settings, engine, self._documents), self._queues, stop, self.figures.note_job)
        finishing = [repeat("jobs", RESTART_SECONDS, jobs, stop)]
        if Queue.FOLD in self._queues:
            finishing.append(repeat("fold", settings.fold_seconds, fold, stop))
        if Queue.MAINTENANCE in self._queues:
            finishing.append(repeat("awards", AWARD_SECONDS, partial(award_at_leisure, engine, stop), stop))
        if self.listener is not None:
            finishing.append(repeat("events", RESTART_SECONDS, partial(self.listener.listen, stop), stop))
            finishing.append(
                repeat("event_retries", RETRY_SECONDS, partial(retry_due, engine, Keeping.of(settings), stop), stop)
            )
            finishing.append(repeat("outbox", RESTART_SECONDS, partial(publish, settings, engine, stop), stop))
        if Queue.NOTIFY in self._queues:
            finishing.append(repeat("webhooks", RESTART_SECONDS, partial(deliver, settings, engine, stop), stop))
        dropping = [
            repeat("heartbeat", heartbeat.SECONDS, partial(pulse.beat, engine), stop),
            repeat("recovery", RECOVERY_SECONDS, partial(recover, engine), stop),
        ]
        if is_refreshing:
            dropping.append(repeat("refresh", settings.refresh_seconds, refresh, stop))
        if Queue.NOTIFY in self._queues:
            dropping.append(repeat("alerts", watch.SECONDS, partial(self.alerts.look, engine), stop))
        log.info(
            "worker_started",
            queues=sorted(self._queues),
            fold_seconds=settings.fold_seconds,
            refresh_seconds=settings.refresh_seconds,
        )
        dropped = [asyncio.create_task(loop) for loop in dropping]
        try:
            await asyncio.gather(stop.wait(), *finishing)
            for task in dropped:
                task.cancel()
            await asyncio.gather(*dropped, return_exceptions=True)
            with suppress(SQLAlchemyError, OSError):
                await pulse.leave(engine)
        finally:
            await engine.dispose()
            log.info("worker_stopped")
