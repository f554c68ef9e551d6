"""Recording, changing, deleting and restoring attempts."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from schema.relay import global_id
from tests.asking import Asker

ROOT = {"person": "root", "role": "ADMIN"}

ERRORS = """userErrors {
  __typename message path code
  ... on ValidationError { rule } ... on ConflictError { currentRevision } ... on ForbiddenError { permission }
  ... on IdempotencyMismatchError { firstDifference } ... on InvalidStateError { state }
}"""
ATTEMPT = """attempt {
  id status success score isCounted dueAt difficulty revision assignmentId completionTimeSeconds sourceId deletedAt metadata
  startedAt completedAt hintsUsed onTime errors { code count } resources { memoryMib cpuPercent }
}"""
OUTCOME = f"{ATTEMPT} performance {{ score tasksCompleted }} {ERRORS}"
RECORD = (
    f"""mutation ($input: RecordAttemptInput!) {{ recordAttempt(input: $input) {{ replayed parked {OUTCOME} }} }}"""
)
RECORD_MANY = f"""mutation ($input: RecordAttemptsInput!) {{
  recordAttempts(input: $input) {{ replayed results {{ index replayed parked {OUTCOME} }} {ERRORS} }}
}}"""
UPDATE = f"mutation ($input: UpdateAttemptInput!) {{ updateAttempt(input: $input) {{ {OUTCOME} }} }}"
DELETE = f"mutation ($input: DeleteAttemptInput!) {{ deleteAttempt(input: $input) {{ {OUTCOME} }} }}"
RESTORE = f"mutation ($input: RestoreAttemptInput!) {{ restoreAttempt(input: $input) {{ {OUTCOME} }} }}"


def success(person: str = "gus", lab: str = "l1", at: str = "2026-03-02T09:10:00Z", **more: Any) -> dict[str, Any]:
    return {"userExternalId": person, "labType": lab, "success": True, "completedAt": at, **more}


async def record(ask: Asker, attempt: dict[str, Any], key: str | None = None, **who: str) -> dict[str, Any]:
    answer = await ask(RECORD, {"input": {"attempt": attempt, "idempotencyKey": key}}, **(who or ROOT))
    assert answer.errors == []
    payload: dict[str, Any] = answer.data["recordAttempt"]
    return payload


async def record_many(ask: Asker, attempts: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    answer = await ask(RECORD_MANY, {"input": {"attempts": attempts, **more}}, **ROOT)
    assert answer.errors == []
    payload: dict[str, Any] = answer.data["recordAttempts"]
    return payload


def rows(ask: Asker, statement: str, *values: Any) -> list[tuple[Any, ...]]:
    with ask.database.connect(None) as admin:
        return admin.execute(statement, values).fetchall()


def codes(outcome: dict[str, Any]) -> list[tuple[str, list[str]]]:
    return [(error["code"], error["path"]) for error in outcome["userErrors"]]


async def test_a_recorded_attempt_is_in_the_score_of_the_same_answer(fresh_ask: Asker) -> None:
    payload = await record(
        fresh_ask,
        success(
            startedAt="2026-03-02T09:00:00Z",
            skillMatch=0.5,
            score=70.5,
            errors=["E_B", "E_A", "E_B"],
            metadata={"a": [1]},
        ),
    )
    assert payload["userErrors"] == []
    attempt = payload["attempt"]
    assert (attempt["status"], attempt["isCounted"], attempt["difficulty"], attempt["revision"]) == (
        "SUCCEEDED",
        True,
        5,
        1,
    )
    assert attempt["completionTimeSeconds"] == 600
    assert attempt["errors"] == [{"code": "E_B", "count": 2}, {"code": "E_A", "count": 1}]
    assert attempt["metadata"] == {"a": [1]}
    # No deadline: skill 0.5 and difficulty 0.5 with weights 0.3 and 0.2 scaled up to 1.
    assert payload["performance"] == {"score": 50.0, "tasksCompleted": 1}
    # A second mutation of the same document reads its own write too.
    document = f"""mutation ($a: RecordAttemptInput!, $b: RecordAttemptInput!) {{
      a: recordAttempt(input: $a) {{ performance {{ tasksCompleted }} {ERRORS} }}
      b: recordAttempt(input: $b) {{ performance {{ tasksCompleted }} {ERRORS} }} }}"""
    both = await fresh_ask(document, {"a": {"attempt": success(lab="l2")}, "b": {"attempt": success(lab="l3")}}, **ROOT)
    assert both.data["a"]["performance"] == {"tasksCompleted": 2}
    assert both.data["b"]["performance"] == {"tasksCompleted": 3}


@pytest.mark.parametrize(
    ("attempt", "status"),
    [
        ({"success": True, "completedAt": "2026-03-01T10:00:00Z"}, "SUCCEEDED"),
        ({"success": False, "completedAt": "2026-03-01T10:00:00Z"}, "FAILED"),
        ({"status": "ABANDONED", "completedAt": "2026-03-01T10:00:00Z"}, "ABANDONED"),
        ({"status": "ABANDONED", "success": False, "completedAt": "2026-03-01T10:00:00Z"}, "ABANDONED"),
        ({"startedAt": "2026-03-01T10:00:00Z"}, "STARTED"),
        ({}, "STARTED"),
    ],
)
async def test_the_status_follows(fresh_ask: Asker, attempt: dict[str, Any], status: str) -> None:
    payload = await record(fresh_ask, {"userExternalId": "gus", "labType": "l4", **attempt})
    assert payload["userErrors"] == []
    assert payload["attempt"]["status"] == status


@pytest.mark.parametrize(("person", "role"), [("ben", "STUDENT"), ("ada", "TEACHER"), ("mia", "MANAGER")])
async def test_others_may_not_write(ask: Asker, person: str, role: str) -> None:
    who = {"person": person, "role": role}
    payload = await record(ask, success(), **who)
    assert payload["attempt"] is None
    assert [(error["__typename"], error["permission"]) for error in payload["userErrors"]] == [
        ("ForbiddenError", "INGEST")
    ]
    many = await ask(RECORD_MANY, {"input": {"attempts": [success()]}}, **who)
    assert many.data["recordAttempts"]["results"] == []
    key = global_id("Attempt", rows(ask, "SELECT id FROM attempts WHERE source_id = 'ben-1'")[0][0])
    for name, document, more in (
        ("update", UPDATE, {"patch": {"score": 1}}),
        ("delete", DELETE, {}),
        ("restore", RESTORE, {}),
    ):
        answer = await ask(document, {"input": {"id": key, **more}}, **who)
        errors = answer.data[f"{name}Attempt"]["userErrors"]
        assert [error["permission"] for error in errors] == ["EDIT_ATTEMPTS"]
    assert rows(ask, "SELECT count(*) FROM attempts") == [(13,)]
    assert (await ask(RECORD, {"input": {"attempt": success()}}, person=None)).codes == ["UNAUTHENTICATED"]


async def test_a_service_records(fresh_ask: Asker) -> None:
    payload = await record(fresh_ask, success(), person="ingest", role="SERVICE")
    assert payload["attempt"]["status"] == "SUCCEEDED"


SOON = (datetime.now(UTC) + timedelta(minutes=30)).isoformat()
DEEP: Any = 1
for _ in range(9):
    DEEP = [DEEP]


@pytest.mark.parametrize(
    ("wrong", "path", "rule"),
    [
        ({"score": 100.1}, ["score"], "RANGE"),
        ({"score": -0.1}, ["score"], "RANGE"),
        ({"accuracy": 1.01}, ["accuracy"], "RANGE"),
        ({"skillMatch": -0.01}, ["skillMatch"], "RANGE"),
        ({"difficulty": 11}, ["difficulty"], "RANGE"),
        ({"hintsUsed": -1}, ["hintsUsed"], "RANGE"),
        ({"completionTimeSeconds": -1}, ["completionTimeSeconds"], "RANGE"),
        ({"completionTimeSeconds": 1e10}, ["completionTimeSeconds"], "RANGE"),
        ({"resources": {"memoryMib": -1}}, ["resources", "memoryMib"], "RANGE"),
        ({"resources": {"cpuPercent": 1e7}}, ["resources", "cpuPercent"], "RANGE"),
        ({"startedAt": "2026-03-02T09:10:00.001Z"}, ["startedAt"], "TIME"),
        ({"completedAt": SOON}, ["completedAt"], "TIME"),
        ({"completedAt": "1969-12-31T23:59:59Z"}, ["completedAt"], "TIME"),
        ({"dueAt": "2200-01-01T00:00:00Z"}, ["dueAt"], "TIME"),
        ({"status": "STARTED", "success": None}, ["completedAt"], "CONSISTENCY"),
        ({"status": "FAILED"}, ["success"], "CONSISTENCY"),
        ({"status": "SUCCEEDED", "completedAt": None}, ["completedAt"], "CONSISTENCY"),
        ({"completedAt": None}, ["completedAt"], "CONSISTENCY"),
        ({"success": None}, ["status"], "CONSISTENCY"),
        ({"labId": "TGFiOjE"}, ["labId"], "EXACTLY_ONE"),
        ({"labType": None}, ["labId"], "EXACTLY_ONE"),
        ({"userExternalId": None}, ["userId"], "EXACTLY_ONE"),
        ({"userId": "VXNlcjox"}, ["userId"], "EXACTLY_ONE"),
        ({"userId": "?"}, ["userId"], "FORMAT"),
        ({"userExternalId": ""}, ["userExternalId"], "LENGTH"),
        ({"labType": "x" * 201}, ["labType"], "LENGTH"),
        ({"sourceId": "x" * 201}, ["sourceId"], "LENGTH"),
        ({"sourceId": "a\0"}, ["sourceId"], "TEXT"),
        ({"userExternalId": "\ud800"}, ["userExternalId"], "TEXT"),
        ({"errors": ["E"] * 101}, ["errors"], "SIZE"),
        ({"errors": ["E\0"]}, ["errors"], "TEXT"),
        ({"metadata": {"x": float("nan")}}, ["metadata"], "RANGE"),
        ({"metadata": [float("inf")]}, ["metadata"], "RANGE"),
        ({"metadata": {"x": 2**63}}, ["metadata"], "RANGE"),
        ({"metadata": "x" * 16384}, ["metadata"], "SIZE"),
        ({"metadata": [1e300] * 60}, ["metadata"], "SIZE"),
        ({"metadata": DEEP}, ["metadata"], "DEPTH"),
        ({"metadata": {"a\0": 1}}, ["metadata"], "TEXT"),
        ({"metadata": ["\udfff"]}, ["metadata"], "TEXT"),
    ],
)  # fmt: skip
async def test_nonsense_is_refused_by_name(ask: Asker, wrong: dict[str, Any], path: list[str], rule: str) -> None:
    payload = await record(ask, {**success(), **wrong})
    assert payload["attempt"] is None
    assert [(error["code"], error["path"], error["rule"]) for error in payload["userErrors"]] == [
        ("VALIDATION", ["input", "attempt", *path], rule)
    ]


@pytest.mark.parametrize("literal", ["1e999", "-1e999"])
async def test_infinities_in_literals_are_refused(ask: Asker, literal: str) -> None:
    document = (
        'mutation { recordAttempt(input: {attempt: {userExternalId: "gus", labType: "l1", success: true, '
        f'completedAt: "2026-03-01T10:00:00Z", %s: {literal}}}}}) {{ attempt {{ id }} userErrors {{ code }} }} }}'
    )
    in_number = await ask(document % "score", **ROOT)
    assert in_number.data is None or in_number.data["recordAttempt"]["userErrors"] == [{"code": "VALIDATION"}]
    in_json = await ask(document % "metadata", **ROOT)
    assert in_json.data["recordAttempt"]["userErrors"] == [{"code": "VALIDATION"}]
    assert rows(ask, "SELECT count(*) FROM attempts") == [(13,)]


async def test_numbers_that_are_none_and_integers_that_are_too_large(ask: Asker) -> None:
    for wrong in (
        {"score": float("nan")},
        {"score": float("inf")},
        {"hintsUsed": 2**31},
        {"completedAt": "2026-03-02T09:10:00"},
    ):
        answer = await ask(RECORD, {"input": {"attempt": {**success(), **wrong}}}, **ROOT)
        assert answer.data is None
        assert answer.errors[0]["extensions"]["code"] in {"VALIDATION", "GRAPHQL_VALIDATION_FAILED"}


async def test_the_edges_of_what_is_allowed(fresh_ask: Asker) -> None:
    now = datetime.now(UTC)
    payload = await record_many(
        fresh_ask,
        [
            success(score=0, accuracy=1, hintsUsed=0, completionTimeSeconds=0, difficulty=0, skillMatch=0),
            success(score=100, completionTimeSeconds=9_999_999_999, hintsUsed=1_000_000, errors=["E"] * 100),
            success(at=(now + timedelta(minutes=4)).isoformat()),
            success(at="1970-01-01T00:00:00Z", startedAt="1970-01-01T00:00:00Z"),
            success(metadata={"x": "y" * (16384 - 8)}, sourceId="x" * 200),
            success(metadata=[1e300] * 50),
            success(metadata=0),
        ],
    )
    assert [codes(result) for result in payload["results"]] == [[]] * 7
    assert payload["results"][3]["attempt"]["isCounted"] is True
    assert payload["results"][6]["attempt"]["metadata"] == 0


@pytest.mark.parametrize(
    ("attempt", "field"),
    [
        ({"userExternalId": "nobody"}, "userExternalId"),
        ({"userExternalId": None, "userId": global_id("User", 10**9)}, "userId"),
        ({"userExternalId": None, "userId": global_id("Lab", 1)}, "userId"),
        ({"labType": "nothing"}, "labType"),
        ({"labType": None, "labId": global_id("Lab", 10**9)}, "labId"),
        ({"assignmentId": global_id("Assignment", 10**9)}, "assignmentId"),
    ],
)
async def test_the_unknown_is_not_found(ask: Asker, attempt: dict[str, Any], field: str) -> None:
    payload = await record(ask, {**success(), **attempt})
    assert codes(payload) == [("NOT_FOUND", ["input", "attempt", field])]


async def test_the_foreign_is_not_found(ask: Asker) -> None:
    foreign_user = await record(ask, {**success(), "userExternalId": None, "userId": ask.id("User", "gus", "south")})
    assert codes(foreign_user) == [("NOT_FOUND", ["input", "attempt", "userId"])]
    foreign_lab = await record(ask, {**success(), "labType": None, "labId": ask.id("Lab", "l1", "south")})
    assert codes(foreign_lab) == [("NOT_FOUND", ["input", "attempt", "labId"])]


async def test_ids_of_the_graph_name_people_and_labs(fresh_ask: Asker) -> None:
    attempt = {"userId": fresh_ask.id("User", "gus"), "labId": fresh_ask.id("Lab", "l2"), "success": False}
    payload = await record(fresh_ask, {**attempt, "completedAt": "2026-03-02T09:10:00Z"})
    assert payload["userErrors"] == []
    assert payload["performance"] == {"score": None, "tasksCompleted": 0}


# Deadlines


def assign(ask: Asker, *, lab: str, user: str | None = None, group: str | None = None, at: str, due: str | None) -> int:
    values = (lab, user, group, at, due)
    return int(
        rows(
            ask,
            """INSERT INTO assignments (organization_id, lab_id, user_id, group_id, assigned_at, due_at)
            SELECT o.id, (SELECT id FROM labs WHERE organization_id = o.id AND type = %s),
              (SELECT id FROM users WHERE organization_id = o.id AND external_id = %s),
              (SELECT id FROM groups WHERE organization_id = o.id AND external_id = %s), %s, %s
            FROM organizations o WHERE slug = 'north' RETURNING id""",
            *values,
        )[0][0]
    )


async def test_the_deadline_is_that_of_the_assignment_that_applies(fresh_ask: Asker) -> None:
    group = assign(fresh_ask, lab="l4", group="alg-1", at="2026-02-01Z", due="2026-03-10Z")
    later = assign(fresh_ask, lab="l4", group="alg-1", at="2026-04-01Z", due="2026-04-10Z")
    own = assign(fresh_ask, lab="l4", user="cleo", at="2026-01-15Z", due="2026-03-20Z")
    rows(
        fresh_ask,
        """INSERT INTO deadline_extensions (assignment_id, organization_id, user_id, due_at)
        SELECT %s, organization_id, id, '2026-03-12Z' FROM users WHERE external_id = 'ben' AND organization_id =
          (SELECT id FROM organizations WHERE slug = 'north') RETURNING 1""",
        group,
    )
    payload = await record_many(
        fresh_ask,
        [
            success("ben", "l4", "2026-03-11T00:00:00Z"),  # the group's, extended for ben
            success("ben", "l4", "2026-04-02T00:00:00Z"),  # the latest by then
            success("ben", "l4", "2026-01-20T00:00:00Z"),  # none yet
            success("cleo", "l4", "2026-04-02T00:00:00Z"),  # the person's own beats the group's
            success("dan", "l4", "2026-03-11T00:00:00Z"),  # not in the group
            success("ben", "l4", "2026-03-11T00:00:00Z", dueAt="2026-03-01T00:00:00Z"),  # said otherwise
            success("ben", "l4", "2026-03-11T00:00:00Z", assignmentId=global_id("Assignment", later)),
            success("fay", "l4", "2025-12-31T00:00:00Z"),  # before the membership and the assignment
            success("ben", "l4", "2026-03-11T00:00:00Z", assignmentId=global_id("Assignment", own)),  # another person's
            success("ben", "l1", "2026-03-11T00:00:00Z", assignmentId=global_id("Assignment", group)),  # another lab's
            {"userExternalId": "ben", "labType": "l4", "startedAt": "2026-03-01T00:00:00Z"},
            success("dan", "l4", "2026-03-11T00:00:00Z", assignmentId=global_id("Assignment", group)),  # others'
        ],
    )
    results = payload["results"]
    found = [(r["attempt"]["assignmentId"], r["attempt"]["dueAt"]) for r in results[:8]]
    a, b, c = (global_id("Assignment", key) for key in (group, later, own))
    assert found == [
        (a, "2026-03-12T00:00:00.000Z"),
        (b, "2026-04-10T00:00:00.000Z"),
        (None, None),
        (c, "2026-03-20T00:00:00.000Z"),
        (None, None),
        (a, "2026-03-01T00:00:00.000Z"),
        (b, "2026-04-10T00:00:00.000Z"),
        (None, None),
    ]
    assert results[0]["attempt"]["onTime"] is True
    assert codes(results[8]) == [("NOT_FOUND", ["input", "attempts", "8", "assignmentId"])]
    assert codes(results[9]) == [("VALIDATION", ["input", "attempts", "9", "assignmentId"])]
    assert (results[10]["attempt"]["status"], results[10]["attempt"]["assignmentId"]) == ("STARTED", a)
    assert codes(results[11]) == [("NOT_FOUND", ["input", "attempts", "11", "assignmentId"])]


# Batches


async def test_a_batch_keeps_the_good_and_names_the_bad(fresh_ask: Asker) -> None:
    payload = await record_many(
        fresh_ask,
        [
            success(sourceId="a"),
            success(score=101),
            success(person="nobody"),
            success(lab="l2", sourceId="b"),
            success(sourceId="a"),
            success(sourceId="a", score=3),
            success(person="ben", sourceId="a"),
        ],
    )
    results = payload["results"]
    assert payload["userErrors"] == []
    assert [result["index"] for result in results] == list(range(7))
    assert [codes(result) for result in results] == [
        [],
        [("VALIDATION", ["input", "attempts", "1", "score"])],
        [("NOT_FOUND", ["input", "attempts", "2", "userExternalId"])],
        [],
        [],
        [("IDEMPOTENCY_MISMATCH", ["input", "attempts", "5", "sourceId"])],
        [("CONFLICT", ["input", "attempts", "6", "sourceId"])],
    ]
    assert results[5]["userErrors"][0]["firstDifference"] == ["input", "attempts", "5", "score"]
    # The same source id twice is one attempt.
    assert results[4]["attempt"] == results[0]["attempt"]
    assert [result["replayed"] for result in results] == [False, False, False, False, True, False, False]
    assert results[3]["performance"]["tasksCompleted"] == 2
    assert rows(fresh_ask, "SELECT count(*) FROM attempts") == [(15,)]


async def test_an_atomic_batch_is_all_or_nothing(fresh_ask: Asker) -> None:
    bad = await record_many(fresh_ask, [success(sourceId="a"), success(person="nobody")], atomic=True)
    assert codes(bad) == [("NOT_FOUND", ["input", "attempts", "1", "userExternalId"])]
    assert [result["attempt"] for result in bad["results"]] == [None, None]
    assert rows(fresh_ask, "SELECT count(*) FROM attempts") == [(13,)]
    good = await record_many(fresh_ask, [success(sourceId="a"), success(lab="l2")], atomic=True)
    assert good["userErrors"] == []
    assert rows(fresh_ask, "SELECT count(*) FROM attempts") == [(15,)]


async def test_the_first_success_is_counted_whatever_the_order(fresh_ask: Asker) -> None:
    payload = await record_many(
        fresh_ask,
        [
            success(at="2026-03-05T00:00:00Z"),
            success(at="2026-03-03T00:00:00Z"),
            success(at="2026-03-03T00:00:00Z"),
            success("ben", "l1", "2026-03-01T00:00:00Z"),  # before the one that was counted
            success("cleo", "l1", "2026-06-01T00:00:00Z"),  # after it
        ],
    )
    counted = [result["attempt"]["isCounted"] for result in payload["results"]]
    assert counted == [False, True, False, True, False]
    assert rows(fresh_ask, "SELECT counted FROM attempts WHERE source_id = 'ben-2'") == [(False,)]


async def test_batches_that_are_too_large_and_empty_ones(fresh_ask: Asker) -> None:
    payload = await record_many(fresh_ask, [success()] * 1001)
    assert codes(payload) == [("VALIDATION", ["input", "attempts"])]
    assert payload["results"] == []
    empty = await record_many(fresh_ask, [])
    assert (empty["results"], empty["userErrors"]) == ([], [])
    full = await record_many(fresh_ask, [success(sourceId=f"s{n}") for n in range(1000)])
    assert [result["attempt"]["sourceId"] for result in full["results"]] == [f"s{n}" for n in range(1000)]
    assert rows(fresh_ask, "SELECT count(*) FROM attempts") == [(1013,)]


async def test_a_batch_takes_the_same_statements_whatever_its_size(fresh_ask: Asker) -> None:
    small = await fresh_ask(RECORD_MANY, {"input": {"attempts": [success()]}}, **ROOT)
    large = await fresh_ask(
        RECORD_MANY, {"input": {"attempts": [success(), success("ben"), success("dan", "l2")] * 10}}, **ROOT
    )
    assert len(small.statements) == len(large.statements) == 2  # the attempts, the people's totals


async def test_concurrent_first_successes_count_once(fresh_ask: Asker) -> None:
    payloads = await asyncio.gather(
        *(record(fresh_ask, success(at=f"2026-03-0{day}T00:00:00Z")) for day in (5, 4, 3, 2, 6))
    )
    assert all(payload["userErrors"] == [] for payload in payloads)
    counted = rows(
        fresh_ask,
        "SELECT completed_at::date::text FROM attempts a JOIN users u ON u.id = a.user_id WHERE external_id = 'gus' AND counted",
    )
    assert counted == [("2026-03-02",)]


# Changes


async def first(ask: Asker, **more: Any) -> dict[str, Any]:
    attempt: dict[str, Any] = (await record(ask, success(startedAt="2026-03-02T09:00:00Z", **more)))["attempt"]
    return attempt


async def update(ask: Asker, key: str, patch: dict[str, Any], **more: Any) -> dict[str, Any]:
    answer = await ask(UPDATE, {"input": {"id": key, "patch": patch, **more}}, **ROOT)
    assert answer.errors == []
    payload: dict[str, Any] = answer.data["updateAttempt"]
    return payload


async def test_absent_stays_and_null_takes_away(fresh_ask: Asker) -> None:
    attempt = await first(fresh_ask, score=50, hintsUsed=2, errors=["E"], metadata={"a": 1}, resources={"memoryMib": 5})
    payload = await update(
        fresh_ask, attempt["id"], {"score": None, "hintsUsed": 3}, expectedRevision=1, reason="recount"
    )
    assert payload["userErrors"] == []
    after = payload["attempt"]
    assert after == {**attempt, "score": None, "hintsUsed": 3, "revision": 2}
    cleared = (await update(fresh_ask, attempt["id"], {"errors": None, "metadata": None, "resources": None}))["attempt"]
    assert (cleared["errors"], cleared["metadata"], cleared["resources"]) == ([], None, None)


async def test_a_changed_attempt_changes_the_score(fresh_ask: Asker) -> None:
    attempt = await first(fresh_ask, skillMatch=0.5)
    assert (await update(fresh_ask, attempt["id"], {"difficulty": 10}))["performance"]["score"] == 70.0
    failed = await update(fresh_ask, attempt["id"], {"success": False})
    assert (failed["attempt"]["status"], failed["attempt"]["isCounted"]) == ("FAILED", False)
    assert failed["performance"] == {"score": None, "tasksCompleted": 0}
    again = await update(fresh_ask, attempt["id"], {"status": "SUCCEEDED"})
    assert again["performance"] == {"score": 70.0, "tasksCompleted": 1}


async def test_times_and_what_follows_from_them(fresh_ask: Asker) -> None:
    attempt = await first(fresh_ask)
    longer = await update(fresh_ask, attempt["id"], {"completedAt": "2026-03-02T09:20:00Z"})
    assert longer["attempt"]["completionTimeSeconds"] == 1200
    said = await update(fresh_ask, attempt["id"], {"completionTimeSeconds": 7})
    assert said["attempt"]["completionTimeSeconds"] == 7
    kept = await update(fresh_ask, attempt["id"], {"startedAt": "2026-03-02T08:00:00Z"})
    assert kept["attempt"]["completionTimeSeconds"] == 7
    open_again = await update(fresh_ask, attempt["id"], {"completedAt": None})
    assert (open_again["attempt"]["status"], open_again["attempt"]["success"]) == ("STARTED", None)
    assert open_again["performance"]["tasksCompleted"] == 0
    without_status = await update(fresh_ask, attempt["id"], {"completedAt": "2026-03-02T09:20:00Z"})
    assert codes(without_status) == [("VALIDATION", ["input", "patch", "status"])]
    done = await update(fresh_ask, attempt["id"], {"completedAt": "2026-03-02T09:20:00Z", "success": True})
    assert done["performance"]["tasksCompleted"] == 1


async def test_completing_takes_the_deadline_of_then(fresh_ask: Asker) -> None:
    started = (
        await record(fresh_ask, {"userExternalId": "ben", "labType": "l4", "startedAt": "2026-03-01T00:00:00Z"})
    )["attempt"]
    assert started["dueAt"] is None
    key = assign(fresh_ask, lab="l4", group="alg-1", at="2026-02-01Z", due="2026-03-10Z")
    done = await update(fresh_ask, started["id"], {"completedAt": "2026-03-02T00:00:00Z", "success": True})
    assert done["attempt"]["assignmentId"] == global_id("Assignment", key)
    assert done["attempt"]["dueAt"] == "2026-03-10T00:00:00.000Z"
    none = await update(fresh_ask, started["id"], {"assignmentId": None})
    assert (none["attempt"]["assignmentId"], none["attempt"]["dueAt"]) == (None, None)
    back = await update(fresh_ask, started["id"], {"assignmentId": global_id("Assignment", key), "dueAt": None})
    assert (back["attempt"]["assignmentId"], back["attempt"]["dueAt"]) == (global_id("Assignment", key), None)
    other = assign(fresh_ask, lab="l1", group="alg-1", at="2026-02-01Z", due=None)
    wrong = await update(fresh_ask, started["id"], {"assignmentId": global_id("Assignment", other)})
    assert codes(wrong) == [("VALIDATION", ["input", "patch", "assignmentId"])]
    for key in (10**9, assign(fresh_ask, lab="l4", group="alg-2", at="2026-02-01Z", due=None)):
        unknown = await update(fresh_ask, started["id"], {"assignmentId": global_id("Assignment", key)})
        assert codes(unknown) == [("NOT_FOUND", ["input", "patch", "assignmentId"])]


@pytest.mark.parametrize(
    ("patch", "path"),
    [
        ({"score": 101}, ["score"]),
        ({"resources": {"cpuPercent": -1}}, ["resources", "cpuPercent"]),
        ({"status": "STARTED"}, ["completedAt"]),
        ({"status": "FAILED", "success": True}, ["success"]),
        ({"success": None}, ["status"]),
        ({"startedAt": "2026-03-03T00:00:00Z"}, ["startedAt"]),
        ({"completedAt": SOON}, ["completedAt"]),
        ({"metadata": DEEP}, ["metadata"]),
        ({"assignmentId": "?"}, ["assignmentId"]),
    ],
)
async def test_patches_that_cannot_be(fresh_ask: Asker, patch: dict[str, Any], path: list[str]) -> None:
    attempt = await first(fresh_ask)
    payload = await update(fresh_ask, attempt["id"], patch)
    assert codes(payload) == [("VALIDATION", ["input", "patch", *path])]
    assert rows(fresh_ask, "SELECT count(*) FROM attempt_revisions") == [(0,)]


async def test_a_stale_revision_is_a_conflict(fresh_ask: Asker) -> None:
    attempt = await first(fresh_ask)
    results = await asyncio.gather(
        *(update(fresh_ask, attempt["id"], {"score": score}, expectedRevision=1) for score in (10, 20, 30))
    )
    assert sorted(len(result["userErrors"]) for result in results) == [0, 1, 1]
    stale = next(result for result in results if result["userErrors"])
    assert (stale["userErrors"][0]["__typename"], stale["userErrors"][0]["currentRevision"]) == ("ConflictError", 2)
    assert stale["attempt"] is None
    deleted = await fresh_ask(DELETE, {"input": {"id": attempt["id"], "expectedRevision": 1}}, **ROOT)
    assert codes(deleted.data["deleteAttempt"]) == [("CONFLICT", ["input", "expectedRevision"])]


async def test_a_patch_without_a_change_makes_no_revision(fresh_ask: Asker) -> None:
    attempt = await first(fresh_ask, score=12.5)
    for patch in ({}, {"score": 12.5}, {"success": True, "errors": []}):
        assert (await update(fresh_ask, attempt["id"], patch))["attempt"] == attempt


async def measures(ask: Asker) -> Any:
    totals = rows(ask, "SELECT to_jsonb(t) FROM user_totals_live t ORDER BY user_id")
    labs = rows(ask, "SELECT to_jsonb(t) - 'recent' FROM user_lab_totals_live t ORDER BY user_id, lab_id")
    return totals, labs, rows(ask, "SELECT id, counted FROM attempts ORDER BY id")


async def test_delete_and_restore_are_no_change(fresh_ask: Asker) -> None:
    before = await measures(fresh_ask)
    key = global_id("Attempt", rows(fresh_ask, "SELECT id FROM attempts WHERE source_id = 'ben-2'")[0][0])
    deleted = (await fresh_ask(DELETE, {"input": {"id": key, "reason": "double"}}, **ROOT)).data["deleteAttempt"]
    assert deleted["userErrors"] == []
    assert deleted["attempt"]["deletedAt"] is not None
    assert deleted["attempt"]["isCounted"] is False
    # The next success takes its place, late.
    assert rows(fresh_ask, "SELECT counted FROM attempts WHERE source_id = 'ben-3'") == [(True,)]
    again = (await fresh_ask(DELETE, {"input": {"id": key}}, **ROOT)).data["deleteAttempt"]
    assert [(e["code"], e["state"]) for e in again["userErrors"]] == [("INVALID_STATE", "DELETED")]
    assert codes(await update(fresh_ask, key, {"score": 1})) == [("INVALID_STATE", ["input", "id"])]
    restored = (await fresh_ask(RESTORE, {"input": {"id": key}}, **ROOT)).data["restoreAttempt"]
    assert restored["userErrors"] == []
    assert restored["attempt"]["revision"] == 3
    assert await measures(fresh_ask) == before
    twice = (await fresh_ask(RESTORE, {"input": {"id": key}}, **ROOT)).data["restoreAttempt"]
    assert [(e["code"], e["state"]) for e in twice["userErrors"]] == [("INVALID_STATE", "PRESENT")]


async def test_the_history_says_what_was(fresh_ask: Asker) -> None:
    attempt = await first(fresh_ask, score=10)
    await update(fresh_ask, attempt["id"], {"score": 20}, reason="typo")
    await fresh_ask(DELETE, {"input": {"id": attempt["id"]}}, **ROOT)
    answer = await fresh_ask(
        """query ($id: ID!) { node(id: $id) { ... on Attempt { revision revisions { totalCount { value } nodes {
          revision change reason actor { externalId } snapshot } } } } }""",
        {"id": attempt["id"]},
        **ROOT,
    )
    assert answer.errors == []
    node = answer.data["node"]
    assert node["revision"] == 3
    history = node["revisions"]["nodes"]
    assert [(entry["revision"], entry["change"], entry["reason"]) for entry in history] == [
        (2, "DELETED", None),
        (1, "UPDATED", "typo"),
    ]
    assert [entry["snapshot"]["score"] for entry in history] == [20, 10]
    assert {entry["actor"]["externalId"] for entry in history} == {"root"}
    assert node["revisions"]["totalCount"] == {"value": "2"}


@pytest.mark.parametrize("kind", ["foreign", "unknown", "other type"])
async def test_attempts_that_are_not_there_to_change(ask: Asker, kind: str) -> None:
    key = {
        "foreign": global_id("Attempt", rows(ask, "SELECT id FROM attempts WHERE source_id = 'south-1'")[0][0]),
        "unknown": global_id("Attempt", 10**9),
        "other type": ask.id("User", "ben"),
    }[kind]
    for name, document, more in (
        ("update", UPDATE, {"patch": {"score": 1}}),
        ("delete", DELETE, {}),
        ("restore", RESTORE, {}),
    ):
        answer = await ask(document, {"input": {"id": key, **more}}, **ROOT)
        (error,) = answer.data[f"{name}Attempt"]["userErrors"]
        assert (error["message"], error["path"]) == ("There is no such attempt.", ["input", "id"])


async def test_a_killed_connection_writes_nothing_and_the_retry_everything(fresh_ask: Asker) -> None:
    attempts = [success(sourceId=f"k{n}") for n in range(50)]
    call = {"input": {"attempts": attempts, "idempotencyKey": "killed"}}
    with fresh_ask.database.connect(None) as blocker:
        blocker.autocommit = False
        # Holds the writer where it has claimed its key and looked everything up.
        blocker.execute("LOCK TABLE attempts IN SHARE MODE")
        writing = asyncio.create_task(fresh_ask(RECORD_MANY, call, **ROOT))
        for _ in range(200):
            await asyncio.sleep(0.02)
            waiting = rows(
                fresh_ask,
                "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
                " AND query LIKE '%%INSERT INTO attempts%%'",
            )
            if waiting:
                break
        assert rows(fresh_ask, "SELECT pg_terminate_backend(%s)", waiting[0][0]) == [(True,)]
        answer = await writing
        blocker.rollback()
    assert answer.codes == ["UNAVAILABLE"]
    assert rows(fresh_ask, "SELECT (SELECT count(*) FROM attempts), (SELECT count(*) FROM idempotency_keys)") == [
        (13, 0)
    ]
    retried = await fresh_ask(RECORD_MANY, call, **ROOT)
    assert [result["replayed"] for result in retried.data["recordAttempts"]["results"]] == [False] * 50
    assert rows(fresh_ask, "SELECT count(*) FROM attempts") == [(63,)]
