"""The job queue: procrastinate on the same database, so that a job commits with the data that asks for it.

A subject declares its tasks on a ``Blueprint`` of its own; they are composed here. What a task works with comes to it as
``means_of(context)``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from contextlib import suppress

from procrastinate import App, PsycopgConnector
from sqlalchemy.engine import make_url

from settings import DatabaseRole
from workers import maintenance
from workers.exports import job as exports
from workers.means import Means, Queue
from workers.schedule import SCHEDULE

CONCURRENCY = 4
GRACE_SECONDS = 30.0
"""How long a job at hand may take to end when the worker stops; then it is given up, and run again by another worker."""


def job_app(database_url: str) -> App:
    """To be opened where it is used."""
    connector = PsycopgConnector(
        conninfo=make_url(database_url).set(drivername="postgresql").render_as_string(hide_password=False),
        min_size=1,
        max_size=CONCURRENCY,
        kwargs={
            "options": f"-c role={DatabaseRole.WORKER} -c search_path=jobs,public -c timezone=UTC",
            "application_name": "scoregraph jobs",
            "connect_timeout": 5,
        },
    )
    app = App(connector=connector)
    for name, blueprint in (("maintenance", maintenance.jobs), ("exports", exports.jobs)):
        app.add_tasks_from(blueprint, namespace=name)
    for cron, name in SCHEDULE.items():
        app.periodic_registry.register_task(task=app.tasks[name], cron=cron, periodic_id="", configure_kwargs={})
    return app


async def run_jobs(means: Means, queues: Collection[Queue], stop: asyncio.Event) -> None:
    """Until ``stop`` is set, or the database is lost."""
    assert means.settings.database_url is not None
    async with job_app(means.settings.database_url).open_async() as app:
        working = asyncio.create_task(
            app.run_worker_async(
                queues=sorted(queues),
                concurrency=CONCURRENCY,
                install_signal_handlers=False,
                shutdown_graceful_timeout=GRACE_SECONDS,
                additional_context={"means": means},
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
