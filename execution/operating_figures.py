"""Figures of what the operations stand on, watched for Prometheus and for ``/health/detailed``."""

from __future__ import annotations

from db.changes import Changes
from db.engine import ReadPool
from execution.health import Health
from execution.live.endpoint import LiveEndpoint
from execution.metrics import Metrics
from execution.response_cache import ResponseCache


def watch_database(metrics: Metrics, pool: ReadPool, health: Health) -> None:
    """Connections as of now; the rest as of when the database was asked last."""
    metrics.gauge("db_pool_size", "Connections for reads that there may be.", lambda: pool.size)
    metrics.gauge("db_pool_in_use", "Connections for reads in use.", lambda: pool.in_use)
    metrics.gauge("db_pool_waiting", "Operations that wait for a connection.", lambda: pool.waiting)

    def pending() -> float | None:
        return health.last.pending_changes if health.last else None

    def lags() -> dict[str, float]:
        views = health.last.views if health.last else {}
        return {name: view.lag_seconds for name, view in views.items() if view.lag_seconds is not None}

    metrics.gauge("rollup_pending_changes", "Changes that wait to be folded, 100000 at most.", pending)
    metrics.gauge("rollup_lag_seconds", "Since a view was known to be as a refresh would make it.", lags, "view")


def watch_changes(metrics: Metrics, changes: Changes) -> None:
    metrics.gauge("change_feed_up", "Whether changes are heard, and so answers kept.", lambda: float(changes.hears))


def watch_live(metrics: Metrics, live: LiveEndpoint) -> None:
    plans = live.plans
    metrics.gauge("graphql_subscription_plans", "Different subscriptions that are followed.", lambda: len(plans))
    metrics.gauge("graphql_subscriptions", "Subscriptions of clients.", lambda: plans.followers)
    metrics.counter(
        "graphql_subscription_executions_total", "How often subscriptions were executed.", lambda: plans.asked
    )
    metrics.counter(
        "graphql_subscription_payloads_total", "Answers handed to subscriptions of clients.", lambda: plans.told
    )
    metrics.counter(
        "graphql_subscription_stuck_clients_total", "Connections closed since nothing was taken.", lambda: live.stuck
    )


def watch_cache(metrics: Metrics, cache: ResponseCache) -> None:
    store = cache.store
    metrics.counter("cache_hits_total", "Answers that were given again, or shared.", lambda: cache.hits)
    metrics.counter("cache_misses_total", "Answers that could have been kept and were made.", lambda: cache.misses)
    metrics.counter(
        "cache_dropped_total", "Answers dropped since something changed, by what.", lambda: store.dropped, "tag"
    )
    metrics.counter("cache_evicted_total", "Answers dropped for want of room.", lambda: store.evicted)
    metrics.gauge("cache_answers", "Answers that are kept.", lambda: len(store))
    metrics.gauge("cache_bytes", "Memory that they take.", lambda: store.bytes)
