"""The id of a request: whose it is, where it is answered, and that the log has it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from structlog.contextvars import get_contextvars
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from execution.front import Front
from execution.metrics import Metrics
from tests.conftest import Database, Servers
from tests.gateway import running_gateway


async def bound(request: Request) -> JSONResponse:
    return JSONResponse(get_contextvars())


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    app = Front(Starlette(routes=[Route("/", bound)]), Metrics(), [], {}, {})
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        yield client


@pytest.mark.parametrize("given", ["7", "a-B_c.9", "x" * 64])
async def test_a_sane_id_is_kept(client: httpx.AsyncClient, given: str) -> None:
    response = await client.get("/", headers={"X-Request-Id": given})
    assert response.headers["x-request-id"] == given
    assert response.json() == {"request_id": given}
    assert get_contextvars() == {}


@pytest.mark.parametrize("given", [None, "", "x" * 65, "a b", "a\tb", "ü".encode(), 'a"', "a,b", "{}"])
async def test_another_is_made(client: httpx.AsyncClient, given: str | bytes | None) -> None:
    headers = {} if given is None else {"X-Request-Id": given}
    made = await client.get("/", headers=headers)  # type: ignore[arg-type]
    assert re.fullmatch("[0-9a-f]{32}", made.headers["x-request-id"])
    assert made.json() == {"request_id": made.headers["x-request-id"]}
    again = await client.get("/", headers=headers)  # type: ignore[arg-type]
    assert again.headers["x-request-id"] != made.headers["x-request-id"]


async def test_the_gateway_answers_it_everywhere(new_database: Callable[[], Database], servers: Servers) -> None:
    headers = {"X-Request-Id": "mine"}
    with running_gateway(new_database(), servers) as gateway:
        async with httpx.AsyncClient(base_url=gateway.url, timeout=30, headers=headers) as client:
            for path in ("/health", "/nothing", "/graphql", "/schema.graphql"):
                assert (await client.get(path)).headers["x-request-id"] == "mine"
        protocols = [Subprotocol("graphql-transport-ws")]
        async with connect(gateway.ws_url, subprotocols=protocols, additional_headers=headers) as socket:
            assert socket.response is not None
            assert socket.response.headers["X-Request-Id"] == "mine"
