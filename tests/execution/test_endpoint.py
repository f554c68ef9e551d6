"""Requests that are none, over real HTTP and WebSocket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from tests.conftest import Database, Servers
from tests.gateway import Gateway, running_gateway

JSON = {"Content-Type": "application/json"}
BODIES = (
    b"",
    b"{",
    b"\xff\xfe",
    b"[]",
    b"[{}]",
    b"5",
    b"null",
    b"{}",
    b'{"query": 5}',
    b'{"query": null}',
    b'{"query": "{ a }", "variables": []}',
    b'{"query": "{ a }", "variables": {"a": NaN}}',
    b'{"query": "{ a }", "variables": {"a": "\\ud800"}}',
    b'{"query": ""}',
    b'{"query": "{ a }", "extensions": []}',
    b'{"query": "{ a }", "operationName": 5}',
    b'{"query": "query A { __typename }", "operationName": "B"}',
)
FRAMES = (
    "nonsense",
    "[]",
    "5",
    "null",
    "{}",
    '{"type": 5}',
    '{"type": "nonsense"}',
    '{"type": "subscribe"}',
    '{"type": "subscribe", "id": "1", "payload": null}',
    '{"type": "subscribe", "id": "1", "payload": []}',
    '{"type": "subscribe", "id": "1", "payload": {"query": 5}}',
    '{"type": "subscribe", "id": 5, "payload": {"query": "{ __typename }"}}',
    '{"type": "subscribe", "id": "1", "payload": {"query": "{ __typename }", "variables": []}}',
    '{"type": "complete"}',
    '{"type": "complete", "id": []}',
    b"\x00\x01",
)


@pytest.fixture(scope="module")
def gateway(new_database: Callable[[], Database], servers: Servers) -> Iterator[Gateway]:
    with running_gateway(new_database(), servers) as running:
        yield running


@pytest.fixture
async def http(gateway: Gateway) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=gateway.url, timeout=30) as client:
        yield client


@pytest.mark.parametrize("body", BODIES)
async def test_a_body_that_is_no_request_is_an_error_with_a_code(http: httpx.AsyncClient, body: bytes) -> None:
    response = await http.post("/graphql", content=body, headers=JSON)
    assert response.status_code == 400
    (error,) = response.json()["errors"]
    assert error["extensions"] == {"code": "BAD_REQUEST"}
    assert error["message"]


async def test_other_content_and_methods_are_errors_with_a_code(http: httpx.AsyncClient) -> None:
    text = await http.post("/graphql", content=b"{ __typename }", headers={"Content-Type": "text/plain"})
    put = await http.put("/graphql", json={"query": "{ __typename }"})
    nothing = await http.get("/graphql")
    changing = await http.get("/graphql", params={"query": "mutation { __typename }"})
    answers = (text, put, nothing, changing)
    assert [(answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) for answer in answers] == [
        (415, "UNSUPPORTED_MEDIA_TYPE"),
        (405, "METHOD_NOT_ALLOWED"),
        (400, "BAD_REQUEST"),
        (405, "METHOD_NOT_ALLOWED"),
    ]
    assert "POST" in nothing.json()["errors"][0]["message"]
    assert [put.headers["allow"], changing.headers["allow"]] == ["GET, POST", "POST"]


async def test_the_bare_address_leads_to_the_page(http: httpx.AsyncClient) -> None:
    response = await http.get("/")
    assert (response.status_code, response.headers["location"]) == (302, "/graphql")


@pytest.mark.parametrize("frame", FRAMES)
async def test_a_frame_that_is_no_message_closes_the_socket_with_a_reason(gateway: Gateway, frame: str | bytes) -> None:
    async with connect(gateway.ws_url, subprotocols=[Subprotocol("graphql-transport-ws")]) as socket:
        await socket.send(json.dumps({"type": "connection_init"}))
        assert json.loads(await socket.recv()) == {"type": "connection_ack"}
        await socket.send(frame)
        with pytest.raises(ConnectionClosed) as closed:
            await asyncio.wait_for(socket.recv(), 10)
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, bool(closed.value.rcvd.reason)) == (4400, True)


async def test_a_document_with_a_mistake_ends_only_its_own_operation(gateway: Gateway) -> None:
    async with connect(gateway.ws_url, subprotocols=[Subprotocol("graphql-transport-ws")]) as socket:
        await socket.send(json.dumps({"type": "connection_init"}))
        assert json.loads(await socket.recv()) == {"type": "connection_ack"}
        for id, query, kind in [
            ("1", "subscription {", "error"),
            ("2", "{ nope }", "error"),
            ("3", "{ __typename }", "next"),
        ]:
            await socket.send(json.dumps({"type": "subscribe", "id": id, "payload": {"query": query}}))
            answer = json.loads(await asyncio.wait_for(socket.recv(), 10))
            assert (answer["id"], answer["type"]) == (id, kind)
            if kind == "error":
                assert answer["payload"][0]["extensions"]["code"].startswith("GRAPHQL_")


TWO = "query A { __typename } query B { b: __typename }"


async def test_one_of_several_operations_is_chosen_by_name_alone(gateway: Gateway, http: httpx.AsyncClient) -> None:
    unnamed = (await http.post("/graphql", json={"query": TWO})).json()
    assert "data" not in unnamed
    assert unnamed["errors"][0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
    named = (await http.post("/graphql", json={"query": TWO, "operationName": "B"})).json()
    assert named == {"data": {"b": "Query"}}
    # One operation that only talks of others is not ambiguous.
    alone = (await http.post("/graphql", json={"query": "query A { query: __typename mutation: __typename }"})).json()
    assert alone == {"data": {"query": "Query", "mutation": "Query"}}
    async with connect(gateway.ws_url, subprotocols=[Subprotocol("graphql-transport-ws")]) as socket:
        await socket.send(json.dumps({"type": "connection_init"}))
        await socket.recv()
        await socket.send(json.dumps({"type": "subscribe", "id": "1", "payload": {"query": TWO}}))
        assert json.loads(await asyncio.wait_for(socket.recv(), 10))["type"] == "error"


async def test_what_fails_beside_the_answer_is_masked_too(
    new_database: Callable[[], Database], servers: Servers
) -> None:
    database = new_database()
    with running_gateway(database, servers) as broken, database.connect() as owner:
        owner.execute("ALTER FUNCTION find_viewer RENAME TO nobody_finds_it")
        async with httpx.AsyncClient(base_url=broken.url, timeout=30) as client:
            answer = await client.post("/graphql", json={"query": WHO}, headers=broken.headers("mia", "MANAGER"))
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    (error,) = answer.json()["errors"]
    assert error["extensions"]["code"] == "INTERNAL"
    assert "find_viewer" not in answer.text


WHO = "{ viewer { role } }"
