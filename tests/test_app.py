"""The gateway over real HTTP and WebSocket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from tests.conftest import Database, Servers
from tests.gateway import Gateway, running_gateway
from tests.school import new_school

WHO = "{ viewer { role user { externalId } } }"


@pytest.fixture(scope="module")
def school(new_database: Callable[[], Database]) -> Database:
    return new_school(new_database)


@pytest.fixture(scope="module")
def gateway(school: Database, servers: Servers) -> Iterator[Gateway]:
    with running_gateway(school, servers, introspection="open") as running:
        yield running


@pytest.fixture
async def http(gateway: Gateway) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=gateway.url, timeout=30) as client:
        yield client


async def test_a_token_says_who_is_asking(gateway: Gateway, http: httpx.AsyncClient) -> None:
    response = await http.post("/graphql", json={"query": WHO}, headers=gateway.headers("ben", "STUDENT"))
    assert response.json() == {"data": {"viewer": {"role": "STUDENT", "user": {"externalId": "ben"}}}}


async def test_without_a_token_only_the_schema_answers(http: httpx.AsyncClient) -> None:
    answer = (await http.post("/graphql", json={"query": WHO})).json()
    assert answer["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    answer = (await http.post("/graphql", json={"query": "{ __schema { queryType { name } } }"})).json()
    assert answer == {"data": {"__schema": {"queryType": {"name": "Query"}}}}


@pytest.mark.parametrize("header", ["Bearer nonsense", "Bearer a.b.c"])
async def test_a_bad_token_is_refused_as_a_whole(http: httpx.AsyncClient, header: str) -> None:
    response = await http.post("/graphql", json={"query": WHO}, headers={"Authorization": header})
    assert response.status_code == 401
    assert response.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_an_expired_token_is_refused(gateway: Gateway, http: httpx.AsyncClient) -> None:
    token = gateway.token("ben", "STUDENT", lifetime=timedelta(seconds=1))
    await asyncio.sleep(1.1)
    response = await http.post("/graphql", json={"query": WHO}, headers={"Authorization": f"Bearer {token}"})
    assert response.status_code == 401
    assert response.json()["errors"][0]["message"] == "The token has expired."


@pytest.mark.parametrize(("person", "organization"), [("nobody", "north"), ("ben", "nowhere"), ("fay", "north")])
async def test_a_person_whom_the_roster_does_not_know(
    gateway: Gateway, http: httpx.AsyncClient, person: str, organization: str
) -> None:
    headers = gateway.headers(person, "STUDENT", organization)
    answer = (await http.post("/graphql", json={"query": WHO}, headers=headers)).json()
    assert answer["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"x"',
        b'{"query": "\\ud800"}',
        b'{"query": NaN}',
        b"\xff\xfe",
        b'{"query": "{ a }", "variables": NaN}',
    ],
)
async def test_bodies_that_are_no_request(http: httpx.AsyncClient, body: bytes) -> None:
    response = await http.post("/graphql", content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == 400


@pytest.mark.parametrize(
    ("document", "variables", "code"),
    [
        ("{ users(orderBy: {field: HEIGHT}) { nodes { id } } }", None, "GRAPHQL_VALIDATION_FAILED"),
        ("{ users { nope } }", None, "GRAPHQL_VALIDATION_FAILED"),
        ("{ users(", None, "GRAPHQL_PARSE_FAILED"),
        ('{ user(by: {username: "a\\u0000b"}) { id } }', None, "VALIDATION"),
        ("query ($f: Int!) { users(first: $f) { nodes { id } } }", {"f": 2**31}, "NODE_LIMIT_EXCEEDED"),
        ("query ($f: Float!) { users(filter: {leastScore: $f}) { nodes { id } } }", {"f": "NaN"}, "VALIDATION"),
        ('{ user(by: {id: "x", username: "y"}) { id } }', None, "GRAPHQL_VALIDATION_FAILED"),
        (f'{{ user(by: {{username: "{"x" * 201}"}}) {{ id }} }}', None, "VALIDATION"),
    ],
)
async def test_what_cannot_be_meant_has_a_code(
    gateway: Gateway, http: httpx.AsyncClient, document: str, variables: dict[str, Any] | None, code: str
) -> None:
    body = {"query": document, "variables": variables}
    response = await http.post("/graphql", json=body, headers=gateway.headers("mia", "MANAGER"))
    assert response.json()["errors"][0]["extensions"]["code"] == code


async def test_an_unreachable_database_says_so(servers: Servers) -> None:
    with running_gateway(Database("postgresql://nobody@127.0.0.1:1/none"), servers) as lost:
        async with httpx.AsyncClient(base_url=lost.url, timeout=30) as client:
            answer = (await client.post("/graphql", json={"query": WHO}, headers=lost.headers("a", "ADMIN"))).json()
            assert answer["errors"][0]["extensions"]["code"] == "UNAVAILABLE"
            assert "nobody" not in json.dumps(answer)
            assert (await client.get("/health")).status_code == 503


async def test_health_and_schema(http: httpx.AsyncClient) -> None:
    assert (await http.get("/health")).json() == {"status": "ok"}
    assert "type Query" in (await http.get("/schema.graphql")).text


@asynccontextmanager
async def socket(gateway: Gateway, token: str | None) -> AsyncIterator[ClientConnection]:
    async with connect(gateway.ws_url, subprotocols=[Subprotocol("graphql-transport-ws")]) as ws:
        payload = {} if token is None else {"authorization": f"Bearer {token}"}
        await ws.send(json.dumps({"type": "connection_init", "payload": payload}))
        yield ws


async def subscribe(ws: ClientConnection, document: str, id: str = "1") -> None:
    assert await message(ws) == {"type": "connection_ack"}
    await ws.send(json.dumps({"type": "subscribe", "id": id, "payload": {"query": document}}))


async def message(ws: ClientConnection) -> dict[str, Any]:
    frame = await asyncio.wait_for(ws.recv(), 20)
    assert isinstance(frame, str), "graphql-transport-ws speaks in text frames"
    received: dict[str, Any] = json.loads(frame)
    return received


RECORD = """
INSERT INTO attempts (organization_id, user_id, lab_id, status, completed_at, skill_match, difficulty)
SELECT u.organization_id, u.id, l.id, 'SUCCEEDED', now() - interval '1 minute', 1, 10
FROM users u JOIN labs l USING (organization_id) JOIN organizations o ON o.id = u.organization_id
WHERE o.slug = 'north' AND u.external_id = %s AND l.type = %s
"""


async def test_a_board_is_pushed_at_once_and_after_a_change(
    gateway: Gateway, school: Database, servers: Servers
) -> None:
    document = """subscription { leaderboardUpdated(metric: TASKS, throttle: 0.1) {
      sequence leaderboard { top(first: 9) { value user { externalId } } } } }"""
    async with socket(gateway, gateway.token("mia", "MANAGER")) as ws:
        await subscribe(ws, document)
        first = (await message(ws))["payload"]["data"]["leaderboardUpdated"]
        before = {row["user"]["externalId"]: row["value"] for row in first["leaderboard"]["top"]}
        with school.connect() as owner:
            owner.execute(RECORD, ("gus", "l1"))
        # A wake-up from the connection itself may come first; the answers are always the truth.
        while True:
            update = (await message(ws))["payload"]["data"]["leaderboardUpdated"]
            after = {row["user"]["externalId"]: row["value"] for row in update["leaderboard"]["top"]}
            if after != before:
                break
        assert after == {**before, "gus": 1.0}
        assert update["sequence"] > first["sequence"]


async def test_a_person_may_follow_themselves_but_nobody_else(gateway: Gateway) -> None:
    async with httpx.AsyncClient(base_url=gateway.url, timeout=30) as client:
        answer = await client.post(
            "/graphql",
            json={"query": '{ a: user(by: {externalId: "ben"}) { id } b: user(by: {externalId: "cleo"}) { id } }'},
            headers=gateway.headers("mia", "MANAGER"),
        )
        ids = {key: value["id"] for key, value in answer.json()["data"].items()}
    document = 'subscription {{ userPerformanceUpdated(userId: "{}") {{ user {{ externalId }} score }} }}'
    async with socket(gateway, gateway.token("ben", "STUDENT")) as ws:
        await subscribe(ws, document.format(ids["a"]))
        assert (await message(ws))["payload"]["data"]["userPerformanceUpdated"]["user"] == {"externalId": "ben"}
        await ws.send(json.dumps({"type": "subscribe", "id": "2", "payload": {"query": document.format(ids["b"])}}))
        while (refusal := await message(ws))["id"] != "2":
            pass
        errors = refusal["payload"] if refusal["type"] == "error" else refusal["payload"]["errors"]
        assert errors[0]["extensions"]["code"] == "NOT_FOUND"
        assert errors[0]["path"] == ["userPerformanceUpdated"]


async def test_a_stream_ends_with_its_token(gateway: Gateway) -> None:
    token = gateway.token("mia", "MANAGER", lifetime=timedelta(seconds=2))
    async with socket(gateway, token) as ws:
        await subscribe(ws, "subscription { leaderboardUpdated(throttle: 0.1) { sequence } }")
        while "errors" not in (payload := (await message(ws)).get("payload", {})):
            pass
        assert payload["errors"][0]["message"] == "The token has expired."


async def test_a_socket_with_a_bad_token_is_closed(gateway: Gateway) -> None:
    async with socket(gateway, "nonsense") as ws:
        with pytest.raises(ConnectionClosed) as closed:
            await ws.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4403


async def test_queries_work_over_the_socket_too(gateway: Gateway) -> None:
    async with socket(gateway, gateway.token("ben", "STUDENT")) as ws:
        await subscribe(ws, WHO)
        assert (await message(ws))["payload"]["data"]["viewer"]["user"] == {"externalId": "ben"}
        assert (await message(ws))["type"] == "complete"


async def test_a_socket_asks_nothing_more_after_its_token(gateway: Gateway) -> None:
    async with socket(gateway, gateway.token("ben", "STUDENT", lifetime=timedelta(seconds=2))) as ws:
        assert await message(ws) == {"type": "connection_ack"}
        await asyncio.sleep(2.1)
        await ws.send(json.dumps({"type": "subscribe", "id": "1", "payload": {"query": WHO}}))
        payload = (await message(ws))["payload"]
        assert payload["data"] is None
        assert [error["message"] for error in payload["errors"]] == ["The token has expired."]


async def test_the_largest_batch_of_full_attempts_is_let_in(gateway: Gateway, http: httpx.AsyncClient) -> None:
    attempt = {
        "userExternalId": "gus",
        "labType": "l1",
        "success": False,
        "startedAt": "2026-03-01T10:00:00.000Z",
        "completedAt": "2026-03-01T10:20:00.000Z",
        "dueAt": "2026-03-02T10:00:00.000Z",
        "completionTimeSeconds": 1200.5,
        "score": 49.25,
        "accuracy": 0.5125,
        "hintsUsed": 3,
        "errors": ["PERMISSION_DENIED", "TIMEOUT"],
        "resources": {"memoryMib": 512.5, "cpuPercent": 80.25},
        "skillMatch": 0.875,
        "difficulty": 5.5,
        "metadata": {"client": "lab-runner/1.2.3", "host": "node-17.example"},
    }
    attempts = [{**attempt, "sourceId": f"full-batch-{number}"} for number in range(1000)]
    document = """mutation ($input: RecordAttemptsInput!) {
      recordAttempts(input: $input) { results { userErrors { message } } userErrors { message } } }"""
    answer = await http.post(
        "/graphql",
        json={"query": document, "variables": {"input": {"attempts": attempts}}},
        headers=gateway.headers("runner", "SERVICE"),
        timeout=60,
    )
    assert answer.json() == {"data": {"recordAttempts": {"results": [{"userErrors": []}] * 1000, "userErrors": []}}}
