"""The headers that keep browsers from taking an answer for something else, from the real gateway."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator

import httpx
import pytest

import web
from tests.conftest import Database, Servers
from tests.gateway import Gateway, running_gateway

ALWAYS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
    "cross-origin-resource-policy": "same-origin",
}


@pytest.fixture(scope="module")
def gateway(new_database: Callable[[], Database], servers: Servers) -> Iterator[Gateway]:
    with running_gateway(new_database(), servers) as running:
        yield running


@pytest.fixture
async def http(gateway: Gateway) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=gateway.url, timeout=30) as client:
        yield client


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/graphql"), ("PUT", "/graphql"), ("GET", "/"), ("GET", "/schema.graphql"), ("GET", "/health/live"),
     ("GET", "/metrics/prometheus"), ("GET", "/nothing"), ("GET", "/assets/nothing.js"), ("DELETE", "/health")],
)  # fmt: skip
async def test_every_answer_has_them_and_says_nothing_of_the_server(
    http: httpx.AsyncClient, method: str, path: str
) -> None:
    answer = await http.request(method, path)
    assert {name: answer.headers.get(name) for name in ALWAYS} == ALWAYS
    assert [answer.headers.get_list(name) for name in ALWAYS] == [[value] for value in ALWAYS.values()]
    assert "server" not in answer.headers
    assert "x-powered-by" not in answer.headers
    assert "strict-transport-security" not in answer.headers


async def test_https_is_promised_where_it_is_spoken(http: httpx.AsyncClient) -> None:
    # Uvicorn believes proxies on this machine, as FORWARDED_ALLOW_IPS has it by default.
    answer = await http.get("/health/live", headers={"X-Forwarded-Proto": "https"})
    assert answer.headers["strict-transport-security"] == "max-age=31536000"


async def test_the_page_is_kept_apart_from_other_sites(http: httpx.AsyncClient) -> None:
    if not (web.DIST / "index.html").exists():
        pytest.skip("web/dist is not built; run scripts/build-web")
    page = await http.get("/graphql", headers={"Accept": "text/html"})
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert page.headers["cross-origin-opener-policy"] == "same-origin"
    assert {name: page.headers.get(name) for name in ALWAYS} == ALWAYS
