"""The same call twice is done once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from db.difference import first_difference
from tests.asking import Asker
from tests.schema.conftest import fresh_ask
from tests.schema.test_attempt_mutations import ROOT, codes, record, record_many, rows, success

__all__ = ["fresh_ask"]


@pytest.mark.parametrize(
    ("one", "other", "path"),
    [
        ({"a": 1, "b": [1, {"c": 2}]}, {"b": [1.0, {"c": 2.0}], "a": 1}, None),
        ({"a": 1}, {"a": True}, ("a",)),
        ({"a": 0}, {"a": False}, ("a",)),
        ({"a": None}, {}, ("a",)),
        ({"b": 1, "a": [1, 2]}, {"b": 2, "a": [1, 3]}, ("a", "1")),
        ([1, 2], [1], ("1",)),
        ({"a": {"b": "x"}}, {"a": {"b": "y"}}, ("a", "b")),
        (1, 2, ()),
        ("1", 1, ()),
    ],
)
def test_the_first_difference(one: Any, other: Any, path: tuple[str, ...] | None) -> None:
    assert first_difference(one, other) == path
    assert first_difference(other, one) == path


async def test_the_same_call_gets_the_same_answer(fresh_ask: Asker) -> None:
    first = await record(fresh_ask, success(score=1, metadata={"a": 1, "b": {"c": 2.0}}), "key")
    again = await record(fresh_ask, success(score=1.0, metadata={"b": {"c": 2}, "a": 1.0}), "key")
    assert (first["replayed"], again["replayed"]) == (False, True)
    assert again["attempt"] == first["attempt"]
    assert again["performance"] == first["performance"]
    assert rows(fresh_ask, "SELECT count(*) FROM attempts") == [(14,)]


async def test_another_body_is_a_mismatch_that_names_the_difference(fresh_ask: Asker) -> None:
    await record(fresh_ask, success(score=1, metadata={"a": [1, 2]}), "key")
    for change, path in (
        ({"score": 2}, ["score"]),
        ({"metadata": {"a": [1, 3]}}, ["metadata", "a", "1"]),
        ({"hintsUsed": 0}, ["hintsUsed"]),
        ({"resources": {"memoryMib": 1}}, ["resources"]),
    ):
        payload = await record(fresh_ask, {**success(score=1, metadata={"a": [1, 2]}), **change}, "key")
        assert codes(payload) == [("IDEMPOTENCY_MISMATCH", ["input", "idempotencyKey"])]
        assert payload["userErrors"][0]["firstDifference"] == ["input", "attempt", *path]
        assert payload["attempt"] is None
    assert rows(fresh_ask, "SELECT count(*) FROM attempts") == [(14,)]


async def test_a_batch_is_answered_again_with_its_errors(fresh_ask: Asker) -> None:
    attempts = [success(), success(person="nobody"), success(score=101), success(userId="?")]
    first = await record_many(fresh_ask, attempts, idempotencyKey="key")
    again = await record_many(fresh_ask, attempts, idempotencyKey="key")
    assert (first["replayed"], again["replayed"]) == (False, True)
    assert [codes(result) for result in again["results"]] == [codes(result) for result in first["results"]]
    assert [result["userErrors"] for result in again["results"]] == [
        result["userErrors"] for result in first["results"]
    ]
    assert again["results"][0]["attempt"] == first["results"][0]["attempt"]
    assert again["results"][0]["replayed"] is True
    other = await record_many(fresh_ask, [success(), success(person="nobody")], idempotencyKey="key")
    assert other["userErrors"][0]["firstDifference"] == ["input", "attempts", "2"]
    atomic = await record_many(fresh_ask, attempts, idempotencyKey="key", atomic=True)
    assert atomic["userErrors"][0]["firstDifference"] == ["input", "atomic"]


async def test_keys_belong_to_their_owner_and_operation(fresh_ask: Asker) -> None:
    await record(fresh_ask, success(), "key")
    batch = await record_many(fresh_ask, [success(at="2026-03-03T00:00:00Z")], idempotencyKey="key")
    assert batch["replayed"] is False
    other = await record(fresh_ask, success(at="2026-03-04T00:00:00Z"), "key", person="ingest", role="SERVICE")
    assert other["replayed"] is False
    south = await record(fresh_ask, success(), "key", person="root", role="ADMIN", organization="south")
    assert (south["replayed"], south["userErrors"]) == (False, [])
    assert rows(fresh_ask, "SELECT count(*) FROM attempts") == [(17,)]


@pytest.mark.parametrize("key", ["", "x" * 201, "a\0", "\ud800"])
async def test_keys_that_cannot_be(fresh_ask: Asker, key: str) -> None:
    payload = await record(fresh_ask, success(), key)
    assert codes(payload) == [("VALIDATION", ["input", "idempotencyKey"])]


async def test_a_refused_call_leaves_its_key_free(fresh_ask: Asker) -> None:
    assert codes(await record(fresh_ask, success(score=101), "key")) == [("VALIDATION", ["input", "attempt", "score"])]
    assert (await record(fresh_ask, success(score=100), "key"))["userErrors"] == []
    bad = await record_many(fresh_ask, [success(), success(person="nobody")], idempotencyKey="key", atomic=True)
    assert len(bad["userErrors"]) == 1
    good = await record_many(fresh_ask, [success()], idempotencyKey="key", atomic=True)
    assert (good["replayed"], good["userErrors"]) == (False, [])


async def test_the_same_call_at_once_writes_once(fresh_ask: Asker) -> None:
    payloads = await asyncio.gather(*(record(fresh_ask, success(), "key") for _ in range(5)))
    assert sorted(payload["replayed"] for payload in payloads) == [False, True, True, True, True]
    assert len({payload["attempt"]["id"] for payload in payloads}) == 1
    assert rows(fresh_ask, "SELECT count(*) FROM attempts") == [(14,)]


async def test_the_same_source_id_at_once_writes_once(fresh_ask: Asker) -> None:
    payloads = await asyncio.gather(*(record(fresh_ask, success(sourceId="s")) for _ in range(5)))
    assert sorted(payload["replayed"] for payload in payloads) == [False, True, True, True, True]
    batches = await asyncio.gather(
        *(record_many(fresh_ask, [success(sourceId=f"b{n}") for n in range(40)]) for _ in range(4))
    )
    assert sorted(batch["results"][7]["replayed"] for batch in batches) == [False, True, True, True]
    # Of several people at once, one gets the source id.
    people = await asyncio.gather(
        *(record(fresh_ask, success(person, sourceId="p")) for person in ("ben", "cleo", "dan"))
    )
    assert sorted(code for payload in people for code, _ in codes(payload)) == ["CONFLICT", "CONFLICT"]
    assert rows(fresh_ask, "SELECT count(*) FROM attempts") == [(13 + 1 + 40 + 1,)]


async def test_a_source_id_stands_for_what_was_said_first(fresh_ask: Asker) -> None:
    sent = success(
        sourceId="s", score=33.33333, startedAt="2026-03-02T09:00:00.123456Z", errors=["A"], metadata={"a": 1.0}
    )
    first = await record(fresh_ask, sent)
    again = await record(
        fresh_ask, {**sent, "metadata": {"a": 1}, "userExternalId": None, "userId": fresh_ask.id("User", "gus")}
    )
    assert (again["replayed"], again["attempt"]) == (True, first["attempt"])
    for change, path in (
        ({"score": 33.34}, ["score"]),
        ({"labType": "l2"}, ["labType"]),
        ({"errors": []}, ["errors", "0"]),
        ({"metadata": {"a": 2}}, ["metadata", "a"]),
        ({"metadata": None}, ["metadata"]),
        ({"completedAt": "2026-03-02T09:10:00.001Z"}, ["completedAt"]),
        ({"difficulty": 1}, ["difficulty"]),
    ):
        payload = await record(fresh_ask, {**sent, **change})
        assert codes(payload) == [("IDEMPOTENCY_MISMATCH", ["input", "attempt", "sourceId"])]
        assert payload["userErrors"][0]["firstDifference"] == ["input", "attempt", *path]
    conflict = await record(fresh_ask, {**sent, "userExternalId": "ben"})
    assert codes(conflict) == [("CONFLICT", ["input", "attempt", "sourceId"])]
    # Another way in, and another organization, have source ids of their own.
    assert (await record(fresh_ask, {**sent, "source": "CSV"}))["replayed"] is False
    south = await record(fresh_ask, sent, person="root", role="ADMIN", organization="south")
    assert (south["replayed"], south["userErrors"]) == (False, [])


async def test_what_comes_again_after_an_edit_or_a_delete_is_still_the_same(fresh_ask: Asker) -> None:
    sent = success(sourceId="s", score=10)
    key = (await record(fresh_ask, sent))["attempt"]["id"]
    document = "mutation ($id: ID!) { updateAttempt(input: {id: $id, patch: {score: 20}}) { userErrors { message } } }"
    assert (await fresh_ask(document, {"id": key}, **ROOT)).data["updateAttempt"]["userErrors"] == []
    again = await record(fresh_ask, sent)
    assert (again["replayed"], again["attempt"]["score"], again["attempt"]["revision"]) == (True, 20, 2)
    assert codes(await record(fresh_ask, {**sent, "score": 20})) == [
        ("IDEMPOTENCY_MISMATCH", ["input", "attempt", "sourceId"])
    ]
    document = "mutation ($id: ID!) { deleteAttempt(input: {id: $id}) { userErrors { message } } }"
    assert (await fresh_ask(document, {"id": key}, **ROOT)).data["deleteAttempt"]["userErrors"] == []
    deleted = await record(fresh_ask, sent)
    assert deleted["replayed"] is True
    assert deleted["attempt"]["deletedAt"] is not None
