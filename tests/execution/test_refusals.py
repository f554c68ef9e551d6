"""What is too large, over real HTTP and WebSocket: refused with a code, and nothing else suffers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from execution.body_limit import MAX_BYTES
from execution.media_types import GRAPHQL_RESPONSE
from tests.conftest import Database, Servers
from tests.gateway import Gateway, running_gateway

JSON = {"Content-Type": "application/json"}
TOO_DEEP = "{ a " * 16 + "}" * 16


@pytest.fixture(scope="module")
def gateway(new_database: Callable[[], Database], servers: Servers) -> Iterator[Gateway]:
    with running_gateway(new_database(), servers) as running:
        yield running


@pytest.fixture
async def http(gateway: Gateway) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=gateway.url, timeout=30) as client:
        yield client


def body_of(size: int) -> bytes:
    body = b'{"query": "{ __typename }"}'
    return body + b" " * (size - len(body))


async def in_parts(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), 10_000):
        yield body[start : start + 10_000]


async def test_the_largest_body(http: httpx.AsyncClient) -> None:
    whole = await http.post("/graphql", content=body_of(MAX_BYTES), headers=JSON)
    parts = await http.post("/graphql", content=in_parts(body_of(MAX_BYTES)), headers=JSON)
    assert whole.json() == parts.json() == {"data": {"__typename": "Query"}}


@pytest.mark.parametrize("excess", [1, 1_000_000])
async def test_a_body_that_is_too_large(http: httpx.AsyncClient, excess: int) -> None:
    whole = await http.post("/graphql", content=body_of(MAX_BYTES + excess), headers=JSON)
    parts = await http.post("/graphql", content=in_parts(body_of(MAX_BYTES + excess)), headers=JSON)
    for response in (whole, parts):
        assert response.status_code == 413
        (error,) = response.json()["errors"]
        assert error["extensions"] == {"code": "PAYLOAD_TOO_LARGE"}
        assert "1024 KiB" in error["message"]


async def test_a_document_that_asks_for_too_much(http: httpx.AsyncClient) -> None:
    response = await http.post("/graphql", json={"query": TOO_DEEP}, headers={"Accept": GRAPHQL_RESPONSE})
    assert response.status_code == 400
    (error,) = response.json()["errors"]
    assert error["extensions"] == {"code": "LIMIT_EXCEEDED", "what": "depth", "limit": 15, "actual": 16}
    body = {"query": "query ($v: [ID!]!) { nodes(ids: $v) { id } }", "variables": {"v": ["x"] * 1001}}
    (error,) = (await http.post("/graphql", json=body)).json()["errors"]
    assert error["extensions"] == {"code": "LIMIT_EXCEEDED", "what": "list_items", "limit": 1000, "actual": 1001}


async def test_a_document_that_asks_for_too_much_harms_no_other_on_its_socket(gateway: Gateway) -> None:
    async with connect(gateway.ws_url, subprotocols=[Subprotocol("graphql-transport-ws")]) as socket:
        await socket.send(json.dumps({"type": "connection_init"}))
        await socket.recv()
        for id, query in (("1", TOO_DEEP), ("2", "subscription " + TOO_DEEP), ("3", "{ __typename }")):
            await socket.send(json.dumps({"type": "subscribe", "id": id, "payload": {"query": query}}))
            answer = json.loads(await asyncio.wait_for(socket.recv(), 10))
            if id == "3":
                assert answer["payload"] == {"data": {"__typename": "Query"}}
            else:
                assert (answer["id"], answer["type"]) == (id, "error")
                assert answer["payload"][0]["extensions"]["code"] == "LIMIT_EXCEEDED"


@pytest.mark.parametrize("letter", ["x", "é"])
async def test_a_message_that_is_too_large_closes_its_socket(gateway: Gateway, letter: str) -> None:
    frame = json.dumps({"type": "ping", "payload": {"x": letter * MAX_BYTES}}, ensure_ascii=False)
    async with connect(gateway.ws_url, subprotocols=[Subprotocol("graphql-transport-ws")]) as socket:
        await socket.send(json.dumps({"type": "connection_init"}))
        await socket.recv()
        # Each message is measured alone.
        for _ in range(3):
            await socket.send(json.dumps({"type": "ping", "payload": {"x": "x" * (MAX_BYTES // 2)}}))
            assert json.loads(await asyncio.wait_for(socket.recv(), 10))["type"] == "pong"
        # It may be closed before all of it is sent.
        with pytest.raises(ConnectionClosed) as closed:
            await asyncio.gather(socket.send(frame), asyncio.wait_for(socket.recv(), 10))
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009
