"""The composition root: settings → pools, Redis, verifier → routes. No logic."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles

import web
from auth import TokenVerifier
from db.changes import Changes
from db.engine import ReadPool, write_engine
from execution.endpoint import GraphQLEndpoint
from execution.request_id import RequestId
from execution.routes import PageOr, health_route, text_route, to_page
from resolvers.context import Services
from resolvers.user_progress import UserProgress
from schema.graph import graph
from settings import DatabaseRole, Settings


def create_app(settings: Settings) -> Starlette:
    """The gateway. ``settings.database_url`` must be set. Raises auth.ConfigurationError."""
    assert settings.database_url is not None
    services = Services(
        settings=settings,
        read_pool=ReadPool(
            settings.database_url,
            DatabaseRole.API,
            size=settings.db_pool_size,
            statement_timeout=settings.statement_timeout,
        ),
        write_engine=write_engine(settings.database_url, DatabaseRole.API),
        changes=Changes(settings.database_url),
        user_progress=UserProgress.from_settings(settings),
    )
    verifier = TokenVerifier(settings)
    endpoint = GraphQLEndpoint(graph, services, verifier)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        await services.changes.aclose()
        await services.read_pool.aclose()
        await services.write_engine.dispose()
        await verifier.aclose()
        if services.user_progress is not None:
            await services.user_progress.aclose()

    return Starlette(
        lifespan=lifespan,
        middleware=[Middleware(RequestId)],
        routes=[
            Route("/", to_page),
            Route("/graphql", PageOr(endpoint)),
            WebSocketRoute("/graphql", endpoint),
            Route("/schema.graphql", text_route(graph.printed)),
            Route("/health", health_route(services.read_pool)),
            Mount("/assets", StaticFiles(directory=web.DIST / "assets", check_dir=False)),
        ],
    )
