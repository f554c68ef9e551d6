"""GraphQL over server-sent events, distinct connections mode, over real connections; and clients that only say they could."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from datetime import timedelta

import httpx
import orjson
import pytest

from tests.conftest import Database, Servers
from tests.execution.live.events import Events, streaming
from tests.execution.live.gauges import figure, it_becomes
from tests.gateway import Gateway, running_gateway
from tests.school import new_school

WHO = "{ viewer { user { externalId } } }"
BEN = {"data": {"viewer": {"user": {"externalId": "ben"}}}}
BOARD = """subscription ($since: String) { leaderboardUpdated(metric: TASKS, throttle: 0.1, since: $since) {
  version isSnapshot changes { entry { value user { externalId } } } } }"""
URQL = (
    "application/graphql-response+json, application/graphql+json, application/json, text/event-stream, multipart/mixed"
)
COMPLETE = [("complete", None), ("end", None)]


@pytest.fixture(scope="module")
def school(new_database: Callable[[], Database]) -> Database:
    return new_school(new_database)


@pytest.fixture(scope="module")
def gateway(school: Database, servers: Servers) -> Iterator[Gateway]:
    with running_gateway(school, servers, live_heartbeat=0.1) as running:
        yield running


@pytest.fixture
def ben(gateway: Gateway) -> str:
    return gateway.token("ben", "STUDENT")


@pytest.fixture
def mia(gateway: Gateway) -> str:
    return gateway.token("mia", "MANAGER")


def completes(school: Database, person: str, lab: str) -> None:
    with school.connect() as owner:
        owner.execute(
            """INSERT INTO attempts (organization_id, user_id, lab_id, status, completed_at)
               SELECT u.organization_id, u.id, l.id, 'SUCCEEDED', now() - interval '1 minute'
               FROM users u JOIN labs l USING (organization_id) JOIN organizations o ON o.id = u.organization_id
               WHERE o.slug = 'north' AND u.external_id = %s AND l.type = %s""",
            (person, lab),
        )


async def board(events: Events) -> dict[str, object]:
    name, answer = await events.next()
    assert (name, answer.get("errors")) == ("next", None)
    update: dict[str, object] = answer["data"]["leaderboardUpdated"]
    return update


# Subscriptions


@pytest.mark.parametrize("method", ["POST", "GET"])
@pytest.mark.parametrize("accept", ["text/event-stream", URQL, "text/event-stream;q=0.1, application/json"])
async def test_subscriptions_are_streamed_to_all_who_can_read_it(
    gateway: Gateway, mia: str, accept: str, method: str
) -> None:
    async with streaming(gateway, mia, BOARD, accept, method) as events:
        assert events.response.status_code == 200
        headers = events.response.headers
        assert headers["content-type"] == "text/event-stream; charset=utf-8"
        assert (headers["cache-control"], headers["x-accel-buffering"]) == ("no-cache", "no")
        assert "content-encoding" not in headers
        assert await events.any() == ("", None), "the headers are not held back until there is something to say"
        assert (await board(events))["isSnapshot"]


async def test_a_subscription_goes_on_until_the_client_leaves(gateway: Gateway, school: Database, mia: str) -> None:
    before = await figure(gateway, "graphql_subscriptions")
    async with streaming(gateway, mia, BOARD) as events, streaming(gateway, mia, BOARD) as others:
        first = await board(events)
        assert await board(others) == first
        completes(school, "gus", "l1")
        second = await board(events)
        assert second["version"] != first["version"]
        assert await board(others) == second
        await it_becomes(gateway, graphql_subscriptions=before + 2)
    await it_becomes(gateway, graphql_subscriptions=before)

    completes(school, "gus", "l2")
    async with streaming(gateway, mia, BOARD, variables={"since": second["version"]}) as events:
        missed = await board(events)
    assert not missed["isSnapshot"]
    assert {"entry": {"value": 2.0, "user": {"externalId": "gus"}}} in missed["changes"]  # type: ignore[operator]


async def test_a_quiet_stream_shows_that_it_is_alive(gateway: Gateway, mia: str) -> None:
    async with streaming(gateway, mia, BOARD) as events:
        await board(events)
        assert [await events.any() for _ in range(3)] == [("", None)] * 3


async def test_a_stream_ends_with_its_token(gateway: Gateway) -> None:
    brief = gateway.token("mia", "MANAGER", lifetime=timedelta(seconds=3))
    async with streaming(gateway, brief, BOARD) as events:
        await board(events)
        (name, answer), *end = await events.rest()
    assert (name, end) == ("next", COMPLETE)
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["UNAUTHENTICATED"]


async def test_a_stream_ends_when_its_reader_is_nobody_here_any_more(gateway: Gateway, school: Database) -> None:
    async with streaming(gateway, gateway.token("tom", "TEACHER"), BOARD) as events:
        await board(events)
        with school.connect() as owner:
            owner.execute("UPDATE users SET deactivated_at = now() WHERE external_id = 'tom'")
        *_, (name, answer), complete, end = await events.rest()
    assert (name, [complete, end]) == ("next", COMPLETE)
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["UNAUTHENTICATED"]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("subscription {", "GRAPHQL_PARSE_FAILED"),
        ("subscription { nope }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { leaderboardUpdated(throttle: 0) { version } }", "VALIDATION"),
        ('subscription { userPerformanceUpdated(userId: "x") { score } }', "VALIDATION"),
        ("query ($a: Int!) { users(first: $a) { nodes { id } } }", "VALIDATION"),
    ],
)
async def test_what_is_wrong_is_told_as_events_are_read(gateway: Gateway, mia: str, query: str, code: str) -> None:
    async with streaming(gateway, mia, query) as events:
        assert events.response.status_code == 200
        (name, answer), *end = await events.rest()
    assert (name, end) == ("next", COMPLETE)
    assert "data" not in answer
    assert [error["extensions"]["code"] for error in answer["errors"]] == [code]


async def test_without_a_token_nobody_is_told_anything(gateway: Gateway) -> None:
    async with streaming(gateway, None, BOARD) as events:
        (_, answer), *end = await events.rest()
    assert (answer["errors"][0]["extensions"]["code"], end) == ("UNAUTHENTICATED", COMPLETE)


async def test_what_ends_a_request_ends_it_before_there_is_a_stream(gateway: Gateway, mia: str) -> None:
    for token, query, accept, status in (
        ("nonsense", BOARD, "text/event-stream", 401),
        (mia, BOARD, "application/json", 400),
        (mia, WHO, "image/png", 406),
        (mia, "mutation { __typename }", "text/event-stream", 405),
    ):
        method = "GET" if status == 405 else "POST"
        async with streaming(gateway, token, query, accept, method) as events:
            response = events.response
            assert response.status_code == status
            assert "json" in response.headers["content-type"]
            assert orjson.loads(await response.aread())["errors"][0]["extensions"]["code"]


# Queries and mutations


async def test_a_query_may_be_answered_as_a_stream(gateway: Gateway, ben: str) -> None:
    for method in ("POST", "GET"):
        async with streaming(gateway, ben, WHO, method=method) as events:
            assert await events.rest() == [("next", BEN), *COMPLETE]


@pytest.mark.parametrize("method", ["POST", "GET"])
@pytest.mark.parametrize("query", [WHO, "{", "{ nope }"])
async def test_clients_that_name_json_first_get_plain_answers(
    gateway: Gateway, ben: str, query: str, method: str
) -> None:
    async with streaming(gateway, ben, query, URQL, method) as events:
        response = events.response
        assert response.headers["content-type"].startswith("application/graphql-response+json")
        assert response.status_code == (200 if query == WHO else 400)
        answer = orjson.loads(await response.aread())
    assert answer == BEN if query == WHO else answer["errors"]


# Those who do not read, and the end


async def test_a_client_that_takes_nothing_is_hung_up_on(
    school: Database, servers: Servers, small_buffers: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its answer is larger than all buffers, and so is not sent to the end."""
    monkeypatch.setattr("execution.live.event_stream.FAREWELL_SECONDS", 0.1)
    with running_gateway(school, servers, live_patience=0.3, body_timeout=0.5) as gateway:
        aliases = " ".join(f"a{n}: __schema {{ types {{ name description }} }}" for n in range(10))
        body = orjson.dumps({"query": f"{{ {aliases} }}"})
        head = (
            "POST /graphql HTTP/1.1\r\nHost: gateway\r\nContent-Type: application/json\r\n"
            f"Accept: text/event-stream\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        url = httpx.URL(gateway.url)
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect((url.host, url.port))
            client.sendall(head.encode() + body)
            await it_becomes(gateway, graphql_subscription_stuck_clients_total=1)


async def test_streams_end_without_a_word_when_the_gateway_stops(school: Database, servers: Servers) -> None:
    """So that clients look for another gateway."""
    loop = asyncio.get_running_loop()
    running = running_gateway(school, servers)
    gateway = await loop.run_in_executor(None, running.__enter__)
    async with streaming(gateway, gateway.token("mia", "MANAGER"), BOARD) as events:
        await board(events)
        stopping = loop.run_in_executor(None, running.__exit__, None, None, None)
        assert await events.rest() == [("end", None)]
        await stopping
