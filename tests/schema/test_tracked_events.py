"""Tracked events: recorded once, without what names a person; listed to those who may see the platform."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from schema.relay import global_id
from tests.asking import Answer, Asker
from tests.schema.test_roster import ERRORS, ROOT
from tests.workers.asking import execute, value

SERVICE = {"person": "service", "role": "SERVICE"}
EVENT = "id eventType user { username } metadata sourceId origin occurredAt recordedAt"
RECORD = f"mutation ($input: RecordEventInput!) {{ recordEvent(input: $input) {{ event {{ {EVENT} }} replayed droppedKeys {ERRORS} }} }}"
RECORD_MANY = f"""mutation ($input: RecordEventsInput!) {{ recordEvents(input: $input) {{
  accepted duplicates replayed {ERRORS} results {{ index replayed droppedKeys event {{ id eventType }} {ERRORS} }} }} }}"""
LIST = """query ($filter: TrackedEventFilter, $first: Int, $after: String, $last: Int, $before: String) {
  events(filter: $filter, first: $first, after: $after, last: $last, before: $before) {
    nodes { sourceId } pageInfo { startCursor endCursor hasNextPage hasPreviousPage } totalCount { value } } }"""
NODE = f"query ($id: ID!) {{ node(id: $id) {{ ... on TrackedEvent {{ {EVENT} }} }} }}"
COUNT = "SELECT count(*) FROM user_events"


def payload(answer: Answer) -> dict[str, Any]:
    assert answer.errors == []
    assert answer.data
    (found,) = answer.data.values()
    assert isinstance(found, dict)
    return found


async def record(ask: Asker, key: str | None = None, **event: Any) -> dict[str, Any]:
    return payload(
        await ask(RECORD, {"input": {"event": {"eventType": "page_viewed", **event}, "idempotencyKey": key}}, **SERVICE)
    )


async def record_many(ask: Asker, *events: dict[str, Any], key: str | None = None) -> dict[str, Any]:
    sent = [{"eventType": "page_viewed", **event} for event in events]
    return payload(await ask(RECORD_MANY, {"input": {"events": sent, "idempotencyKey": key}}, **SERVICE))


def instant(**ago: float) -> str:
    return (datetime.now(UTC) - timedelta(**ago)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


async def test_records_what_the_old_service_took(fresh_ask: Asker) -> None:
    """The body of POST /metrics/events: its address goes, and the answer says so."""
    metadata = {"browser": "chrome", "ip": "192.168.1.1"}
    done = await record(fresh_ask, eventType="user_login", userExternalId="ben", metadata=metadata)
    event = done["event"]
    assert (done["replayed"], done["droppedKeys"], done["userErrors"]) == (False, ["ip"], [])
    assert (event["eventType"], event["user"], event["metadata"]) == (
        "user_login",
        {"username": "ben"},
        {"browser": "chrome"},
    )
    assert (event["sourceId"], event["origin"]) == (None, "API")
    assert "192.168" not in value(fresh_ask.database, "SELECT string_agg(e::text, '') FROM user_events e")
    assert payload(await fresh_ask(NODE, {"id": event["id"]}, **ROOT)) == event
    for caller in (
        {"person": "ben", "role": "STUDENT"},
        {"person": "ada", "role": "TEACHER"},
        {**ROOT, "organization": "south"},
    ):
        assert (await fresh_ask(NODE, {"id": event["id"]}, **caller)).codes == ["NOT_FOUND"]


async def test_a_source_id_is_taken_once(fresh_ask: Asker) -> None:
    at = instant(days=3)
    first = await record(
        fresh_ask, sourceId="e-1", userExternalId="ben", metadata={"n": 1, "email": "x"}, occurredAt=at
    )
    again = await record(
        fresh_ask, sourceId="e-1", userExternalId="ben", metadata={"n": 1.0, "email": "y"}, occurredAt=at
    )
    assert again == {**first, "replayed": True}
    # When it was is what was said first, where the second time nothing is said.
    assert (await record(fresh_ask, sourceId="e-1", userExternalId="ben", metadata={"n": 1}))["event"] == first["event"]
    for difference, other in (
        (["input", "event", "metadata", "n"], {"metadata": {"n": 2}}),
        (["input", "event", "eventType"], {"eventType": "other", "metadata": {"n": 1}}),
        (["input", "event", "userId"], {"userExternalId": "cleo", "metadata": {"n": 1}}),
        (["input", "event", "occurredAt"], {"occurredAt": instant(days=2), "metadata": {"n": 1}}),
    ):
        done = await record(fresh_ask, **{"sourceId": "e-1", "userExternalId": "ben", **other})
        (error,) = done["userErrors"]
        assert (error["code"], error["firstDifference"], done["event"]) == ("IDEMPOTENCY_MISMATCH", difference, None)
    assert value(fresh_ask.database, COUNT) == 1
    # Another organization has ids of its own.
    other = await fresh_ask(
        RECORD, {"input": {"event": {"eventType": "x", "sourceId": "e-1"}}}, **SERVICE, organization="south"
    )
    assert payload(other)["replayed"] is False


async def test_a_batch_answers_for_each(fresh_ask: Asker) -> None:
    await record(fresh_ask, sourceId="before")
    done = await record_many(
        fresh_ask,
        {"sourceId": "a"},
        {"sourceId": "before"},
        {"sourceId": "a"},
        {"sourceId": "a", "metadata": {"other": True}},
        {"userExternalId": "nobody"},
        {"userId": global_id("User", 999_999)},
        {"userId": global_id("Lab", 1)},
        {"userId": "nonsense"},
        {"eventType": "no spaces"},
        {},
    )
    assert (done["accepted"], done["duplicates"], done["userErrors"]) == (2, 2, [])
    assert [item["index"] for item in done["results"]] == list(range(10))
    assert [item["replayed"] for item in done["results"]] == [False, True, True, *([False] * 7)]
    assert done["results"][0]["event"] == done["results"][2]["event"]
    codes = [[(error["code"], error["path"][3:]) for error in item["userErrors"]] for item in done["results"]]
    assert codes == [
        *([], [], []),
        [("IDEMPOTENCY_MISMATCH", ["sourceId"])],
        [("NOT_FOUND", ["userExternalId"])],
        [("NOT_FOUND", ["userId"])],
        [("NOT_FOUND", ["userId"])],
        [("VALIDATION", ["userId"])],
        [("VALIDATION", ["eventType"])],
        [],
    ]
    assert value(fresh_ask.database, COUNT) == 3


NESTED: dict[str, Any] = {}
for _ in range(8):
    NESTED = {"n": NESTED}
BAD = [
    ({"occurredAt": instant(hours=-1)}, "occurredAt", "TIME"),
    ({"occurredAt": instant(days=91)}, "occurredAt", "RETENTION"),
    ({"occurredAt": "0001-01-01T00:00:00Z"}, "occurredAt", "RETENTION"),
    ({"occurredAt": "9999-12-31T23:59:59Z"}, "occurredAt", "TIME"),
    ({"eventType": ""}, "eventType", "FORMAT"),
    ({"eventType": "a" * 101}, "eventType", "FORMAT"),
    ({"eventType": "log\0in"}, "eventType", "FORMAT"),
    ({"sourceId": ""}, "sourceId", "LENGTH"),
    ({"sourceId": "a\0"}, "sourceId", "TEXT"),
    ({"userExternalId": "x" * 201}, "userExternalId", "LENGTH"),
    ({"userExternalId": "ben", "userId": global_id("User", 1)}, "userExternalId", "EXACTLY_ONE"),
    ({"metadata": []}, "metadata", "FORMAT"),
    ({"metadata": "text"}, "metadata", "FORMAT"),
    ({"metadata": {"a": "\0"}}, "metadata", "TEXT"),
    ({"metadata": {"\0": 1}}, "metadata", "TEXT"),
    ({"metadata": {"a": "\ud800"}}, "metadata", "TEXT"),
    ({"metadata": {"a": float("nan")}}, "metadata", "RANGE"),
    ({"metadata": {"a": "x" * 16 * 1024}}, "metadata", "SIZE"),
    ({"metadata": {"email": "x" * 16 * 1024}}, "metadata", "SIZE"),
    ({"metadata": NESTED}, "metadata", "DEPTH"),
]


async def test_nonsense_is_refused_by_name_with_or_without_a_key(fresh_ask: Asker) -> None:
    for key in (None, "key"):
        done = await record_many(fresh_ask, *(event for event, _, _ in BAD), key=key)
        found = [[(error["path"][-1], error["rule"]) for error in item["userErrors"]] for item in done["results"]]
        assert found == [[(field, rule)] for _, field, rule in BAD]
        assert (done["accepted"], done["duplicates"], done["userErrors"]) == (0, 0, [])
    assert value(fresh_ask.database, "SELECT count(*) FROM user_events") == 0
    # Nothing was written, so the key is free; and among good ones, nonsense is remembered as such.
    for replayed in (False, True):
        done = await record_many(fresh_ask, {}, *(event for event, _, _ in BAD), key="key")
        assert (done["replayed"], len(done["results"]), done["accepted"]) == (replayed, 1 + len(BAD), not replayed)
        assert [len(item["userErrors"]) for item in done["results"]] == [0, *([1] * len(BAD))]


async def test_the_edges_are_taken(fresh_ask: Asker) -> None:
    done = await record_many(
        fresh_ask,
        {"occurredAt": instant(minutes=-4.9)},
        {"occurredAt": instant(days=89.99)},
        {"metadata": {}},
        {"metadata": NESTED["n"]},
        {"metadata": {"a": "x" * (16 * 1024 - 8)}},
        {"eventType": "a" * 100, "sourceId": "s" * 200},
    )
    assert done["accepted"] == 6
    # There is no partition for three months ago; nothing is lost.
    assert (
        value(fresh_ask.database, "SELECT count(*) FROM user_events WHERE occurred_at < now() - interval '80 days'")
        == 1
    )


async def test_too_many_at_once_are_refused(fresh_ask: Asker) -> None:
    done = await record_many(fresh_ask, *([{}] * 2001))
    assert (done["accepted"], done["results"], done["userErrors"][0]["rule"]) == (0, [], "SIZE")
    done = await record_many(fresh_ask, *({"sourceId": str(n)} for n in range(2000)))
    assert (done["accepted"], value(fresh_ask.database, COUNT)) == (2000, 2000)
    assert await record_many(fresh_ask) == {
        "accepted": 0,
        "duplicates": 0,
        "replayed": False,
        "results": [],
        "userErrors": [],
    }


async def test_the_same_key_is_answered_again(fresh_ask: Asker) -> None:
    metadata = {"ip": "secret address", "n": 1}
    first = await record_many(fresh_ask, {"metadata": metadata}, {"userExternalId": "nobody"}, key="k")
    again = await record_many(fresh_ask, {"metadata": metadata}, {"userExternalId": "nobody"}, key="k")
    assert (first["accepted"], first["replayed"], again["duplicates"], again["replayed"]) == (1, False, 1, True)
    assert again["results"][0] == {**first["results"][0], "replayed": True}
    assert again["results"][1] == first["results"][1]
    other = await record_many(fresh_ask, {"metadata": {"n": 2}}, {"userExternalId": "nobody"}, key="k")
    assert other["userErrors"][0]["firstDifference"] == ["input", "events", "0", "metadata", "n"]
    # What names a person is not kept with the key either, so that it makes no difference.
    kept = "SELECT string_agg(k::text, '') FROM idempotency_keys k"
    assert "secret address" not in value(fresh_ask.database, kept)
    assert value(fresh_ask.database, COUNT) == 1


async def test_batches_that_overlap_at_once_record_each_once(fresh_ask: Asker) -> None:
    names = [f"e-{number}" for number in range(60)]
    batches = [names[start : start + 40] for start in (0, 10, 20)]
    done = await asyncio.gather(
        *(
            record_many(fresh_ask, *({"sourceId": name} for name in batch))
            for batch in (*batches, *(b[::-1] for b in batches))
        )
    )
    assert sum(item["accepted"] for item in done) == value(fresh_ask.database, COUNT) == 60
    assert sum(item["duplicates"] for item in done) == 6 * 40 - 60


@pytest.mark.parametrize("role", ["STUDENT", "TEACHER", "MANAGER"])
async def test_recording_needs_ingest(ask: Asker, role: str) -> None:
    person = {"STUDENT": "ben", "TEACHER": "ada", "MANAGER": "mia"}[role]
    for document, input in ((RECORD, {"event": {"eventType": "x"}}), (RECORD_MANY, {"events": [{"eventType": "x"}]})):
        (error,) = payload(await ask(document, {"input": input}, person=person, role=role))["userErrors"]
        assert (error["code"], error["permission"]) == ("FORBIDDEN", "INGEST")


@pytest.mark.parametrize(
    ("person", "role", "sees"), [("ben", "STUDENT", False), ("ada", "TEACHER", False), ("mia", "MANAGER", True)]
)
async def test_the_list_needs_view_platform(ask: Asker, person: str, role: str, sees: bool) -> None:
    answer = await ask(LIST, {}, person=person, role=role)
    assert answer.codes == ([] if sees else ["FORBIDDEN"])


async def test_the_list_pages_and_filters(fresh_ask: Asker) -> None:
    ben = fresh_ask.id("User", "ben")
    same = instant(days=2)
    await record_many(
        fresh_ask,
        {"sourceId": "old", "occurredAt": instant(days=40), "userId": ben},
        *({"sourceId": f"tie-{n}", "occurredAt": same, "eventType": "lab_opened"} for n in range(3)),
        {"sourceId": "new", "occurredAt": instant(hours=1), "eventType": "lab_closed", "userId": ben},
        {"sourceId": "a%", "occurredAt": instant(days=50), "eventType": "lab.x"},
    )
    execute(
        fresh_ask.database,
        "INSERT INTO user_events (organization_id, event_type, occurred_at) SELECT id, 'x', now() FROM organizations WHERE slug = 'south'",
    )

    async def listed(**variables: Any) -> Any:
        return payload(await fresh_ask(LIST, variables, **ROOT))

    def ids(page: Any) -> list[str]:
        return [node["sourceId"] for node in page["nodes"]]

    everything = ["new", "tie-2", "tie-1", "tie-0", "old", "a%"]
    whole = await listed()
    assert (ids(whole), whole["totalCount"]["value"]) == (everything, "6")
    seen, after = [], None
    while len(seen) < 6:
        page = await listed(first=2, after=after)
        seen += ids(page)
        after = page["pageInfo"]["endCursor"]
        assert page["pageInfo"]["hasNextPage"] is (len(seen) < 6)
    assert seen == everything
    assert ids(await listed(last=2, before=after)) == ["tie-0", "old"]
    assert ids(await listed(filter={"userIds": [ben]})) == ["new", "old"]
    assert ids(await listed(filter={"eventTypes": ["lab_closed", "lab.x"]})) == ["new", "a%"]
    assert ids(await listed(filter={"occurredAt": {"gte": same, "lt": instant(days=1)}})) == ["tie-2", "tie-1", "tie-0"]
    assert ids(await listed(filter={"occurredAt": {"lt": same}, "eventTypes": []})) == []
    for filter in ({"eventTypes": ["\0"]}, {"userIds": ["x"]}, {"eventTypes": ["x"] * 201}):
        assert (await fresh_ask(LIST, {"filter": filter}, **ROOT)).codes == ["VALIDATION"]
