"""Which media type is answered in, and what that does to the status."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator

import httpx
import pytest

from execution.media_types import GRAPHQL_RESPONSE, JSON, accepted, is_json
from tests.conftest import Database, Servers
from tests.gateway import Gateway, running_gateway


@pytest.fixture(scope="module")
def gateway(new_database: Callable[[], Database], servers: Servers) -> Iterator[Gateway]:
    with running_gateway(new_database(), servers) as running:
        yield running


@pytest.fixture
async def http(gateway: Gateway) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=gateway.url, timeout=30) as client:
        yield client


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        (None, JSON),
        ("", JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        ("application/json", JSON),
        ("APPLICATION/JSON; charset=utf-8", JSON),
        ("application/graphql-response+json", GRAPHQL_RESPONSE),
        ("application/graphql-response+json, application/json;q=0.9", GRAPHQL_RESPONSE),
        ("application/json;q=0.9, application/graphql-response+json", GRAPHQL_RESPONSE),
        ("application/json, application/graphql-response+json", JSON),
        ("application/graphql-response+json;q=0.5, */*;q=0.8", JSON),
        ("text/html,application/xhtml+xml,*/*;q=0.8", JSON),
        ("multipart/mixed, application/json", JSON),
        ("application/json;q=0, application/graphql-response+json;q=0.001", GRAPHQL_RESPONSE),
        ("text/html", None),
        ("application/json;q=0", None),
        ("application/json;q=nonsense", None),
        ("application/json;q=nan", None),
        ("nonsense", None),
        (",;,", None),
    ],
)
def test_the_media_type_of_the_answer(accept: str | None, chosen: str | None) -> None:
    assert accepted(accept).answer_type == chosen


@pytest.mark.parametrize(
    ("content_type", "accepted"),
    [
        ("application/json", True),
        ("Application/JSON; Charset=UTF-8", True),
        ('application/json; charset="utf-8"', True),
        ("application/json; charset=utf-16", False),
        ("application/jsonp", False),
        ("application/graphql", False),
        ("text/plain; application/json", False),
        ("application/x-www-form-urlencoded", False),
        ("multipart/form-data", False),
        ("", False),
        (None, False),
        (";", False),
    ],
)
def test_the_type_of_a_body(content_type: str | None, accepted: bool) -> None:
    assert is_json(content_type) is accepted


@pytest.mark.parametrize("body", [{"query": "{"}, {"query": "{ nope }"}, {"query": "query ($a: Int!) { __typename }"}])
async def test_a_mistake_in_the_document_has_a_status_in_the_newer_type(
    http: httpx.AsyncClient, body: dict[str, str]
) -> None:
    newer = await http.post("/graphql", json=body, headers={"Accept": GRAPHQL_RESPONSE})
    older = await http.post("/graphql", json=body, headers={"Accept": JSON})
    assert (newer.status_code, newer.headers["content-type"]) == (400, f"{GRAPHQL_RESPONSE}; charset=utf-8")
    assert (older.status_code, older.headers["content-type"]) == (200, f"{JSON}; charset=utf-8")
    assert newer.json() == older.json()
    assert set(newer.json()) == {"errors"}
    assert newer.headers["vary"] == "Accept, Accept-Encoding, Authorization"


async def test_an_error_of_a_field_is_an_answer(http: httpx.AsyncClient) -> None:
    response = await http.post("/graphql", json={"query": "{ viewer { role } }"}, headers={"Accept": GRAPHQL_RESPONSE})
    assert response.status_code == 200
    assert "data" in response.json()


async def test_a_query_in_the_address(http: httpx.AsyncClient) -> None:
    params = {"query": "query A($a: Boolean!) { __typename @include(if: $a) }", "variables": '{"a": true}'}
    for name in ({}, {"operationName": ""}, {"operationName": "A"}):
        response = await http.get("/graphql", params={**params, **name})
        assert response.json() == {"data": {"__typename": "Query"}}
    for wrong in ({"variables": "["}, {"variables": "[]"}, {"extensions": "5"}):
        assert (await http.get("/graphql", params={**params, **wrong})).status_code == 400


async def test_what_is_never_answered_in(http: httpx.AsyncClient) -> None:
    body = {"query": "{ __typename }"}
    response = await http.post("/graphql", json=body, headers={"Accept": "application/xml"})
    assert response.status_code == 406
    assert response.json()["errors"][0]["extensions"]["code"] == "NOT_ACCEPTABLE"
