"""Documents by id and by hash, and who may ask for the schema, over real HTTP and WebSocket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from execution.document_ids import hash_of
from settings import DocumentsMode
from tests.conftest import Database, Servers
from tests.gateway import Gateway, running_gateway
from tests.school import build_school

ROLE = "query Role { viewer { role } }"
LEVELS = "query Levels($typed: Boolean! = false) { levels { title __typename @include(if: $typed) } } query Other { viewer { role } }"
BOARD = "subscription Board { leaderboardUpdated { leaderboard { rankedPeople } } }"
RENAME = "mutation Nothing { __typename }"
UNKNOWN = "query Unknown { viewer { user { displayName } } }"
SCHEMA = "{ __schema { queryType { name } } }"
GRAPHQL_RESPONSE = "application/graphql-response+json"
STUDENT = {"data": {"viewer": {"role": "STUDENT"}}}


@pytest.fixture(scope="module")
def school(new_database: Callable[[], Database]) -> Database:
    database = new_database()
    with database.connect() as owner:
        build_school(owner)
        for text, alias in ((ROLE, "role"), (LEVELS, "levels"), (RENAME, "rename"), (BOARD, "board")):
            owner.execute(
                "INSERT INTO trusted_documents (id, body, operations) VALUES (%s, %s, '{}')", (hash_of(text), text)
            )
            owner.execute("INSERT INTO trusted_document_aliases VALUES (%s, %s)", (alias, hash_of(text)))
    return database


def gateway_of(mode: DocumentsMode, introspection: str = "authenticated") -> Any:
    @pytest.fixture(scope="module")
    def gateway(school: Database, servers: Servers) -> Iterator[Gateway]:
        with running_gateway(school, servers, documents=mode, introspection=introspection) as running:
            yield running

    return gateway


apq = gateway_of(DocumentsMode.APQ)
trusted = gateway_of(DocumentsMode.TRUSTED, "ADMIN")


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient() as client:
        yield client


class Client:
    """``ben``, a student, unless another role is named."""

    def __init__(self, gateway: Gateway, http: httpx.AsyncClient, role: str = "STUDENT") -> None:
        person = {"STUDENT": "ben", "ADMIN": "root"}.get(role)
        self.url = f"{gateway.url}/graphql"
        self.http = http
        self.headers = gateway.headers(person, role) if person else {}

    async def post(self, accept: str = "application/json", **body: Any) -> httpx.Response:
        return await self.http.post(self.url, json=body, headers={**self.headers, "Accept": accept})

    async def get(self, accept: str = "application/json", **parameters: str) -> httpx.Response:
        return await self.http.get(self.url, params=parameters, headers={**self.headers, "Accept": accept})


def persisted(text: str) -> dict[str, Any]:
    return {"persistedQuery": {"version": 1, "sha256Hash": hash_of(text)}}


def code(response: httpx.Response) -> str:
    (error,) = response.json()["errors"]
    return str(error["extensions"]["code"])


async def test_a_document_by_its_id(apq: Gateway, http: httpx.AsyncClient) -> None:
    client = Client(apq, http)
    for id in (hash_of(ROLE), f"sha256:{hash_of(ROLE)}", "role"):
        assert (await client.post(documentId=id)).json() == STUDENT
        assert (await client.get(documentId=id)).json() == STUDENT
        # A browser that follows such an address gets the answer, not the page.
        assert (await client.get("text/html,*/*;q=0.8", documentId=id)).json() == STUDENT


async def test_variables_and_the_name_of_an_operation(apq: Gateway, http: httpx.AsyncClient) -> None:
    client = Client(apq, http)
    typed = await client.get(documentId="levels", operationName="Levels", variables='{"typed":true}')
    assert typed.json()["data"]["levels"][0] == {"title": "Basics", "__typename": "Level"}
    assert (await client.get(documentId="levels", operationName="Other")).json() == STUDENT
    unnamed = await client.get(documentId="levels")
    assert code(unnamed) == "GRAPHQL_VALIDATION_FAILED"
    wrong = await client.get(documentId="levels", operationName="Levels", variables='{"typed":"x"}')
    assert code(wrong) == "VALIDATION"


async def test_no_mutation_by_get(apq: Gateway, http: httpx.AsyncClient) -> None:
    refused = await Client(apq, http).get(documentId="rename")
    assert (refused.status_code, code(refused)) == (405, "METHOD_NOT_ALLOWED")


@pytest.mark.parametrize("accept", ["application/json", GRAPHQL_RESPONSE])
async def test_an_unknown_id(apq: Gateway, http: httpx.AsyncClient, accept: str) -> None:
    client = Client(apq, http)
    for response in (await client.post(accept, documentId="nothing"), await client.get(accept, documentId="nothing")):
        assert (response.status_code, code(response)) == (404, "DOCUMENT_NOT_FOUND")
        assert response.headers["content-type"].startswith(accept)
        assert response.headers["cache-control"] == "no-store"


async def test_as_clients_of_apollo_do_it(apq: Gateway, http: httpx.AsyncClient) -> None:
    client = Client(apq, http)
    text = "query Automatic { viewer { role } }"
    extensions = json.dumps(persisted(text))
    unknown = await client.get(extensions=extensions)
    assert (unknown.status_code, unknown.headers["cache-control"]) == (200, "no-store")
    assert unknown.json() == {
        "errors": [{"message": "PersistedQueryNotFound", "extensions": {"code": "PERSISTED_QUERY_NOT_FOUND"}}]
    }
    assert (await client.get(query=text, extensions=extensions)).json() == STUDENT
    assert (await client.get(extensions=extensions)).json() == STUDENT
    assert (await client.post(extensions=persisted(text))).json() == STUDENT
    assert (await client.post(query=ROLE, extensions=persisted(text))).status_code == 400


async def test_only_administrators_run_what_is_not_registered(trusted: Gateway, http: httpx.AsyncClient) -> None:
    student, admin, nobody = (Client(trusted, http, role) for role in ("STUDENT", "ADMIN", "NOBODY"))
    assert (await student.post(query=ROLE)).json() == STUDENT
    assert (await student.post(documentId="role")).json() == STUDENT
    for client in (student, nobody):
        for request in ({"query": UNKNOWN}, {"query": UNKNOWN, "extensions": persisted(UNKNOWN)}):
            refused = await client.post(**request)
            assert (refused.status_code, code(refused)) == (403, "DOCUMENT_NOT_TRUSTED")
    assert (await admin.post(query=UNKNOWN)).json() == {"data": {"viewer": {"user": {"displayName": "Root Reed"}}}}


async def test_a_bad_token_is_refused_before_a_document_is_looked_for(apq: Gateway, http: httpx.AsyncClient) -> None:
    headers = {"Authorization": "Bearer nonsense"}
    refused = await http.post(f"{apq.url}/graphql", json={"documentId": "nothing"}, headers=headers)
    assert refused.status_code == 401


async def test_the_schema_is_for_those_it_is_open_to(apq: Gateway, trusted: Gateway, http: httpx.AsyncClient) -> None:
    known = {"data": {"__schema": {"queryType": {"name": "Query"}}}}
    assert (await Client(apq, http).post(query=SCHEMA)).json() == known
    assert (await Client(trusted, http, "ADMIN").post(query=SCHEMA)).json() == known
    refused = await Client(apq, http, "NOBODY").post(query=SCHEMA)
    assert (refused.status_code, code(refused)) == (403, "INTROSPECTION_DISABLED")
    assert (await Client(apq, http, "NOBODY").post(query="{ __typename }")).json() == {"data": {"__typename": "Query"}}


async def test_errors_suggest_names_only_to_those(apq: Gateway, http: httpx.AsyncClient) -> None:
    enum = "query ($m: LeaderboardMetric!) { leaderboard(metric: $m) { rankedPeople } }"
    for role, suggests in (("STUDENT", True), ("NOBODY", False)):
        client = Client(apq, http, role)
        for extensions in (None, persisted("{ viewre { role } }")):
            response = await client.post(query="{ viewre { role } }", extensions=extensions)
            assert ("Did you mean" in response.json()["errors"][0]["message"]) is suggests
        # Variables are read after the document is known to be valid for everybody.
        response = await client.post(query=enum, variables={"m": "SCOER"})
        assert "Did you mean" not in response.json()["errors"][0]["message"]


async def test_the_schema_as_text_follows_the_same_rule(
    apq: Gateway, trusted: Gateway, http: httpx.AsyncClient
) -> None:
    async def ask(gateway: Gateway, role: str) -> httpx.Response:
        return await http.get(f"{gateway.url}/schema.graphql", headers=Client(gateway, http, role).headers)

    assert "type Query" in (await ask(apq, "STUDENT")).text
    assert "type Query" in (await ask(trusted, "ADMIN")).text
    for refused in (await ask(apq, "NOBODY"), await ask(trusted, "STUDENT")):
        assert (refused.status_code, code(refused)) == (403, "INTROSPECTION_DISABLED")
        assert "type Query" not in refused.text
    bad = await http.get(f"{apq.url}/schema.graphql", headers={"Authorization": "Bearer nonsense"})
    assert (bad.status_code, code(bad)) == (401, "UNAUTHENTICATED")


@asynccontextmanager
async def socket(gateway: Gateway, role: str) -> AsyncIterator[Callable[..., Awaitable[tuple[str, Any]]]]:
    """Gives a function that subscribes with a payload and gives the type and the payload of the first answer."""
    async with connect(gateway.ws_url, subprotocols=[Subprotocol("graphql-transport-ws")]) as ws:
        headers = gateway.headers("ben", role) if role != "NOBODY" else {}
        payload = {name.lower(): value for name, value in headers.items()}
        await ws.send(json.dumps({"type": "connection_init", "payload": payload}))
        assert json.loads(await ws.recv())["type"] == "connection_ack"

        async def ask(id: str, **payload: Any) -> tuple[str, Any]:
            await ws.send(json.dumps({"type": "subscribe", "id": id, "payload": payload}))
            while (answer := json.loads(await asyncio.wait_for(ws.recv(), 10)))["id"] != id:
                pass
            return answer["type"], answer["payload"]

        yield ask


async def test_documents_by_id_and_hash_over_a_socket(apq: Gateway) -> None:
    text = "query OverASocket { viewer { role } }"
    async with socket(apq, "STUDENT") as ask:
        assert await ask("1", documentId="role") == ("next", STUDENT)
        assert await ask("2", documentId="levels", operationName="Other") == ("next", STUDENT)
        kind, (error,) = await ask("3", extensions=persisted(text))
        assert (kind, error["message"]) == ("error", "PersistedQueryNotFound")
        assert await ask("4", query=text, extensions=persisted(text)) == ("next", STUDENT)
        assert await ask("5", extensions=persisted(text)) == ("next", STUDENT)
        kind, (error,) = await ask("6", documentId="nothing")
        assert (kind, error["extensions"]["code"]) == ("error", "DOCUMENT_NOT_FOUND")
    async with socket(apq, "NOBODY") as ask:
        kind, (error,) = await ask("1", query=SCHEMA)
        assert (kind, error["extensions"]["code"]) == ("error", "INTROSPECTION_DISABLED")


async def test_only_what_is_registered_runs_over_a_socket(trusted: Gateway) -> None:
    async with socket(trusted, "STUDENT") as ask:
        kind, (error,) = await ask("1", query="subscription { leaderboardUpdated { version } }")
        assert (kind, error["extensions"]["code"]) == ("error", "DOCUMENT_NOT_TRUSTED")
        kind, answer = await ask("2", documentId="board")
        assert (kind, list(answer["data"])) == ("next", ["leaderboardUpdated"])


async def test_an_answer_without_data_is_no_success_in_the_new_media_type(
    apq: Gateway, http: httpx.AsyncClient
) -> None:
    unknown = await Client(apq, http).post(GRAPHQL_RESPONSE, extensions=persisted(UNKNOWN))
    assert (unknown.status_code, code(unknown)) == (400, "PERSISTED_QUERY_NOT_FOUND")
