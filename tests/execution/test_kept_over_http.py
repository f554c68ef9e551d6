"""Answers that are given again, as clients see them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from db.queries.trusted_documents import TrustedDocument
from execution.document_ids import hash_of
from settings import DatabaseRole, DocumentsMode
from tests.conftest import Database, Servers
from tests.gateway import Gateway, running_gateway
from tests.school import new_school

BOARD = "{ leaderboard { top(first: 100) { rank value user { displayName } } } }"
PEOPLE = "{ users { nodes { id username externalId displayName email role timeZone performance { score tasksCompleted } } } }"
CARD = '{ user(by: {externalId: "ben"}) { displayName performance { score tasksCompleted } } }'
RECORD = """mutation ($key: String!) { recordAttempt(input: {attempt: {userExternalId: "gus", labType: "l1", success: false,
  completedAt: "2026-03-01T10:00:00Z", sourceId: $key}}) { userErrors { message } } }"""
ATTEMPTS = '{ user(by: {externalId: "gus"}) { performance { attempts { attempts } } } }'


@pytest.fixture(scope="module")
def school(new_database: Callable[[], Database]) -> Database:
    return new_school(new_database, is_folded=True)


@pytest.fixture(scope="module")
def gateway(school: Database, servers: Servers) -> Iterator[Gateway]:
    with running_gateway(school, servers) as gateway:
        yield gateway


@pytest.fixture
async def mia(gateway: Gateway) -> AsyncIterator[httpx.AsyncClient]:
    headers = gateway.headers("mia", "MANAGER") | {"Accept": "application/json", "Accept-Encoding": "identity"}
    async with httpx.AsyncClient(base_url=gateway.url, timeout=30, headers=headers) as client:
        await heard(client)
        yield client


async def heard(client: httpx.AsyncClient) -> None:
    """Waits until the gateway keeps answers."""
    async with asyncio.timeout(10):
        while "etag" not in (await client.post("/graphql", json={"query": "{ topics { nodes { title } } }"})).headers:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def ask(client: httpx.AsyncClient, query: str, **headers: str) -> httpx.Response:
    return await client.post("/graphql", json={"query": query}, headers=headers)


def attempts_in(answer: httpx.Response) -> int:
    return int(answer.json()["data"]["user"]["performance"]["attempts"]["attempts"])


async def hits(client: httpx.AsyncClient) -> float:
    page = (await client.get("/metrics/prometheus")).text
    return next(float(line.split()[1]) for line in page.splitlines() if line.startswith("cache_hits_total "))


async def test_an_answer_is_given_again_with_its_tag(mia: httpx.AsyncClient) -> None:
    first = await ask(mia, BOARD)
    before = await hits(mia)
    second = await ask(mia, BOARD)
    assert await hits(mia) == before + 1
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.content == second.content
    for answer in (first, second):
        assert answer.headers["cache-control"] == "private, no-cache"
        assert answer.headers["etag"] == first.headers["etag"]
        assert {"accept", "accept-encoding", "authorization"} <= {
            name.strip().lower() for name in answer.headers["vary"].split(",")
        }
        assert answer.headers["content-type"] == "application/json; charset=utf-8"
        assert int(answer.headers["content-length"]) == len(answer.content)


async def test_each_way_to_write_it_down_has_its_own_tag(mia: httpx.AsyncClient) -> None:
    answers = [
        await ask(mia, PEOPLE, **{"Accept": accept, "Accept-Encoding": coding})
        for accept in ("application/json", "application/graphql-response+json")
        for coding in ("identity", "gzip")
        for _ in range(2)
    ]
    assert len({answer.headers["etag"] for answer in answers}) == 4
    assert len({answer.text for answer in answers}) == 1
    assert [answer.headers.get("content-encoding") for answer in answers] == [None, None, "gzip", "gzip"] * 2


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_who_has_it_already_is_told_so(mia: httpx.AsyncClient, school: Database, method: str) -> None:
    given: dict[str, Any] = {"params": {"query": CARD}} if method == "GET" else {"json": {"query": CARD}}
    tag = (await mia.request(method, "/graphql", **given)).headers["etag"]
    for _ in range(2):
        again = await mia.request(method, "/graphql", **given, headers={"If-None-Match": tag})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == tag
        assert again.headers["cache-control"] == "private, no-cache"
    assert (await mia.request(method, "/graphql", **given, headers={"If-None-Match": '"other"'})).status_code == 200
    with school.connect() as owner:
        owner.execute("UPDATE users SET display_name = display_name || '!' WHERE external_id = 'ben'")
    changed = await mia.request(
        method, "/graphql", **given, headers={"If-None-Match": tag, "Cache-Control": "no-cache"}
    )
    assert changed.status_code == 200
    assert changed.headers["etag"] != tag
    assert "!" in changed.text


@pytest.mark.parametrize(
    "query",
    [
        "{ viewer { tokenExpiresAt } }",
        '{ user(by: {externalId: "nobody"}) { id } }',
        "{ nonsense }",
        'mutation { recordAttempt(input: {attempt: {labType: "l1"}}) { userErrors { message } } }',
    ],
)
async def test_what_is_not_kept_has_no_tag(mia: httpx.AsyncClient, query: str) -> None:
    for _ in range(2):
        answer = await ask(mia, query, **{"If-None-Match": "*"})
        assert answer.status_code in (200, 400)
        assert "etag" not in answer.headers
        assert answer.content


async def test_nobody_is_given_what_is_anothers(gateway: Gateway, mia: httpx.AsyncClient) -> None:
    board = (await ask(mia, BOARD)).json()
    for headers in (
        gateway.headers("ada", "TEACHER"),
        gateway.headers("ben", "STUDENT"),
        gateway.headers("mia", "MANAGER", "south"),
    ):
        for _ in range(2):
            theirs = await ask(mia, BOARD, **headers)
            assert theirs.status_code == 200
            assert theirs.json() != board
    mangled = gateway.headers("mia", "MANAGER")["Authorization"][:-2]
    assert (await ask(mia, BOARD, Authorization=mangled)).status_code == 401
    assert "errors" in (await ask(mia, BOARD, Authorization="")).json()


async def test_what_is_refused_is_refused_also_when_the_answer_is_there(mia: httpx.AsyncClient) -> None:
    body = httpx.Request("POST", "http://a", json={"query": BOARD}).content
    for kind, status in (("application/json", 200), ("text/plain", 415), ("application/json", 200)):
        answer = await mia.post("/graphql", content=body, headers={"Content-Type": kind})
        assert answer.status_code == status
    assert (await ask(mia, BOARD, Accept="text/html")).status_code == 406
    assert (await mia.put("/graphql", content=body, headers={"Content-Type": "application/json"})).status_code == 405


async def test_an_answer_is_given_no_longer_than_the_token_lives(gateway: Gateway, mia: httpx.AsyncClient) -> None:
    token = gateway.token("mia", "MANAGER", lifetime=timedelta(seconds=2))
    headers = {"Authorization": f"Bearer {token}"}
    assert (await ask(mia, BOARD, **headers)).status_code == 200
    async with asyncio.timeout(10):
        while (answer := await ask(mia, BOARD, **headers)).status_code == 200:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert answer.status_code == 401


async def test_who_wrote_reads_what_they_wrote(gateway: Gateway, mia: httpx.AsyncClient) -> None:
    headers = gateway.headers("root", "SERVICE")
    before = attempts_in(await ask(mia, ATTEMPTS))
    for number in range(1, 11):
        sent = {"query": RECORD, "variables": {"key": f"own-{number}"}}
        done = await mia.post("/graphql", json=sent, headers=headers)
        assert done.json()["data"]["recordAttempt"]["userErrors"] == []
        found = attempts_in(await ask(mia, ATTEMPTS))
        assert found == before + number


async def test_who_wrote_elsewhere_can_ask_for_no_older(
    school: Database, servers: Servers, gateway: Gateway, mia: httpx.AsyncClient
) -> None:
    with running_gateway(school, servers) as other:
        async with httpx.AsyncClient(
            base_url=other.url, timeout=30, headers=other.headers("root", "SERVICE")
        ) as writer:
            await heard(writer)
            before = attempts_in(await ask(mia, ATTEMPTS))
            for number in range(1, 11):
                sent = {"query": RECORD, "variables": {"key": f"elsewhere-{number}"}}
                assert (await writer.post("/graphql", json=sent)).status_code == 200
                answer = await ask(mia, ATTEMPTS, **{"Cache-Control": "no-cache"})
                assert attempts_in(answer) == before + number


async def test_a_hundred_equal_requests_cost_one_execution(mia: httpx.AsyncClient) -> None:
    query = "{ users(first: 7) { nodes { displayName rank { rank } } } }"
    before = await hits(mia)
    limits = httpx.Limits(max_connections=100)
    async with httpx.AsyncClient(base_url=mia.base_url, timeout=30, headers=mia.headers, limits=limits) as many:
        answers = await asyncio.gather(*(ask(many, query) for _ in range(100)))
    assert len({answer.content for answer in answers}) == 1
    assert await hits(mia) == before + 99


async def test_a_document_that_is_removed_is_answered_no_more(school: Database, servers: Servers) -> None:
    document = TrustedDocument(hash_of(CARD), CARD, (), ())

    def change(statement: str) -> None:
        with school.connect(DatabaseRole.OWNER) as owner:
            owner.execute(statement, {"id": document.id, "body": document.body})

    change("INSERT INTO trusted_documents (id, body, operations) VALUES (%(id)s, %(body)s, '{}')")
    with running_gateway(school, servers, documents=DocumentsMode.TRUSTED) as gateway:
        headers = gateway.headers("mia", "MANAGER")
        async with httpx.AsyncClient(base_url=gateway.url, timeout=30, headers=headers) as client:

            async def by_id() -> httpx.Response:
                return await client.get(
                    "/graphql", params={"documentId": document.id}, headers={"Cache-Control": "no-cache"}
                )

            async with asyncio.timeout(10):
                while "etag" not in (await by_id()).headers:  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
            assert (await by_id()).status_code == 200
            change("DELETE FROM trusted_documents WHERE id = %(id)s")
            assert (await by_id()).json()["errors"][0]["extensions"]["code"] != ""
            assert "data" not in (await by_id()).json()


async def test_what_is_not_kept_is_for_nobody_to_keep(mia: httpx.AsyncClient) -> None:
    for query in ('{ user(by: {externalId: "nobody"}) { displayName } }', "{ nothing }"):
        answer = await mia.post("/graphql", json={"query": query})
        assert "errors" in answer.json()
        assert answer.headers.get_list("cache-control") == ["no-store"]
