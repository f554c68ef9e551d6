"""Browsers of other sites: what they may ask, read and open, over real HTTP and WebSocket."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator

import httpx
import pytest
from pydantic import ValidationError
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin, Subprotocol

from settings import Settings
from tests.conftest import Database, Servers
from tests.gateway import Gateway, running_gateway

FRIEND = "https://app.example"
STRANGERS = ["https://evil.example", "https://app.example.evil.example", "http://app.example", "https://app.example:8443", "null",
             "https://APP.example", "https://evil.example/https://app.example", ""]  # fmt: skip
QUERY = {"query": "{ __typename }"}


@pytest.fixture(scope="module")
def database(new_database: Callable[[], Database]) -> Database:
    return new_database()


@pytest.fixture(scope="module")
def gateway(database: Database, servers: Servers) -> Iterator[Gateway]:
    """Lets in the pages of a friend."""
    with running_gateway(database, servers, cors_origins=(FRIEND, "http://localhost:5173")) as running:
        yield running


@pytest.fixture
async def http(gateway: Gateway) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=gateway.url, timeout=30) as client:
        yield client


async def preflight(
    http: httpx.AsyncClient, origin: str, method: str = "POST", headers: str = "authorization"
) -> httpx.Response:
    asked = {"Origin": origin, "Access-Control-Request-Method": method, "Access-Control-Request-Headers": headers}
    return await http.options("/graphql", headers=asked)


async def test_a_friend_may_ask_and_read(http: httpx.AsyncClient) -> None:
    allowed = await preflight(http, FRIEND, headers="authorization,content-type,x-request-id,traceparent,if-none-match")
    assert allowed.status_code == 200
    assert allowed.headers["access-control-allow-origin"] == FRIEND
    assert "Origin" in allowed.headers["vary"]
    answer = await http.post("/graphql", json=QUERY, headers={"Origin": FRIEND})
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == FRIEND
    # Tokens are never cookies: a browser must not send any along.
    assert "access-control-allow-credentials" not in answer.headers
    assert "X-Request-Id" in answer.headers["access-control-expose-headers"]
    [vary] = answer.headers.get_list("vary")
    assert {"Accept", "Origin"} <= set(vary.split(", "))


@pytest.mark.parametrize("origin", STRANGERS)
async def test_a_stranger_may_do_neither(http: httpx.AsyncClient, origin: str) -> None:
    refused = await preflight(http, origin)
    assert refused.status_code == 400
    assert "access-control-allow-origin" not in refused.headers
    answer = await http.post("/graphql", json=QUERY, headers={"Origin": origin})
    assert "access-control-allow-origin" not in answer.headers
    assert "Origin" in answer.headers["vary"]


async def test_a_friend_may_not_do_everything(http: httpx.AsyncClient) -> None:
    assert (await preflight(http, FRIEND, method="DELETE")).status_code == 400
    assert (await preflight(http, FRIEND, headers="x-forwarded-for")).status_code == 400


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", None,
                                          "text/plain; application/json", "text/json"])  # fmt: skip
async def test_what_needs_no_preflight_is_no_operation(http: httpx.AsyncClient, content_type: str | None) -> None:
    """The content types that a foreign page may send without asking: a mutation of that kind never runs."""
    body = json.dumps({"query": "mutation { __typename }"}).encode()
    headers = {"Origin": STRANGERS[0], **({"Content-Type": content_type} if content_type else {})}
    answer = await http.post("/graphql", content=body, headers=headers)
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")
    by_address = await http.get("/graphql", params={"query": "mutation { __typename }"})
    assert by_address.status_code == 405


async def test_without_a_list_nothing_is_said(database: Database, servers: Servers) -> None:
    with running_gateway(database, servers) as alone:
        async with httpx.AsyncClient(base_url=alone.url, timeout=30) as http:
            assert not [name for name in (await preflight(http, FRIEND)).headers if name.startswith("access-control")]
            answer = await http.post("/graphql", json=QUERY, headers={"Origin": FRIEND})
            assert not [name for name in answer.headers if name.startswith("access-control")]
        await opens(alone, None)
        await opens(alone, alone.url)
        await is_refused(alone, FRIEND)


async def opens(gateway: Gateway, origin: str | None) -> None:
    protocols = [Subprotocol("graphql-transport-ws")]
    async with connect(
        gateway.ws_url, subprotocols=protocols, origin=Origin(origin) if origin is not None else None
    ) as socket:
        await socket.send(json.dumps({"type": "connection_init"}))
        assert json.loads(await socket.recv())["type"] == "connection_ack"


async def is_refused(gateway: Gateway, origin: str, **headers: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with connect(gateway.ws_url, additional_headers={"Origin": origin, **headers}):
            pass
    assert refused.value.response.status_code == 403


async def test_sockets_of_our_own_page_of_friends_and_of_no_browser_open(gateway: Gateway) -> None:
    for origin in (None, FRIEND, "http://localhost:5173", gateway.url, gateway.url.replace("http", "https")):
        await opens(gateway, origin)


@pytest.mark.parametrize("origin", STRANGERS)
async def test_a_stranger_opens_no_socket(gateway: Gateway, origin: str) -> None:
    await is_refused(gateway, origin)


async def test_another_port_of_our_host_is_a_stranger(gateway: Gateway) -> None:
    await is_refused(gateway, "http://127.0.0.1")
    await is_refused(gateway, "http://127.0.0.1:1")


async def test_anybody_may_where_the_operator_says_so(database: Database, servers: Servers) -> None:
    with running_gateway(database, servers, cors_origins=("*",)) as open_to_all:
        async with httpx.AsyncClient(base_url=open_to_all.url, timeout=30) as http:
            answer = await http.post("/graphql", json=QUERY, headers={"Origin": STRANGERS[0]})
            assert answer.headers["access-control-allow-origin"] == "*"
        await opens(open_to_all, STRANGERS[0])


@pytest.mark.parametrize("listed", ["app.example", "https://app.example/", "https://app.example/path", "null", "https://*.example",
                                    "HTTPS://app.example", "https://app.example:port", "ftp://app.example"])  # fmt: skip
def test_what_no_browser_would_send_is_no_origin(listed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCOREGRAPH_CORS_ORIGINS", f"https://good.example, {listed}")
    with pytest.raises(ValidationError, match="an origin is"):
        Settings()


def test_origins_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCOREGRAPH_CORS_ORIGINS", "https://a.example,http://[::1]:3000 , *")
    assert Settings().cors_origins == ("https://a.example", "http://[::1]:3000", "*")
