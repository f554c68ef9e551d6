"""What Prometheus is told: parsed by its own client, with hostile names, and from the real gateway."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr
from starlette.routing import Mount, Route
from starlette.types import Receive, Scope, Send

from db.changes import Changes
from db.engine import ReadPool
from execution.front import Front
from execution.metrics import MOST_NAMES, Metrics
from execution.operating_figures import watch_cache
from execution.response_cache import ResponseCache
from settings import DatabaseRole
from tests.conftest import Database, Servers
from tests.gateway import Gateway, running_gateway

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def parsed(text: str) -> Samples:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def told(metrics: Metrics) -> Samples:
    return parsed(generate_latest(metrics.registry).decode())


def value(samples: Samples, metric: str, /, **labels: str) -> float | None:
    return samples.get((metric, frozenset(labels.items())))


def test_operations_by_name_and_outcome() -> None:
    metrics = Metrics()
    metrics.count_operation("GroupPage", (), 0.003, statements=4, cost=120)
    metrics.count_operation("GroupPage", ("NOT_FOUND", "FORBIDDEN", "NOT_FOUND"), 0.02, statements=1)
    metrics.count_operation(None, ("UNAUTHENTICATED",), None)
    samples = told(metrics)
    assert value(samples, "graphql_operations_total", name="GroupPage", status="OK") == 1
    assert value(samples, "graphql_operations_total", name="GroupPage", status="NOT_FOUND") == 1
    assert value(samples, "graphql_operations_total", name="other", status="UNAUTHENTICATED") == 1
    assert value(samples, "graphql_resolver_errors_total", code="NOT_FOUND") == 2
    assert value(samples, "graphql_resolver_errors_total", code="FORBIDDEN") == 1
    assert value(samples, "graphql_operation_duration_seconds_count", name="GroupPage") == 2
    assert value(samples, "graphql_operation_duration_seconds_count", name="other") is None
    assert value(samples, "graphql_operation_duration_seconds_sum", name="GroupPage") == pytest.approx(0.023)
    assert value(samples, "graphql_sql_statements_per_operation_sum") == 5
    assert value(samples, "graphql_operation_cost_count") == 1


@pytest.mark.parametrize(
    ("seconds", "bucket", "below"), [(0.005, "0.005", "0.0025"), (11, "+Inf", "10.0"), (0, "0.001", None)]
)
def test_a_value_is_in_the_bucket_of_its_bound(seconds: float, bucket: str, below: str | None) -> None:
    metrics = Metrics()
    metrics.count_operation("A", (), seconds)
    samples = told(metrics)
    assert value(samples, "graphql_operation_duration_seconds_bucket", name="A", le=bucket) == 1
    if below:
        assert value(samples, "graphql_operation_duration_seconds_bucket", name="A", le=below) == 0


def test_names_have_an_end() -> None:
    metrics = Metrics()
    for number in range(MOST_NAMES * 2):
        metrics.count_operation(f"Name{number}", (), 0.1)
    samples = told(metrics)
    names = {dict(labels).get("name") for name, labels in samples if name == "graphql_operations_total"}
    assert len(names) == MOST_NAMES + 1
    assert value(samples, "graphql_operations_total", name="other", status="OK") == MOST_NAMES


def test_figures_of_others_are_read_when_asked_for() -> None:
    metrics, figures = Metrics(), {"in_use": 1.0, "lost": None}
    metrics.gauge("db_pool_in_use", "…", lambda: figures["in_use"])
    metrics.gauge("lost", "…", lambda: figures["lost"])
    metrics.counter("graphql_executor_bailouts_total", "…", lambda: {"null": 3, 'a "quoted"\nreason': 1}, "reason")
    figures["in_use"] = 4.0
    samples = told(metrics)
    assert value(samples, "db_pool_in_use") == 4
    assert value(samples, "lost") is None
    assert value(samples, "graphql_executor_bailouts_total", reason="null") == 3
    assert value(samples, "graphql_executor_bailouts_total", reason='a "quoted"\nreason') == 1
    assert metrics.figures()["db_pool_in_use"] == 4.0


def test_what_is_kept_and_why_it_was_dropped(servers: Servers) -> None:
    pool = ReadPool(servers.admin_url, DatabaseRole.API, size=1, statement_timeout=1)
    metrics, cache = Metrics(), ResponseCache(Changes(None), pool, 1024)
    watch_cache(metrics, cache)
    cache.hits, cache.store.bytes = 3, 512
    cache.store.dropped["group"] += 2
    samples = told(metrics)
    assert value(samples, "cache_hits_total") == 3
    assert value(samples, "cache_misses_total") == 0
    assert value(samples, "cache_bytes") == 512
    assert value(samples, "cache_dropped_total", tag="group") == 2


def test_two_applications_in_a_process_do_not_clash() -> None:
    first, second = Metrics(), Metrics()
    first.count_operation("A", (), 0.1)
    assert value(told(second), "graphql_operations_total", name="A", status="OK") is None


async def respond(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["path"] == "/broken":
        raise RuntimeError
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body"})


async def test_requests_by_what_there_is_and_never_by_what_is_made_up() -> None:
    async def page(request: Any) -> Any:
        raise AssertionError

    metrics = Metrics()
    routes = [Route("/graphql", page), Route("/broken", page), Mount("/assets", respond)]
    app = Front(respond, metrics, routes, {"/graphql": respond}, {})
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        for path in ("/graphql", "/assets/a.js", "/assets/b.js", "/wp-admin", "/graphql/", "/Graphql", "/assets"):
            await client.get(path)
        await client.request("BREW", "/graphql")
        with pytest.raises(RuntimeError):
            await client.get("/broken")
    samples = told(metrics)
    counted = {
        tuple(sorted(dict(labels).items())): count
        for (name, labels), count in samples.items()
        if name == "http_requests_total"
    }
    assert counted == {
        (("method", "GET"), ("path", "/graphql"), ("status", "204")): 1,
        (("method", "GET"), ("path", "/assets/"), ("status", "204")): 2,
        (("method", "GET"), ("path", "other"), ("status", "204")): 4,
        (("method", "other"), ("path", "/graphql"), ("status", "204")): 1,
        (("method", "GET"), ("path", "/broken"), ("status", "500")): 1,
    }
    assert value(samples, "http_request_duration_seconds_count", path="/assets/") == 2
    assert value(samples, "http_requests_in_progress") == 0


@pytest.fixture(scope="module")
def gateway(new_database: Callable[[], Database], servers: Servers) -> Iterator[Gateway]:
    with running_gateway(new_database(), servers) as running:
        yield running


async def test_the_gateway_tells_under_the_names_that_are_promised(gateway: Gateway) -> None:
    async with httpx.AsyncClient(base_url=gateway.url, timeout=30) as client:
        await client.post("/graphql", json={"query": "{ __typename }"})
        answer = await client.get("/metrics/prometheus")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    samples = parsed(answer.text)
    assert value(samples, "http_requests_total", method="POST", path="/graphql", status="200") == 1
    assert value(samples, "http_request_duration_seconds_count", path="/graphql") == 1
    assert value(samples, "db_pool_size") == 10
    assert value(samples, "db_pool_in_use") == 0
    assert value(samples, "rollup_pending_changes") == 0
    assert (value(samples, "process_resident_memory_bytes") or 0) > 1_000_000
    names = {name for name, _ in samples}
    assert {
        "process_cpu_seconds_total",
        "graphql_operation_cost_count",
        "graphql_sql_statements_per_operation_count",
    } <= names


async def test_a_token_keeps_the_metrics_from_others(new_database: Callable[[], Database], servers: Servers) -> None:
    token = SecretStr("scrape-me")
    with running_gateway(new_database(), servers, metrics_token=token) as gateway:
        async with httpx.AsyncClient(base_url=gateway.url, timeout=30) as client:
            for headers in (
                {},
                {"Authorization": "Bearer scrape-m"},
                {"Authorization": "scrape-me"},
                {"Authorization": "Bearer ü".encode()},
                gateway.headers("root", "ADMIN"),
            ):
                answer = await client.get("/metrics/prometheus", headers=headers)  # type: ignore[arg-type]
                assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
                assert "http_requests" not in answer.text
            allowed = await client.get("/metrics/prometheus", headers={"Authorization": "Bearer scrape-me"})
            assert "http_requests_total" in allowed.text
