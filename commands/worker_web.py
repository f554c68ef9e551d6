"""What a worker answers over HTTP: whether it is well, and its figures. Nothing of anybody's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.routing import Route

from commands.http_protocol import Patience
from commands.web_server import WebServer, web_server
from db.engine import ReadPool
from db.queries.jobs import list_queue_depths
from execution.health import DEADLINE_SECONDS, GOOD, Check, Health, Status
from execution.health_routes import Probes
from execution.prometheus import PrometheusRoute
from settings import DatabaseRole, Settings
from workers.main import Worker

MOST_CONNECTIONS = 100


def worker_web(settings: Settings, worker: Worker) -> WebServer:
    """The server, which is not started."""
    assert settings.database_url is not None
    pool = ReadPool(settings.database_url, DatabaseRole.WORKER, size=1, statement_timeout=DEADLINE_SECONDS)

    def own() -> dict[str, Check]:
        checks = {"ticks": _check(worker.ticks.complaint), "alerts": _check(worker.alerts.complaint)}
        return checks if worker.listener is None else {**checks, "listening": _check(worker.listener.complaint)}

    health = Health(pool, own)

    async def look() -> None:
        try:
            async with worker.engine.connect() as connection:
                worker.figures.set_depths(await list_queue_depths(connection))
                await worker.figures.alerts.read(connection)
        except (SQLAlchemyError, OSError):
            worker.figures.set_depths(None)
            worker.figures.alerts.forget()

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        await health.aclose()

    app = Starlette(
        lifespan=lifespan,
        routes=[
            *Probes(health).routes(),
            Route("/metrics/prometheus", PrometheusRoute(worker.figures.registry, look, settings.metrics_token).answer),
        ],
    )
    patience = Patience(
        head=settings.header_timeout,
        body=settings.body_timeout,
        reader=settings.body_timeout,
        connections=MOST_CONNECTIONS,
    )
    return web_server(app, patience)


def _check(complaint: str | None) -> Check:
    return Check(Status.DEGRADED, complaint) if complaint else GOOD
