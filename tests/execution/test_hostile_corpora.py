"""Naughty strings wherever a string can go, and JSON of every kind as a body, over real HTTP: never an error of ours."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from settings import CostMode
from tests.conftest import Database, Servers
from tests.gateway import Gateway, running_gateway
from tests.school import build_school, fold_and_refresh

PATIENCE = 20.0
"""Seconds for one answer: whoever needs longer hangs."""

READ = """query ($s: String!, $id: ID!, $ids: [ID!]!, $after: String) {
  a: user(by: {username: $s}) { id }
  b: user(by: {externalId: $s}) { id }
  c: user(by: {id: $id}) { id }
  d: users(first: 1, filter: {nameContains: $s, usernameStartsWith: $s}) { nodes { id } totalCount { value } }
  e: users(first: 1, after: $after) { nodes { id } }
  f: labs(first: 1, filter: {titleContains: $s, topicIds: $ids}) { nodes { id } }
  g: lab(by: {type: $s}) { id }
  h: node(id: $id) { id }
  i: nodes(ids: $ids) { id }
  j: attempts(first: 1, filter: {errorCode: $s, userIds: $ids}) { nodes { id } }
  k: leaderboard(scope: GROUP, scopeId: $id) { top(first: 1) { rank } }
  l: groups(first: 1, before: $after, filter: {nameContains: $s}) { nodes { id } }
  m: performanceLogs(last: 1, before: $after) { nodes { id } }
  n: comparePerformance(userA: $id, userB: $id) { scoreDifference }
}"""
OTHER_KINDS = {
    "Int": "users(first: $v) { nodes { id } }",
    "Float": "organization { scoreStatistics { percentile(p: $v) } }",
    "Boolean": "levels @include(if: $v) { id }",
    "LeaderboardMetric": "leaderboard(metric: $v) { metric }",
    "DateTime": "attempts(filter: {completedAt: {gte: $v}}) { nodes { id } }",
    "Date": "organization { stats(period: {dates: {from: $v, to: $v}}) { totalAttempts } }",
    "TimeZone": "organization { trend(calendar: {timeZone: $v}) { dataPoints } }",
    "[ID]": "nodes(ids: $v) { id }",
    "UserRef": "user(by: $v) { id }",
    "UserFilter": "users(filter: $v) { nodes { id } }",
}
RECORD = """mutation ($attempts: [AttemptInput!]!) { recordAttempts(input: {attempts: $attempts}) {
  results { attempt { metadata sourceId errors { code } } userErrors { path code } } userErrors { path code } } }"""
NAME = """mutation ($users: [UserInput!]!, $group: GroupInput!, $key: String) {
  upsertUsers(input: {users: $users, idempotencyKey: $key}) { users { displayName } userErrors { path code } }
  upsertGroups(input: {groups: [$group]}) { groups { externalId name } userErrors { path code } }
}"""
AT_ONCE = 50
# Writing names takes a transaction each.
NAMED = slice(None, None, 5)


@pytest.fixture(scope="module")
def gateway(new_database: Callable[[], Database], servers: Servers) -> Iterator[Gateway]:
    database = new_database()
    with database.connect() as owner:
        build_school(owner)
    with database.connect(None) as worker:
        worker.execute("SET ROLE scoregraph_worker")
        fold_and_refresh(worker)
    with running_gateway(database, servers, cost=CostMode.OFF) as running:
        yield running


@pytest.fixture(scope="module")
async def client(gateway: Gateway) -> AsyncIterator[httpx.AsyncClient]:
    headers = gateway.headers("root", "ADMIN")
    async with httpx.AsyncClient(base_url=gateway.url, headers=headers, timeout=PATIENCE) as client:
        yield client


@pytest.fixture(scope="module")
def naughty(shared_data: Path) -> list[str]:
    return list(json.loads((shared_data / "corpora" / "blns.json").read_text())["data"])


def checked(answer: httpx.Response) -> dict[str, Any]:
    """The answer, if it is one that a client can understand and nothing went wrong on our side."""
    assert answer.status_code < 500 or codes(answer.json()) == {"UNAVAILABLE"}, answer.text
    found: dict[str, Any] = answer.json()
    assert not codes(found) & {"INTERNAL"}, (found, answer.request.content)
    return found


def codes(answer: dict[str, Any]) -> set[str]:
    return {error["extensions"]["code"] for error in answer.get("errors", ())}


async def ask(client: httpx.AsyncClient, query: Any, variables: Any = None, **more: Any) -> dict[str, Any]:
    # ASCII with escapes, so that any text can be sent, also halves of surrogate pairs.
    body = json.dumps({"query": query, "variables": variables, **more})
    return checked(await client.post("/graphql", content=body, headers={"Content-Type": "application/json"}))


async def test_naughty_strings_as_variables(client: httpx.AsyncClient, naughty: list[str]) -> None:
    for text in naughty:
        answer = await ask(client, READ, {"s": text, "id": text, "ids": [text], "after": text})
        assert answer["data"] is not None or codes(answer) == {"VALIDATION"}


async def test_naughty_strings_where_something_else_belongs(client: httpx.AsyncClient, naughty: list[str]) -> None:
    kinds = list(OTHER_KINDS.items())
    for place, text in enumerate(naughty):
        kind, field = kinds[place % len(kinds)]
        answer = await ask(client, f"query ($v: {kind}!) {{ {field} }}", {"v": text})
        assert "errors" in answer or answer["data"]


async def test_naughty_strings_as_documents_and_names(client: httpx.AsyncClient, naughty: list[str]) -> None:
    for text in naughty:
        answer = await ask(client, text)
        assert codes(answer)
        await ask(client, "query A { __typename }", operationName=text)
        await ask(client, None, documentId=text)
        checked(
            await client.get("/graphql", params={"query": "{ __typename }", "variables": text.encode(errors="replace")})
        )


async def test_naughty_strings_in_documents(client: httpx.AsyncClient, naughty: list[str]) -> None:
    for text in naughty:
        literal = json.dumps(text)
        block = '"""' + text.replace('"""', '\\"""') + ' """'
        await ask(client, f"{{ a: user(by: {{username: {literal}}}) {{ id }} b: node(id: {block}) {{ id }} }} # {text}")


async def test_naughty_strings_as_data(client: httpx.AsyncClient, naughty: list[str]) -> None:
    """What is accepted comes back as it was."""
    for start in range(0, len(naughty), AT_ONCE):
        attempts = [
            {
                "userExternalId": "ben",
                "labType": "l1",
                "success": True,
                "completedAt": "2026-03-02T09:00:00Z",
                "sourceId": f"{number} {text}",
                "errors": [text],
                "metadata": {"key": text, text: 1},
            }
            for number, text in enumerate(naughty[start : start + AT_ONCE], start)
        ]
        answer = await ask(client, RECORD, {"attempts": attempts})
        results = answer["data"]["recordAttempts"]["results"]
        assert len(results) == len(attempts)
        for attempt, result in zip(attempts, results, strict=True):
            assert result["userErrors"] or result["attempt"]["metadata"] == attempt["metadata"]


async def test_naughty_strings_as_names(client: httpx.AsyncClient, naughty: list[str]) -> None:
    for number, text in enumerate(naughty[NAMED]):
        users = [{"externalId": f"n{number}", "username": f"n{number}", "displayName": text}]
        group = {"externalId": text, "name": text}
        answer = await ask(client, NAME, {"users": users, "group": group, "key": text})
        for payload, name in (("upsertUsers", "users"), ("upsertGroups", "groups")):
            assert answer["data"][payload]["userErrors"] or answer["data"][payload][name]


async def test_json_of_every_kind_as_a_body(client: httpx.AsyncClient, shared_data: Path) -> None:
    """None of them is a request, whether or not it is JSON."""
    corpus = json.loads((shared_data / "corpora" / "json_test_suite.json").read_text())["data"]
    for name, encoded in corpus.items():
        body = base64.b64decode(encoded)
        answer = await client.post("/graphql", content=body, headers={"Content-Type": "application/json"})
        assert codes(checked(answer)), name
        assert 400 <= answer.status_code < 500, name


async def test_json_of_every_kind_within_a_request(client: httpx.AsyncClient, shared_data: Path) -> None:
    corpus = json.loads((shared_data / "corpora" / "json_test_suite.json").read_text())["data"]
    for encoded in corpus.values():
        part = base64.b64decode(encoded)
        for body in (
            b'{"query": "query ($v: ID) { organization(id: $v) { id } }", "variables": {"v": ' + part + b"}}",
            b'{"query": "{ __typename }", "variables": ' + part + b"}",
            b'{"query": "{ __typename }", "extensions": ' + part + b"}",
        ):
            checked(await client.post("/graphql", content=body, headers={"Content-Type": "application/json"}))
