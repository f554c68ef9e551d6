"""Traces as a collector receives them: a real one that speaks OTLP over HTTP, in this process."""

from __future__ import annotations

import asyncio
import gzip
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from structlog.testing import capture_logs

from db.engine import ReadPool, write_engine
from execution.metrics import Metrics
from execution.operation_log import OperationLog
from execution.tracing import FLUSH_SECONDS, Tracing, tracing_for
from settings import DatabaseRole, Settings
from tests.conftest import Database

collector = pytest.importorskip("opentelemetry.proto.collector.trace.v1.trace_service_pb2")

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@dataclass
class Collector:
    """``spans`` are those received so far; ``status`` is what it answers."""

    url: str
    resources: list[dict[str, Any]] = field(default_factory=list)
    spans: list[Any] = field(default_factory=list)
    status: int = 200

    def named(self, name: str) -> Any:
        [span] = [span for span in self.spans if span.name == name]
        return span


def attributes(span: Any) -> dict[str, Any]:
    return {entry.key: entry.value.string_value or entry.value.int_value for entry in span.attributes}


@pytest.fixture
def receiver() -> Iterator[Collector]:
    class Receive(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            assert self.path == "/v1/traces"
            for resource_spans in collector.ExportTraceServiceRequest.FromString(body).resource_spans:
                receiver.resources.append(attributes(resource_spans.resource))
                for scope_spans in resource_spans.scope_spans:
                    receiver.spans.extend(scope_spans.spans)
            self.send_response(receiver.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receive)
    receiver = Collector(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield receiver
    server.shutdown()
    server.server_close()


@pytest.fixture
def tracing(receiver: Collector) -> Tracing:
    tracing = tracing_for(Settings(otlp_endpoint=receiver.url + "/"))
    assert tracing is not None
    return tracing


def logged(tracing: Tracing | None) -> OperationLog:
    return OperationLog(Metrics(), slow_seconds=60, tracing=tracing)


async def test_an_operation_is_a_child_of_whoever_asked(receiver: Collector, tracing: Tracing) -> None:
    with logged(tracing).observe({b"traceparent": PARENT.encode(), b"tracestate": b"vendor=1"}) as operation:
        operation.name, operation.kind, operation.text, operation.is_registered = (
            "Card",
            "query",
            "query Card { a }",
            True,
        )
    await tracing.aclose()
    span = receiver.named("query Card")
    assert (span.trace_id.hex(), span.parent_span_id.hex()) == tuple(PARENT.split("-")[1:3])
    assert span.kind == span.SPAN_KIND_SERVER
    assert attributes(span) == {"graphql.operation.type": "query", "graphql.operation.name": "Card"}
    [resource] = receiver.resources
    assert (resource["service.name"], bool(resource["service.version"])) == ("scoregraph", True)


@pytest.mark.parametrize(
    "header", [None, "", "nonsense", PARENT[:-3], "00-" + "0" * 32 + "-b7ad6b7169203331-01", "ü" * 5_000]
)
async def test_without_a_sane_parent_a_trace_begins(receiver: Collector, tracing: Tracing, header: str | None) -> None:
    value = (header or "").encode("latin-1")
    with logged(tracing).observe({b"traceparent": value, b"tracestate": value}) as operation:
        operation.kind = "mutation"
    await tracing.aclose()
    span = receiver.named("mutation")
    assert span.parent_span_id == b""
    assert any(span.trace_id)


async def test_names_that_clients_make_up_are_no_names_of_spans(receiver: Collector, tracing: Tracing) -> None:
    with logged(tracing).observe() as operation:
        operation.name, operation.kind = "MadeUp7", "query"
    await tracing.aclose()
    assert attributes(receiver.named("query"))["graphql.operation.name"] == "MadeUp7"


@pytest.mark.parametrize(
    ("codes", "is_error"),
    [((), False), (("NOT_FOUND",), False), (("NOT_FOUND", "INTERNAL"), True), (("UNAVAILABLE",), True)],
)
async def test_only_our_own_faults_are_errors(
    receiver: Collector, tracing: Tracing, codes: tuple[str, ...], is_error: bool
) -> None:
    with logged(tracing).observe() as operation:
        operation.kind, operation.codes = "query", codes
    await tracing.aclose()
    span = receiver.named("query")
    assert (span.status.code == span.status.STATUS_CODE_ERROR) is is_error
    assert attributes(span).get("error.type") == (codes[0] if codes else None)


async def test_statements_are_children_and_hold_no_values(
    receiver: Collector, tracing: Tracing, database: Database
) -> None:
    pool = ReadPool(database.url, DatabaseRole.API, size=2, statement_timeout=10, listener=tracing.statement)
    engine = write_engine(database.url, DatabaseRole.API, listener=tracing.statement)

    async def read(value: str) -> None:
        async with pool.connection() as connection:
            await connection.fetch("SELECT $1::text", value)

    async def fail() -> None:
        async with pool.connection() as connection:
            await connection.fetch("SELECT 1 / $1::integer", 0)

    async with pool.connection() as connection:
        await connection.fetch("SELECT 'of nobody'")
    with logged(tracing).observe({b"traceparent": PARENT.encode()}) as operation:
        operation.kind = "query"
        await asyncio.gather(asyncio.create_task(read("secret-1")), read("secret-2"))
        with pytest.raises(asyncpg.DivisionByZeroError):
            await fail()
        async with engine.begin() as connection:
            await connection.execute(text("SELECT CAST(:value AS text) AS written"), {"value": "secret-3"})
        with pytest.raises(DBAPIError):
            async with engine.begin() as connection:
                await connection.execute(text("SELECT 1 / CAST(:value AS integer)"), {"value": 0})
        # asyncpg tells of a query a moment later.
        await asyncio.sleep(0)
    await pool.aclose()
    await engine.dispose()
    await tracing.aclose()
    asked = receiver.named("query")
    statements = [span for span in receiver.spans if attributes(span).get("db.system.name") == "postgresql"]
    assert {span.parent_span_id for span in statements} == {asked.span_id}
    assert {span.trace_id for span in statements} == {asked.trace_id}
    texts = [attributes(span)["db.query.text"] for span in statements]
    assert texts.count("SELECT $1::text") == 2
    assert any("AS written" in written for written in texts)
    assert not [written for written in texts if "of nobody" in written]
    failed = {attributes(span)["error.type"] for span in statements if span.status.code}
    assert failed == {"DivisionByZeroError", "DivisionByZero"}
    for span in statements:
        assert 0 < span.start_time_unix_nano <= span.end_time_unix_nano <= time.time_ns()
        assert span.name == attributes(span)["db.operation.name"] == "SELECT"
    assert "secret" not in str(receiver.spans)


async def test_whose_span_it_is_stays_with_its_task(receiver: Collector, tracing: Tracing) -> None:
    log = logged(tracing)

    async def one(name: str) -> None:
        with log.observe() as operation:
            operation.kind, operation.name, operation.is_registered = "query", name, True
            await asyncio.sleep(0.01)
            tracing.statement(f"SELECT '{name}'", 0.001, None)

    await asyncio.gather(one("A"), one("B"))
    tracing.statement("SELECT 'nobody'", 0.001, None)
    await tracing.aclose()
    for name in ("A", "B"):
        [statement] = [span for span in receiver.spans if attributes(span).get("db.query.text") == f"SELECT '{name}'"]
        assert statement.parent_span_id == receiver.named(f"query {name}").span_id
    assert len(receiver.spans) == 4


async def test_a_collector_that_is_away_costs_nothing_but_its_spans() -> None:
    tracing = tracing_for(Settings(otlp_endpoint="http://127.0.0.1:1"))
    assert tracing is not None
    with logged(tracing).observe() as operation:
        operation.kind = "query"
    async with asyncio.timeout(FLUSH_SECONDS * 3):
        await tracing.aclose()


def test_without_an_endpoint_nothing_of_it_is_loaded() -> None:
    code = (
        "import sys; from settings import Settings; from execution.tracing import tracing_for;"
        "assert tracing_for(Settings()) is None; print([name for name in sys.modules if name.startswith('opentelemetry')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_without_the_libraries_it_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    found: Callable[[str], None] = lambda name: None  # noqa: E731
    monkeypatch.setattr("execution.tracing.find_spec", found)
    with capture_logs() as logged:
        assert tracing_for(Settings(otlp_endpoint="http://127.0.0.1:1")) is None
    assert [entry["reason"] for entry in logged] == ["install scoregraph[otel]"]
