"""Events that could not be taken, in the graph: who sees them, finding them, having them tried again."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from db.engine import write_engine
from schema.relay import global_id
from settings import DatabaseRole
from tests.asking import Asker
from tests.schema.test_roster import ERRORS, ROOT
from tests.workers.asking import execute, value
from tests.workers.events.telling import consume, event, retry_due
from workers.events.envelope import Message

LETTER = "id origin eventType eventId status code error tries receivedAt nextTryAt failedAt payload"
LETTERS = f"""query ($filter: DeadLetterFilter, $first: Int, $after: String) {{
  operations {{ deadLetters(filter: $filter, first: $first, after: $after) {{
    nodes {{ {LETTER} }} pageInfo {{ endCursor hasNextPage }} totalCount {{ value }} }} }} }}"""
REPLAY = f"""mutation ($input: ReplayDeadLettersInput!) {{
  replayDeadLetters(input: $input) {{ replayed failed deadLetters {{ {LETTER} }} {ERRORS} }} }}"""
NODE = f"query ($id: ID!) {{ node(id: $id) {{ ... on DeadLetter {{ {LETTER} }} }} }}"


@pytest.fixture
async def tell(fresh_ask: Asker) -> Any:
    """Takes events, and tries again what is due."""
    engine = write_engine(fresh_ask.database.url, DatabaseRole.WORKER)

    async def tell(*messages: Message) -> None:
        await consume(engine, messages)
        await retry_due(engine)

    yield tell
    await engine.dispose()


def bad(number: int, **envelope: Any) -> Message:
    return event("lab-events", "AttemptRecorded", {"attemptId": number}, id=f"bad-{number}", **envelope)


async def listed(ask: Asker, **variables: Any) -> dict[str, Any]:
    answer = await ask(LETTERS, variables, **ROOT)
    assert answer.errors == []
    assert answer.data
    page: dict[str, Any] = answer.data["operations"]["deadLetters"]
    return page


async def replay(ask: Asker, **values: Any) -> dict[str, Any]:
    answer = await ask(REPLAY, {"input": values}, **ROOT)
    assert answer.errors == []
    assert answer.data
    payload: dict[str, Any] = answer.data["replayDeadLetters"]
    return payload


def id_of(ask: Asker, event_id: str) -> str:
    return global_id(
        "DeadLetter", value(ask.database, "SELECT id FROM dead_letters WHERE event_id = %s ORDER BY id", event_id)
    )


async def test_shows_what_came_and_what_is_wrong(fresh_ask: Asker, tell: Any) -> None:
    await tell(
        bad(1), bad(2, version=1), bad(3, schemaVersion=9), bad(4, organization="south"), Message("lab-events", b"{")
    )
    page = await listed(fresh_ask)
    assert [(letter["eventId"], letter["code"]) for letter in page["nodes"]] == [
        ("bad-1", "DATA"),
        ("bad-2", "DATA"),
        ("bad-3", "SCHEMA_VERSION"),
    ], "not another organization's, nor what nobody can tell whose it is"
    assert page["totalCount"] == {"value": "3"}
    first = page["nodes"][0]
    assert (first["origin"], first["eventType"], first["status"], first["tries"]) == (
        "lab-events",
        "AttemptRecorded",
        "DEAD",
        1,
    )
    assert first["error"] == "userId: Field required"
    assert first["payload"]["data"] == {"attemptId": 1}
    answer = await fresh_ask(NODE, {"id": first["id"]}, **ROOT)
    assert answer.data == {"node": first}


async def test_finds_by_filter_and_page(fresh_ask: Asker, tell: Any) -> None:
    await tell(*(bad(number) for number in range(5)), bad(5, schemaVersion=2), event("user-events", "UserCreated", {}))
    assert len((await listed(fresh_ask, filter={"code": "DATA"}))["nodes"]) == 6
    assert len((await listed(fresh_ask, filter={"code": "DATA", "origin": "user-events"}))["nodes"]) == 1
    assert (await listed(fresh_ask, filter={"status": "WAITING"}))["nodes"] == []
    seen, after = [], None
    while True:
        page = await listed(fresh_ask, first=3, after=after)
        seen += [letter["id"] for letter in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert len(seen) == len(set(seen)) == 7


@pytest.mark.parametrize("role", ["STUDENT", "TEACHER", "MANAGER", "SERVICE"])
async def test_is_for_those_who_operate(role: str, fresh_ask: Asker, tell: Any) -> None:
    await tell(bad(1))
    id = id_of(fresh_ask, "bad-1")
    person = {"STUDENT": "ben", "TEACHER": "ada", "MANAGER": "mia", "SERVICE": "ingest"}[role]
    answer = await fresh_ask(REPLAY, {"input": {"ids": [id]}}, person=person, role=role)
    assert answer.data
    assert [error["code"] for error in answer.data["replayDeadLetters"]["userErrors"]] == ["FORBIDDEN"]
    answer = await fresh_ask(NODE, {"id": id}, person=person, role=role)
    assert [error["extensions"]["code"] for error in answer.errors] == ["NOT_FOUND"]
    answer = await fresh_ask(LETTERS, {}, person=person, role=role)
    assert [error["extensions"]["code"] for error in answer.errors] == ["FORBIDDEN"]
    assert value(fresh_ask.database, "SELECT count(*) FROM dead_letters WHERE failed_at IS NOT NULL") == 1


async def test_anothers_and_living_ones_are_not_replayed(fresh_ask: Asker, tell: Any) -> None:
    await tell(bad(1), bad(2, organization="south"), bad(3))
    execute(
        fresh_ask.database,
        "UPDATE dead_letters SET next_try_at = now() + '1 day', failed_at = NULL WHERE event_id = 'bad-3'",
    )
    ids = [id_of(fresh_ask, f"bad-{number}") for number in (1, 1, 2, 3)]
    payload = await replay(fresh_ask, ids=[*ids, global_id("DeadLetter", 10**12)])
    assert (payload["replayed"], payload["failed"], payload["userErrors"]) == (1, 3, [])
    assert [letter["id"] for letter in payload["deadLetters"]] == ids[:1]
    assert payload["deadLetters"][0]["status"] == "WAITING"
    assert value(fresh_ask.database, "SELECT failed_at IS NOT NULL FROM dead_letters WHERE event_id = 'bad-2'")


async def test_by_filter_and_what_became_of_them(fresh_ask: Asker, tell: Any) -> None:
    taken = "INSERT INTO users (organization_id, external_id, username, display_name) SELECT id, 'x', 'wanted', 'X' FROM organizations WHERE slug = 'north'"
    execute(fresh_ask.database, taken)
    await tell(event("user-events", "UserUpdated", {"userId": "ben", "username": "wanted"}), bad(1))
    execute(
        fresh_ask.database,
        "UPDATE dead_letters SET next_try_at = NULL, failed_at = now(), tries = 5 WHERE code = 'USERNAME';"
        "UPDATE users SET username = 'other' WHERE external_id = 'x'",
    )
    payload = await replay(fresh_ask, filter={"origin": "user-events"}, idempotencyKey="k")
    assert (payload["replayed"], payload["failed"]) == (1, 0)
    (letter,) = payload["deadLetters"]
    assert (letter["status"], letter["tries"]) == ("WAITING", 0)
    await tell()
    answer = await fresh_ask(NODE, {"id": letter["id"]}, **ROOT)
    assert answer.data
    assert (answer.data["node"]["status"], answer.data["node"]["payload"]) == ("TAKEN", None)
    again = await replay(fresh_ask, filter={"origin": "user-events"}, idempotencyKey="k")
    assert (again["replayed"], [seen["status"] for seen in again["deadLetters"]]) == (1, ["TAKEN"])
    assert (await replay(fresh_ask))["replayed"] == 1, "what is left: the one that stays bad"
    await tell()
    assert [seen["status"] for seen in (await listed(fresh_ask))["nodes"]] == ["DEAD", "TAKEN"]


async def test_two_operators_at_once_replay_each_once(fresh_ask: Asker, tell: Any) -> None:
    await tell(*(bad(number) for number in range(20)))
    payloads = await asyncio.gather(*(replay(fresh_ask) for _ in range(4)))
    assert sorted(payload["replayed"] for payload in payloads) == [0, 0, 0, 20]


@pytest.mark.parametrize(
    ("values", "path"),
    [
        ({"ids": []}, ["input", "ids"]),
        ({"ids": [global_id("DeadLetter", 1)] * 201}, ["input", "ids"]),
        ({"ids": [global_id("User", 1)]}, ["input", "ids", "0"]),
        ({"ids": ["nonsense"]}, ["input", "ids", "0"]),
        ({"ids": [global_id("DeadLetter", 1)], "filter": {"code": "DATA"}}, ["input", "filter"]),
        ({"filter": {"status": "WAITING"}}, ["input", "filter", "status"]),
    ],
)
async def test_refuses_what_cannot_be_meant(values: dict[str, Any], path: list[str], fresh_ask: Asker) -> None:
    payload = await replay(fresh_ask, **values)
    assert [error["path"] for error in payload["userErrors"]] == [path]
