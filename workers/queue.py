"""The job queue: procrastinate on the same database, so that a job commits with the data that asks for it.

A subject declares its tasks on a ``Blueprint`` of its own; they are composed here. What a task works with comes to it as
``means_of(context)``.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress
from copy import deepcopy

import structlog
from procrastinate import App, PsycopgConnector
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine

from db.queries.jobs import recover_stalled_jobs
from settings import DatabaseRole
from workers import awards, maintenance, platform, recount, refreshing, reports
from workers.alerts import notices as alerts
from workers.deliveries import job as deliveries
from workers.exports import job as exports
from workers.means import Means, Queue
from workers.running import Resumed, Told, middleware
from workers.schedule import LATEST_SECONDS, SCHEDULE

SUBJECTS = {
    "awards": awards.jobs,
    "maintenance": maintenance.jobs,
    "recount": recount.jobs,
    "refresh": refreshing.jobs,
    "exports": exports.jobs,
    "reports": reports.jobs,
    "deliveries": deliveries.jobs,
    "platform": platform.jobs,
    "alerts": alerts.jobs,
}

CONCURRENCY = 4
GRACE_SECONDS = 30.0
"""How long a job at hand may take to end when the worker stops; then it is given up, and run again by another worker."""

HEARTBEAT_SECONDS = 10.0
SILENT_SECONDS = 30.0
"""A worker that was not heard of for so long is lost, and its jobs with it: others run them again."""

MOST_TRIES = 5
"""Of a job whose workers are lost: perhaps it is what kills them."""

CONNECT_SECONDS = 5.0

log = structlog.get_logger(__name__)


def job_app() -> App:
    """All tasks, and when they are due; connected to nothing yet."""
    app = App(connector=PsycopgConnector(), periodic_defaults={"max_delay": LATEST_SECONDS})
    for name, blueprint in SUBJECTS.items():
        # Adding a blueprint renames its tasks, so that it could not be added again.
        app.add_tasks_from(deepcopy(blueprint), namespace=name)
    for task in app.tasks.values():
        task.retry_strategy = Resumed(task.retry_strategy)
    for name, cron in SCHEDULE.items():
        app.periodic_registry.register_task(task=app.tasks[name], cron=cron, periodic_id="", configure_kwargs={})
    return app


@asynccontextmanager
async def open_app(database_url: str) -> AsyncIterator[App]:
    """The tasks, connected as the worker."""
    pool = AsyncConnectionPool(
        make_url(database_url).set(drivername="postgresql").render_as_string(hide_password=False),
        min_size=1,
        max_size=CONCURRENCY,
        timeout=CONNECT_SECONDS,
        open=False,
        # One that was cut is replaced before it is used.
        check=AsyncConnectionPool.check_connection,
        configure=_commit_each,
        kwargs={
            # Here is written only that jobs begin and end. Should the server crash before that is on its disk, they are run
            # again, as when their worker is killed; to wait for the disk several times a job would take longer than most.
            "options": f"-c role={DatabaseRole.WORKER} -c search_path=jobs,public -c timezone=UTC -c synchronous_commit=off",
            "application_name": "scoregraph jobs",
            "connect_timeout": int(CONNECT_SECONDS),
        },
    )
    app = job_app()
    async with pool, app.open_async(pool):
        yield app


async def _commit_each(connection: AsyncConnection) -> None:
    """Everything that is asked for is one statement."""
    await connection.set_autocommit(True)


async def run_jobs(means: Means, queues: Collection[Queue], stop: asyncio.Event, told: Told) -> None:
    """Until ``stop`` is set, or the database is lost."""
    assert means.settings.database_url is not None
    async with open_app(means.settings.database_url) as app:
        working = asyncio.create_task(
            app.run_worker_async(
                queues=sorted(queues),
                concurrency=CONCURRENCY,
                install_signal_handlers=False,
                shutdown_graceful_timeout=GRACE_SECONDS,
                update_heartbeat_interval=HEARTBEAT_SECONDS,
                stalled_worker_timeout=SILENT_SECONDS,
                additional_context={"means": means},
                worker_middleware=[middleware(told)],
            )
        )
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait((working, stopping), return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            working.cancel()
            with suppress(asyncio.CancelledError):
                await working


async def recover(engine: AsyncEngine) -> None:
    """Puts jobs back into their queues whose worker was lost."""
    async with engine.begin() as connection:
        recovered = await recover_stalled_jobs(connection, SILENT_SECONDS, MOST_TRIES)
    for id, task, is_retried in recovered:
        log.warning("job_recovered_from_lost_worker", job=id, task=task, is_retried=is_retried)
