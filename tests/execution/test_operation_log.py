"""One event per operation: what it says, what it never says, and that it counts what it should."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import structlog
from prometheus_client import generate_latest
from starlette.types import Receive, Scope, Send

from db.statement_count import count_statement
from execution.front import Front
from execution.metrics import Metrics
from execution.operation_log import OperationLog
from execution.refusals import Refusal
from logs import SOON_SECONDS, configure_logging, log_quickly

QUERY = 'query Card { user(by: {username: "ada.abel@north.example"}) { id } }'


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def log(metrics: Metrics) -> OperationLog:
    return OperationLog(metrics, slow_seconds=60)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    for handler in logging.getLogger().handlers:
        handler.flush()
    return [json.loads(line) for line in stream.getvalue().splitlines()]


async def test_says_what_it_was_and_how_it_went(log_stream: io.StringIO, log: OperationLog) -> None:
    with log.observe() as operation:
        operation.name, operation.kind, operation.text, operation.organization = "Card", "query", QUERY, "north"
        operation.cost = 120
        operation.codes = ["NOT_FOUND", "FORBIDDEN", "NOT_FOUND"]
        count_statement()
        await asyncio.gather(asyncio.create_task(statement()), statement())
    (line,) = lines(log_stream)
    assert line.pop("milliseconds") >= 0
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "operation",
        "level": "info",
        "logger": "execution.operation_log",
        "request_id": None,
        "name": "Card",
        "kind": "query",
        "organization": "north",
        "status": "NOT_FOUND",
        "codes": ["FORBIDDEN", "NOT_FOUND"],
        "statements": 3,
        "cost": 120,
    }


async def statement() -> None:
    await asyncio.sleep(0)
    count_statement()


async def test_statements_of_others_are_not_counted(log_stream: io.StringIO, log: OperationLog) -> None:
    async def one(statements: int) -> None:
        with log.observe() as operation:
            operation.name = f"With{statements}"
            for _ in range(statements):
                await statement()

    count_statement()
    await asyncio.gather(*(one(number) for number in range(4)))
    count_statement()
    assert {line["name"]: line["statements"] for line in lines(log_stream)} == {
        f"With{number}": number for number in range(4)
    }


@pytest.mark.parametrize("name", ["ada@north.example", "Ada Abel", "a" * 101, "{}", "Ada\nAbel", "", "'", "Fü"])
async def test_what_is_no_name_is_not_said(log_stream: io.StringIO, log: OperationLog, name: str) -> None:
    with log.observe() as operation:
        operation.name = name
    (line,) = lines(log_stream)
    assert "name" not in line
    assert "ada" not in log_stream.getvalue().lower()


async def test_a_slow_one_is_a_warning_with_the_hash_of_its_document(log_stream: io.StringIO, metrics: Metrics) -> None:
    log = OperationLog(metrics, slow_seconds=1e-9)
    with log.observe() as operation:
        operation.name, operation.kind, operation.text = "Card", "query", QUERY
    with log.observe() as operation:
        operation.kind, operation.text = "subscription", "subscription { a }"
    slow, lasting = lines(log_stream)
    assert (slow["level"], slow["document"]) == ("warning", hashlib.sha256(QUERY.encode()).hexdigest())
    assert lasting["level"] == "info"
    assert "north.example" not in log_stream.getvalue()


class Unforeseen(Exception):
    pass


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Refusal(401, "No.", "UNAUTHENTICATED"), "UNAUTHENTICATED"),
        (asyncio.CancelledError(), "CANCELLED"),
        (Unforeseen("ada@north.example"), "INTERNAL"),
    ],
)
async def test_what_ends_it_is_its_outcome(
    log_stream: io.StringIO, log: OperationLog, metrics: Metrics, error: BaseException, status: str
) -> None:
    with pytest.raises(type(error)), log.observe():
        raise error
    (line,) = lines(log_stream)
    assert line["status"] == status
    assert "north.example" not in log_stream.getvalue()
    assert (
        f'graphql_operations_total{{name="other",status="{status}"}} 1.0' in generate_latest(metrics.registry).decode()
    )


async def test_only_registered_documents_have_their_name_as_a_label(log: OperationLog, metrics: Metrics) -> None:
    for is_registered in (True, False):
        with log.observe() as operation:
            operation.name, operation.kind, operation.is_registered = "Card", "query", is_registered
    told = generate_latest(metrics.registry).decode()
    assert 'graphql_operations_total{name="Card",status="OK"} 1.0' in told
    assert 'graphql_operations_total{name="other",status="OK"} 1.0' in told


async def test_a_subscription_counts_but_not_its_time(log: OperationLog, metrics: Metrics) -> None:
    with log.observe() as operation:
        operation.kind = "subscription"
    told = generate_latest(metrics.registry).decode()
    assert 'graphql_operations_total{name="other",status="OK"} 1.0' in told
    assert "graphql_operation_duration_seconds_count" not in told


@pytest.fixture
async def client(log: OperationLog, metrics: Metrics) -> AsyncIterator[httpx.AsyncClient]:
    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        with log.observe():
            await asyncio.sleep(0)
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    front = Front(answer, metrics, [], {}, {})
    async with httpx.AsyncClient(transport=httpx.ASGITransport(front), base_url="http://test") as client:
        yield client


async def test_says_which_request_it_was(log_stream: io.StringIO, client: httpx.AsyncClient) -> None:
    await asyncio.gather(*(client.get("/", headers={"X-Request-Id": f"r-{number}"}) for number in range(5)))
    assert {line["request_id"] for line in lines(log_stream)} == {f"r-{number}" for number in range(5)}


async def test_nothing_is_written_where_nobody_wants_it(
    log_stream: io.StringIO, metrics: Metrics, log: OperationLog
) -> None:
    logging.getLogger().setLevel(logging.WARNING)
    with log.observe():
        pass
    assert lines(log_stream) == []
    with OperationLog(metrics, slow_seconds=1e-9).observe():
        pass
    assert [line["level"] for line in lines(log_stream)] == ["warning"]


async def test_order_is_kept_between_quick_events_and_others(log_stream: io.StringIO) -> None:
    log_quickly(logging.getLogger("quick"), logging.INFO, "first", {})
    structlog.get_logger("ours").info("second")
    log_quickly(logging.getLogger("quick"), logging.INFO, "third", {})
    await asyncio.sleep(SOON_SECONDS * 4)
    # Without a flush from outside: soon is soon.
    assert [json.loads(line)["event"] for line in log_stream.getvalue().splitlines()] == ["first", "second", "third"]


async def test_quick_events_look_like_others(log_stream: io.StringIO) -> None:
    log_quickly(logging.getLogger("ours"), logging.WARNING, "folded", {"changes": 3})
    structlog.get_logger("ours").warning("folded", changes=3)
    quick, slow = lines(log_stream)
    assert len(quick.pop("timestamp")) == len(slow.pop("timestamp"))
    assert quick == slow


async def test_a_reader_of_the_console_gets_them_too() -> None:
    root = logging.getLogger()
    handlers, level, stream = root.handlers, root.level, io.StringIO()
    try:
        configure_logging("INFO", "console", stream)
        structlog.configure(cache_logger_on_first_use=False)
        log_quickly(logging.getLogger("ours"), logging.INFO, "folded", {"changes": 3})
        assert "folded" in stream.getvalue()
        assert "changes=3" in stream.getvalue()
    finally:
        root.handlers = handlers
        root.setLevel(level)
        structlog.reset_defaults()
