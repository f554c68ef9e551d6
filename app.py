"""The composition root: settings → pools, Redis, verifier → routes. No logic."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute

import web
from auth import TokenVerifier
from db.changes import Changes
from db.engine import ReadPool, write_engine
from execution.admission import Gate
from execution.assets import Assets
from execution.budgets import Budgets
from execution.change_feed import check_of
from execution.endpoint import GraphQLEndpoint
from execution.front import Front
from execution.health import DEADLINE_SECONDS, Health
from execution.health_routes import HealthRoutes
from execution.introspection import Introspection
from execution.metrics import Metrics
from execution.operating_figures import watch_cache, watch_changes, watch_database, watch_live
from execution.operation_log import OperationLog
from execution.origins import AllowedOrigins, cors, same_origin
from execution.own_metrics import OwnMetrics
from execution.prometheus import PrometheusRoute
from execution.response_cache import ResponseCache
from execution.routes import PageOr, to_page
from execution.schema_route import schema_route
from execution.tracing import tracing_for
from execution.trusted_documents import TrustedDocuments
from resolvers.context import Services
from resolvers.user_progress import UserProgress
from schema.export_files import ExportFiles
from schema.graph import graph
from settings import DatabaseRole, Settings
from workers.exports.storage import storage_of


def create_app(settings: Settings) -> Starlette:
    """The gateway. ``settings.database_url`` must be set. Raises auth.ConfigurationError."""
    assert settings.database_url is not None
    tracing = tracing_for(settings)
    listener = tracing.statement if tracing else None
    changes = Changes(settings.database_url)
    looking = ReadPool(settings.database_url, DatabaseRole.API, size=1, statement_timeout=DEADLINE_SECONDS)
    health = Health(looking, lambda: {"changeFeed": check_of(changes)})
    services = Services(
        settings=settings,
        read_pool=ReadPool(
            settings.database_url,
            DatabaseRole.API,
            size=settings.db_pool_size,
            statement_timeout=settings.statement_timeout,
            listener=listener,
        ),
        write_engine=write_engine(settings.database_url, DatabaseRole.API, listener=listener),
        changes=changes,
        user_progress=UserProgress.from_settings(settings),
        look=health.checks,
    )
    verifier = TokenVerifier(settings)
    introspection = Introspection(settings.introspection)
    gate = Gate(
        graph.operations,
        TrustedDocuments.from_settings(settings, services.read_pool, services.changes, graph.operations),
        introspection,
        Budgets(graph.schema, settings),
    )
    metrics = Metrics()
    pool = services.read_pool
    own_metrics = OwnMetrics(services.write_engine, lambda: pool.in_use / pool.size)
    log = OperationLog(metrics, slow_seconds=settings.slow_seconds, tracing=tracing, own_metrics=own_metrics)
    cache = ResponseCache(services.changes, services.read_pool, settings.cache_mb * 1024 * 1024)
    endpoint = GraphQLEndpoint(graph, services, verifier, gate, cache, log)
    watch_database(metrics, services.read_pool, health)
    watch_changes(metrics, changes)
    watch_live(metrics, endpoint.live)
    watch_cache(metrics, cache)
    metrics.counter(
        "graphql_executor_bailouts_total",
        "Operations that the compiled executor left to graphql-core.",
        lambda: graph.executor.bailouts,
        "reason",
    )
    metrics.counter(
        "graphql_read_again_total",
        "Queries that one statement could not answer after all, or not as things had been before.",
        lambda: graph.executor.read_again,
    )

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        own_metrics.start()
        yield
        await gate.aclose()
        await services.changes.aclose()
        await services.read_pool.aclose()
        await own_metrics.aclose()
        await services.write_engine.dispose()
        await verifier.aclose()
        if services.user_progress is not None:
            await services.user_progress.aclose()
        await health.aclose()
        if tracing is not None:
            await tracing.aclose()

    graphql = PageOr(endpoint)
    files = ExportFiles(services, verifier, storage_of(settings))
    routes: list[BaseRoute] = [
        Route("/", to_page),
        Route("/graphql", graphql),
        WebSocketRoute("/graphql", endpoint.live),
        Route("/schema.graphql", schema_route(graph.printed, verifier, introspection)),
        Route("/exports/{id}/file", files.serve, methods=["GET", "POST"]),
        Route("/exports/{id}/manifest", files.serve_manifest),
        *HealthRoutes(health, metrics, verifier).routes(),
        Route(
            "/metrics/prometheus", PrometheusRoute(metrics.registry, health.condition, settings.metrics_token).answer
        ),
        Mount("/assets", Assets(web.DIST / "assets")),
    ]
    app = Starlette(lifespan=lifespan, middleware=[Middleware(AllowedOrigins, settings.cors_origins)], routes=routes)
    app.state.live = endpoint.live
    # In front of Starlette's own layers, so that it dresses and counts also what they answer.
    app.middleware_stack = app.state.front = Front(
        app.build_middleware_stack(),
        metrics,
        routes,
        straight={"/graphql": cors(graphql, settings.cors_origins)},
        whole={"/graphql": same_origin(endpoint.whole, settings.cors_origins)},
    )
    return app
