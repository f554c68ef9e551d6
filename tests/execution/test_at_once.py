"""Hits of the response cache over real HTTP: all that the way around the application could have left out."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import re
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.conftest import Database, Servers
from tests.execution.test_kept_over_http import BOARD, heard, hits
from tests.execution.test_security_headers import ALWAYS
from tests.gateway import Gateway, running_gateway
from tests.school import new_school

FRIEND = "https://app.example"
NAMED = "query Board { leaderboard { top(first: 3) { rank value } } }"


@pytest.fixture(scope="module")
def school(new_database: Callable[[], Database]) -> Database:
    return new_school(new_database, is_folded=True)


@pytest.fixture(scope="module")
def gateway(school: Database, servers: Servers) -> Iterator[Gateway]:
    with running_gateway(school, servers, cors_origins=(FRIEND,)) as gateway:
        yield gateway


@pytest.fixture
async def mia(gateway: Gateway) -> AsyncIterator[httpx.AsyncClient]:
    headers = gateway.headers("mia", "MANAGER") | {"Accept": "application/json", "Accept-Encoding": "identity"}
    async with httpx.AsyncClient(base_url=gateway.url, timeout=30, headers=headers) as client:
        await heard(client)
        yield client


async def hit(client: httpx.AsyncClient, query: str = BOARD, **headers: str) -> httpx.Response:
    """The answer to a request that was answered before."""
    for _ in range(2):
        before = await hits(client)
        answer = await client.post("/graphql", json={"query": query}, headers=headers)
    assert await hits(client) == before + 1
    return answer


async def counted(client: httpx.AsyncClient, status: int) -> float:
    page = (await client.get("/metrics/prometheus")).text
    line = f'http_requests_total{{method="POST",path="/graphql",status="{status}"}} '
    return next((float(found.removeprefix(line)) for found in page.splitlines() if found.startswith(line)), 0.0)


async def test_a_hit_has_the_headers_of_every_answer_once(mia: httpx.AsyncClient) -> None:
    answer = await hit(mia)
    assert [answer.headers.get_list(name) for name in ALWAYS] == [[value] for value in ALWAYS.values()]
    assert re.fullmatch("[0-9a-f]{32}", answer.headers["x-request-id"])
    assert "strict-transport-security" not in answer.headers
    again = await hit(mia)
    assert again.headers["x-request-id"] != answer.headers["x-request-id"]
    assert len(again.headers.raw) == len({name for name, _ in again.headers.raw})


async def test_a_hit_bears_the_id_of_its_request(mia: httpx.AsyncClient) -> None:
    assert (await hit(mia, **{"X-Request-Id": "mine"})).headers["x-request-id"] == "mine"
    assert (await hit(mia, **{"X-Request-Id": 'not"mine'})).headers["x-request-id"] != 'not"mine'


async def test_a_hit_promises_https_where_it_is_spoken(mia: httpx.AsyncClient) -> None:
    answer = await hit(mia, **{"X-Forwarded-Proto": "https"})
    assert answer.headers["strict-transport-security"] == "max-age=31536000"


@pytest.mark.parametrize(("origin", "allowed"), [(FRIEND, True), ("https://evil.example", False)])
async def test_a_hit_is_read_by_the_pages_of_friends_alone(mia: httpx.AsyncClient, origin: str, allowed: bool) -> None:
    await hit(mia)
    answer = await hit(mia, Origin=origin)
    assert answer.headers.get("access-control-allow-origin") == (origin if allowed else None)
    assert "Origin" in answer.headers["vary"]
    assert answer.content == (await hit(mia)).content


async def test_hits_are_counted_as_requests_by_their_status(mia: httpx.AsyncClient) -> None:
    tag = (await hit(mia)).headers["etag"]
    before, before_304 = await counted(mia, 200), await counted(mia, 304)
    for _ in range(3):
        assert (await mia.post("/graphql", json={"query": BOARD})).status_code == 200
    assert (await mia.post("/graphql", json={"query": BOARD}, headers={"If-None-Match": tag})).status_code == 304
    assert await counted(mia, 200) == before + 3
    assert await counted(mia, 304) == before_304 + 1


async def test_who_asks_for_the_cost_or_for_no_older_is_answered_anew_or_after_a_look(mia: httpx.AsyncClient) -> None:
    await hit(mia)
    report = await mia.post("/graphql", json={"query": BOARD}, headers={"GraphQL-Cost": "1"})
    assert report.json()["extensions"]["cost"]["requested"] > 0
    assert "etag" not in report.headers
    assert (await hit(mia, **{"Cache-Control": "max-age=0, no-cache"})).headers["etag"]


async def test_other_methods_are_no_hits(mia: httpx.AsyncClient) -> None:
    query = {"query": BOARD}
    assert (await mia.get("/graphql", params=query)).status_code == 200
    assert (await mia.get("/graphql", params=query)).headers["etag"]
    for method in ("HEAD", "PUT", "DELETE"):
        assert (await mia.request(method, "/graphql", params=query)).status_code == 405
    assert (await mia.options("/graphql", params=query)).status_code == 405
    # The same question at another address is another request.
    assert (await mia.get("/graphql/x", params=query)).status_code == 404


async def test_hits_that_come_at_once_on_many_connections_are_all_right(mia: httpx.AsyncClient) -> None:
    expected = (await hit(mia)).content
    limits = httpx.Limits(max_connections=50)
    async with httpx.AsyncClient(base_url=mia.base_url, timeout=30, headers=mia.headers, limits=limits) as many:
        answers = await asyncio.gather(*(many.post("/graphql", json={"query": BOARD}) for _ in range(300)))
    assert {answer.content for answer in answers} == {expected}
    assert len({answer.headers["x-request-id"] for answer in answers}) == 300


async def test_a_hit_does_not_outlive_its_token(gateway: Gateway, mia: httpx.AsyncClient) -> None:
    headers = {"Authorization": f"Bearer {gateway.token('mia', 'MANAGER', lifetime=timedelta(seconds=2))}"}
    assert (await hit(mia, NAMED, **headers)).status_code == 200
    async with asyncio.timeout(10):
        while (answer := await mia.post("/graphql", json={"query": NAMED}, headers=headers)).status_code == 200:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (401, "UNAUTHENTICATED")


@pytest.fixture
def events(log_stream: io.StringIO) -> Callable[[], list[dict[str, Any]]]:
    """The events of operations, in their order."""

    def read() -> list[dict[str, Any]]:
        for handler in logging.getLogger().handlers:
            handler.flush()
        told = [json.loads(line) for line in log_stream.getvalue().splitlines()]
        return [event for event in told if event["event"] == "operation"]

    return read


async def test_a_hit_is_logged_as_the_operation_that_it_is(
    mia: httpx.AsyncClient, events: Callable[[], list[dict[str, Any]]]
) -> None:
    await mia.post("/graphql", json={"query": NAMED, "variables": {}}, headers={"X-Request-Id": "first"})
    await mia.post("/graphql", json={"query": NAMED, "variables": {}}, headers={"X-Request-Id": "second"})
    (event,) = [event for event in events() if event["request_id"] == "second"]
    expected = {"name": "Board", "kind": "query", "organization": "north", "status": "OK", "cached": True}
    assert expected.items() <= event.items()
    assert (event["level"], event["statements"], "cost" in event) == ("info", 0, False)


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        ({"query": "query Wrong { nothing }"}, "Wrong"),
        ({"query": "query A { nothing } query B { nothing }", "operationName": "B"}, "B"),
        ({"query": "query A { __typename }", "operationName": "Missing"}, "Missing"),
        ({"query": "query Spread { ...F } fragment F on Query { nothing }"}, "Spread"),
        ({"query": "query A { nothing } query B { nothing }"}, None),
        ({"query": "query Broken { "}, None),
    ],
)
async def test_what_fails_is_logged_by_its_name(
    mia: httpx.AsyncClient, events: Callable[[], list[dict[str, Any]]], sent: dict[str, str], name: str | None
) -> None:
    await mia.post("/graphql", json=sent, headers={"X-Request-Id": "failing"})
    (event,) = [event for event in events() if event["request_id"] == "failing"]
    assert event.get("name") == name
    assert event["status"] != "OK"
    assert event["organization"] == "north"
