"""Attempts as each role sees them, filtered, sorted and paged; and their history."""

from __future__ import annotations

from typing import Any

import pytest

from schema.relay import global_id
from tests.asking import Asker

MANAGER = {"person": "mia", "role": "MANAGER"}
LIST = """
query ($filter: AttemptFilter, $order: AttemptOrder, $first: Int, $after: String, $last: Int, $before: String) {
  attempts(filter: $filter, orderBy: $order, first: $first, after: $after, last: $last, before: $before) {
    nodes { sourceId } totalCount { value } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}
"""
NEWEST_FIRST = [
    "dan-2", "dan-1", "cleo-4", "cleo-3", "ben-5", "ben-4", "ben-3", "cleo-2", "cleo-1", "ben-2", "ben-1", "fay-1",
]  # fmt: skip


def source_ids(answer: Any) -> list[str]:
    assert answer.errors == []
    return [node["sourceId"] for node in answer.data["attempts"]["nodes"]]


@pytest.mark.parametrize(
    ("person", "role", "expected"),
    [
        ("ben", "STUDENT", {"ben-1", "ben-2", "ben-3", "ben-4", "ben-5"}),
        ("gus", "STUDENT", set()),
        ("tom", "TEACHER", {"dan-1", "dan-2"}),
        ("ada", "TEACHER", {key for key in NEWEST_FIRST if not key.startswith("dan")}),
        ("mia", "MANAGER", set(NEWEST_FIRST)),
    ],
)
async def test_each_role_sees_its_attempts(ask: Asker, person: str, role: str, expected: set[str]) -> None:
    answer = await ask(LIST, person=person, role=role)
    assert set(source_ids(answer)) == expected
    assert answer.data["attempts"]["totalCount"]["value"] == str(len(expected))


async def test_without_a_token_there_is_nothing(ask: Asker) -> None:
    answer = await ask(LIST, person=None)
    assert answer.codes == ["UNAUTHENTICATED"]


async def test_newest_first_with_attempts_under_way_at_their_recording(ask: Asker) -> None:
    assert source_ids(await ask(LIST, **MANAGER)) == NEWEST_FIRST


@pytest.mark.parametrize("field", ["COMPLETED_AT", "RECORDED_AT", "SCORE", "COMPLETION_TIME"])
@pytest.mark.parametrize("direction", ["ASC", "DESC"])
async def test_pages_in_any_order_join_to_the_whole_list(ask: Asker, field: str, direction: str) -> None:
    order = {"field": field, "direction": direction}
    whole = source_ids(await ask(LIST, {"order": order}, **MANAGER))
    assert sorted(whole) == sorted(NEWEST_FIRST)
    forward: list[str] = []
    after = None
    while True:
        page = await ask(LIST, {"order": order, "first": 5, "after": after}, **MANAGER)
        forward += source_ids(page)
        after = page.data["attempts"]["pageInfo"]["endCursor"]
        if not page.data["attempts"]["pageInfo"]["hasNextPage"]:
            break
    backward: list[str] = []
    before = None
    while True:
        page = await ask(LIST, {"order": order, "last": 5, "before": before}, **MANAGER)
        backward = source_ids(page) + backward
        before = page.data["attempts"]["pageInfo"]["startCursor"]
        if not page.data["attempts"]["pageInfo"]["hasPreviousPage"]:
            break
    assert forward == backward == whole


async def test_nulls_come_last_in_either_direction(ask: Asker) -> None:
    down = source_ids(await ask(LIST, {"order": {"field": "SCORE", "direction": "DESC"}}, **MANAGER))
    up = source_ids(await ask(LIST, {"order": {"field": "SCORE", "direction": "ASC"}}, **MANAGER))
    assert down[:3] == ["cleo-3", "ben-3", "cleo-1"]
    assert up[:3] == ["dan-2", "ben-1", "dan-1"]
    assert set(down[-3:]) == set(up[-3:]) == {"ben-5", "cleo-2", "cleo-4"}


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"status": ["ABANDONED", "STARTED"]}, ["cleo-4", "cleo-2"]),
        ({"success": False}, ["dan-2", "cleo-2", "ben-1"]),
        ({"success": True, "score": {"gte": 90, "lte": 95}}, ["ben-3", "cleo-1"]),
        ({"completedAt": {"gte": "2026-03-15T10:00:00Z", "lt": "2026-03-29T01:30:00Z"}}, ["dan-1", "cleo-3"]),
        ({"recordedAt": {"gte": "2026-03-20T00:00:00Z", "lt": "2026-03-21T00:00:00Z"}}, ["cleo-4"]),
        ({"errorCode": "E_TIMEOUT"}, ["cleo-2", "ben-1"]),
        ({"source": ["CSV"]}, []),
        ({"status": []}, []),
        ({"score": {"gte": None}}, NEWEST_FIRST),
    ],
)
async def test_filters(ask: Asker, condition: dict[str, Any], expected: list[str]) -> None:
    answer = await ask(LIST, {"filter": condition}, **MANAGER)
    assert source_ids(answer) == expected
    assert answer.data["attempts"]["totalCount"]["value"] == str(len(expected))


async def test_filters_by_id(ask: Asker) -> None:
    async def found(**condition: Any) -> list[str]:
        return source_ids(await ask(LIST, {"filter": condition}, **MANAGER))

    assert await found(userIds=[ask.id("User", "dan")]) == ["dan-2", "dan-1"]
    assert await found(groupIds=[ask.id("Group", "alg-2")]) == ["dan-2", "dan-1"]
    assert await found(labIds=[ask.id("Lab", "l4")]) == ["ben-5"]
    assert await found(topicIds=[ask.id("Topic", "sets")]) == ["dan-2", "cleo-4", "cleo-3", "ben-4", "cleo-2"]
    assert await found(levelIds=[global_id("Level", ask.key("levels", "2"))]) == ["dan-2", "cleo-4", "cleo-3"]
    # Another organization's are nobody's.
    assert await found(userIds=[ask.id("User", "ben", "south")]) == []
    assert await found(labIds=[ask.id("Lab", "l1", "south")]) == []


@pytest.mark.parametrize(
    ("condition", "code"),
    [
        ({"userIds": ["x"]}, "VALIDATION"),
        ({"userIds": [global_id("Lab", 1)]}, "NOT_FOUND"),
        ({"errorCode": "a\0b"}, "VALIDATION"),
        ({"userIds": [global_id("User", 1)] * 201}, "VALIDATION"),
    ],
)
async def test_filters_that_cannot_be(ask: Asker, condition: dict[str, Any], code: str) -> None:
    assert (await ask(LIST, {"filter": condition}, **MANAGER)).codes == [code]


async def test_what_an_attempt_says(ask: Asker) -> None:
    answer = await ask(
        """{ attempts(filter: {errorCode: "E_TIMEOUT", success: false, score: {lte: 50}}) { nodes {
          user { externalId } lab { type } status success startedAt completedAt dueAt completionTimeSeconds score accuracy hintsUsed
          errors { code count } resources { memoryMib } onTime completionSpeedDays skillMatch difficulty difficultyFactor
          isCounted source sourceId revision deletedAt metadata assignmentId } } }""",
        **MANAGER,
    )
    assert answer.errors == []
    assert answer.data["attempts"]["nodes"] == [
        {
            "user": {"externalId": "ben"}, "lab": {"type": "l1"}, "status": "FAILED", "success": False,
            "startedAt": "2026-03-02T08:50:00.000Z", "completedAt": "2026-03-02T09:00:00.000Z",
            "dueAt": "2026-03-05T23:00:00.000Z", "completionTimeSeconds": 600, "score": 30, "accuracy": 0.4, "hintsUsed": 2,
            "errors": [{"code": "E_TIMEOUT", "count": 2}, {"code": "E_SYNTAX", "count": 1}], "resources": None,
            "onTime": True, "completionSpeedDays": pytest.approx(3 + 14 / 24), "skillMatch": 0.9, "difficulty": 5,
            "difficultyFactor": 0.5, "isCounted": False, "source": "API", "sourceId": "ben-1", "revision": 1,
            "deletedAt": None, "metadata": None, "assignmentId": None,
        }
    ]  # fmt: skip


async def test_lateness_is_null_without_a_deadline_and_while_under_way(ask: Asker) -> None:
    answer = await ask("{ attempts { nodes { sourceId onTime completionSpeedDays isCounted } } }", **MANAGER)
    found = {node["sourceId"]: node for node in answer.data["attempts"]["nodes"]}
    assert (found["ben-5"]["onTime"], found["ben-5"]["completionSpeedDays"]) == (None, None)
    assert (found["cleo-4"]["onTime"], found["cleo-4"]["completionSpeedDays"]) == (None, None)
    assert (found["ben-4"]["onTime"], found["ben-4"]["completionSpeedDays"]) == (False, pytest.approx(-10.5 / 24))
    assert [key for key, node in found.items() if node["isCounted"]] == [
        "dan-1", "cleo-3", "ben-5", "ben-4", "cleo-1", "ben-2", "fay-1",
    ]  # fmt: skip


NESTED = """
query ($first: Int, $after: String) {
  users(orderBy: {field: USERNAME}) { nodes {
    externalId attempts(first: $first, after: $after) {
      nodes { sourceId user { externalId } lab { type } } totalCount { value } pageInfo { hasNextPage endCursor } } } }
}
"""


async def test_attempts_of_a_page_of_people_are_one_statement(ask: Asker) -> None:
    answer = await ask(NESTED, {"first": 2}, **MANAGER)
    assert answer.errors == []
    lists = {user["externalId"]: user["attempts"] for user in answer.data["users"]["nodes"]}
    assert [node["sourceId"] for node in lists["ben"]["nodes"]] == ["ben-5", "ben-4"]
    assert [node["sourceId"] for node in lists["cleo"]["nodes"]] == ["cleo-4", "cleo-3"]
    assert lists["gus"]["nodes"] == []
    assert {who: entry["totalCount"]["value"] for who, entry in lists.items() if entry["nodes"]} == {
        "ben": "5", "cleo": "4", "dan": "2",
    }  # fmt: skip
    assert lists["ben"]["pageInfo"]["hasNextPage"] is True
    assert lists["dan"]["pageInfo"]["hasNextPage"] is False
    # people, their pages, and one each for counts, people and labs of the attempts
    assert len(answer.statements) == 5
    # A person's cursor goes on with that person's list.
    after = await ask(NESTED, {"first": 2, "after": lists["ben"]["pageInfo"]["endCursor"]}, **MANAGER)
    ben = next(user for user in after.data["users"]["nodes"] if user["externalId"] == "ben")
    assert [node["sourceId"] for node in ben["attempts"]["nodes"]] == ["ben-3", "ben-2"]


async def test_backward_pages_of_each_person(ask: Asker) -> None:
    answer = await ask(
        "{ users(orderBy: {field: USERNAME}) { nodes { externalId attempts(last: 2, orderBy: {field: SCORE}) "
        "{ nodes { sourceId } pageInfo { hasPreviousPage } } } } }",
        **MANAGER,
    )
    lists = {user["externalId"]: user["attempts"] for user in answer.data["users"]["nodes"]}
    # By score, best first, those without one last: the end of the list, in its order.
    assert [node["sourceId"] for node in lists["ben"]["nodes"]] == ["ben-1", "ben-5"]
    assert lists["ben"]["pageInfo"]["hasPreviousPage"] is True


async def test_attempts_of_labs(ask: Asker) -> None:
    document = (
        "{ labs { nodes { type attempts(filter: {success: true}) { nodes { sourceId } totalCount { value } } } } }"
    )
    answer = await ask(document)
    assert answer.errors == []
    lists = {lab["type"]: [n["sourceId"] for n in lab["attempts"]["nodes"]] for lab in answer.data["labs"]["nodes"]}
    # A teacher sees the attempts of the people they lead.
    assert lists == {"l1": ["ben-3", "cleo-1", "ben-2", "fay-1"], "l2": ["ben-4"], "l3": ["cleo-3"], "l4": ["ben-5"]}


async def test_a_deleted_attempt_shows_on_request_only(fresh_ask: Asker) -> None:
    with fresh_ask.database.connect() as owner:
        owner.execute("UPDATE attempts SET deleted_at = now() WHERE source_id = 'ben-5'")
    assert "ben-5" not in source_ids(await fresh_ask(LIST, **MANAGER))
    assert "ben-5" in source_ids(await fresh_ask(LIST, {"filter": {"includeDeleted": True}}, **MANAGER))


@pytest.mark.parametrize("kind", ["foreign", "unknown", "hidden"])
async def test_node_answers_alike_for_what_is_not_to_be_seen(ask: Asker, kind: str) -> None:
    with ask.database.connect(None) as admin:
        keys = {row[0]: int(str(row[1])) for row in admin.execute("SELECT source_id, id FROM attempts").fetchall()}
    key = {"foreign": keys["south-1"], "unknown": 10**9, "hidden": keys["dan-1"]}[kind]
    answer = await ask("query ($id: ID!) { node(id: $id) { id } }", {"id": global_id("Attempt", key)})
    assert (answer.data, answer.codes) == ({"node": None}, ["NOT_FOUND"])
    seen = await ask(
        "query ($id: ID!) { node(id: $id) { ... on Attempt { sourceId } } }",
        {"id": global_id("Attempt", keys["ben-1"])},
    )
    assert seen.data == {"node": {"sourceId": "ben-1"}}


@pytest.mark.parametrize(("person", "role"), [("ben", "STUDENT"), ("ada", "TEACHER")])
async def test_history_needs_the_audit_permission(ask: Asker, person: str, role: str) -> None:
    answer = await ask(
        "{ attempts(first: 1) { nodes { id revisions { nodes { revision } } } } }", person=person, role=role
    )
    assert answer.codes == ["FORBIDDEN"]
    assert answer.data["attempts"]["nodes"][0]["revisions"] is None
