"""Labs given to people: deadlines to the microsecond, and what moving them changes."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from schema.relay import global_id, parse_global_id
from tests.asking import Answer, Asker
from tests.schema.test_roster import ERRORS, ROOT, payload, rows, told

FIELDS = """id assignedAt dueAt revision lab { type } user { externalId } group { externalId }
  extensions { user { externalId } dueAt reason grantedBy { externalId } }"""
SAVE = f"""mutation ($input: SaveAssignmentInput!) {{ saveAssignment(input: $input) {{
  assignment {{ {FIELDS} }} replayed {ERRORS} }} }}"""
EXTEND = f"""mutation ($input: ExtendDeadlineInput!) {{ extendDeadline(input: $input) {{
  assignment {{ {FIELDS} }} replayed {ERRORS} }} }}"""
RECORD = """mutation ($input: RecordAttemptInput!) { recordAttempt(input: $input) {
  attempt { id dueAt onTime } userErrors { message path } } }"""
SCORE = '{ user(by: {externalId: "gus"}) { performance { score metrics { onTimeRatio } } } }'
JANUARY = "2026-01-01T00:00:00Z"


class Assignments:
    def __init__(self, ask: Asker) -> None:
        self.ask = ask

    async def save(self, **values: Any) -> Answer:
        return await self.ask(SAVE, {"input": values}, **ROOT)

    async def give(self, lab: str = "l1", **values: Any) -> dict[str, Any]:
        """A new one, of January, for alg-1 unless said otherwise."""
        if "userId" not in values:
            values.setdefault("groupId", self.ask.id("Group", "alg-1"))
        answer = payload(await self.save(**{"labId": self.ask.id("Lab", lab), "assignedAt": JANUARY, **values}))
        assert answer["userErrors"] == []
        return dict(answer["assignment"])

    async def extend(self, assignment: dict[str, Any], person: str, due_at: str, **values: Any) -> Answer:
        ids = {"assignmentId": assignment["id"], "userId": self.ask.id("User", person), "dueAt": due_at}
        return await self.ask(EXTEND, {"input": {**ids, **values}}, **ROOT)

    async def record(self, person: str, completed_at: str, lab: str = "l1", **values: Any) -> dict[str, Any]:
        attempt = {"userExternalId": person, "labType": lab, "completedAt": completed_at, "success": True, **values}
        answer = payload(await self.ask(RECORD, {"input": {"attempt": attempt}}, **ROOT))
        assert answer["userErrors"] == []
        return dict(answer["attempt"])

    async def score(self) -> tuple[float | None, float | None]:
        """Of gus: the score, and the ratio of tasks on time."""
        answer = await self.ask(SCORE, **ROOT)
        assert answer.data is not None
        performance = answer.data["user"]["performance"]
        return performance["score"], performance["metrics"]["onTimeRatio"]

    def due_at(self, assignment: dict[str, Any]) -> str:
        """In UTC, to the microsecond, which the graph cuts off."""
        _, key = parse_global_id(assignment["id"], "id")
        statement = (
            "SELECT to_char(due_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') FROM assignments WHERE id = %s"
        )
        return str(rows(self.ask, statement, key)[0][0])


@pytest.fixture
def assignments(fresh_ask: Asker) -> Assignments:
    return Assignments(fresh_ask)


async def test_an_assignment_is_given_and_changed(assignments: Assignments) -> None:
    given = await assignments.give(dueAt="2026-03-01T12:00:00+01:00")
    assert {
        name: given[name] for name in ("assignedAt", "dueAt", "revision", "lab", "user", "group", "extensions")
    } == {
        "assignedAt": "2026-01-01T00:00:00.000Z",
        "dueAt": "2026-03-01T11:00:00.000Z",
        "revision": 1,
        "lab": {"type": "l1"},
        "user": None,
        "group": {"externalId": "alg-1"},
        "extensions": [],
    }
    # Nothing said, nothing changed.
    same = payload(await assignments.save(id=given["id"], expectedRevision=1))["assignment"]
    assert same == given
    later = payload(await assignments.save(id=given["id"], expectedRevision=1, dueAt="2026-04-01T00:00:00Z"))
    assert later["assignment"] == {**given, "dueAt": "2026-04-01T00:00:00.000Z", "revision": 2}
    stale = payload(await assignments.save(id=given["id"], expectedRevision=1, dueAt=None))["userErrors"]
    assert [(error["code"], error["currentRevision"]) for error in stale] == [("CONFLICT", 2)]
    without = payload(await assignments.save(id=given["id"], expectedRevision=2, dueAt=None))["assignment"]
    assert (without["dueAt"], without["revision"]) == (None, 3)


@pytest.mark.parametrize(
    ("day", "zone", "group_zone", "expected"),
    [
        # The organization's zone, Europe/Madrid: a day of 23 hours, one of 25, and the one before clocks change.
        ("2026-03-29", None, None, "2026-03-29 21:59:59.999999"),
        ("2026-10-25", None, None, "2026-10-25 22:59:59.999999"),
        ("2026-03-28", None, None, "2026-03-28 22:59:59.999999"),
        ("2026-06-01", None, "Asia/Tokyo", "2026-06-01 14:59:59.999999"),
        ("2026-06-01", "Asia/Kathmandu", "Asia/Tokyo", "2026-06-01 18:14:59.999999"),
        # The next day has no midnight there: it begins at one o'clock.
        ("2018-11-03", "America/Sao_Paulo", None, "2018-11-04 02:59:59.999999"),
    ],
)
async def test_a_day_is_on_time_up_to_its_last_microsecond(
    assignments: Assignments, day: str, zone: str | None, group_zone: str | None, expected: str
) -> None:
    rows(assignments.ask, "UPDATE groups SET time_zone = %s WHERE external_id = 'alg-1' RETURNING id", group_zone)
    more = {"timeZone": zone} if zone else {}
    given = await assignments.give(dueOn=day, assignedAt="2010-01-01T00:00:00Z", **more)
    assert assignments.due_at(given) == expected


async def test_attempts_are_on_time_until_local_midnight(assignments: Assignments) -> None:
    await assignments.give(dueOn="2026-03-29", userId=assignments.ask.id("User", "gus"))
    last = await assignments.record("gus", "2026-03-29T21:59:59.999999Z")
    first = await assignments.record("gus", "2026-03-29T22:00:00Z")
    assert (last["onTime"], first["onTime"]) == (True, False)


async def test_moving_a_deadline_leaves_completed_attempts_as_they_were(assignments: Assignments) -> None:
    given = await assignments.give(dueAt="2026-03-03T00:00:00Z", userId=assignments.ask.id("User", "gus"))
    await assignments.record("gus", "2026-03-04T10:00:00Z", skillMatch=0.8)
    # 100 · (0.5 · 0/1 + 0.3 · 0.8 + 0.2 · 0.5) = 34
    assert await assignments.score() == (34.0, 0.0)
    await assignments.save(id=given["id"], dueAt="2026-05-01T00:00:00Z")
    assert await assignments.score() == (34.0, 0.0)
    # Those completed later have the deadline of then: 100 · (0.5 · 1/2 + 0.3 · 0.8 + 0.2 · 0.65) = 62
    await assignments.give("l2", dueAt="2026-05-01T00:00:00Z", userId=assignments.ask.id("User", "gus"))
    await assignments.record("gus", "2026-04-30T10:00:00Z", "l2", skillMatch=0.8)
    assert await assignments.score() == (62.0, 0.5)


async def test_an_extension_after_completion_changes_the_score(assignments: Assignments) -> None:
    ask = assignments.ask
    given = await assignments.give(dueAt="2026-03-03T00:00:00Z", userId=ask.id("User", "gus"))
    attempt = await assignments.record("gus", "2026-03-04T10:00:00Z", skillMatch=0.8)
    assert await assignments.score() == (34.0, 0.0)
    answer = payload(await assignments.extend(given, "gus", "2026-03-04T10:00:00Z", reason="was ill"))
    assert answer["userErrors"] == []
    extension = {
        "user": {"externalId": "gus"},
        "dueAt": "2026-03-04T10:00:00.000Z",
        "reason": "was ill",
        "grantedBy": {"externalId": "root"},
    }
    assert answer["assignment"] == {**given, "extensions": [extension]}
    # At the very instant is on time: 100 · (0.5 + 0.3 · 0.8 + 0.2 · 0.5) = 84
    assert await assignments.score() == (84.0, 1.0)
    _, key = parse_global_id(attempt["id"], "id")
    assert rows(ask, "SELECT revision, due_at::text FROM attempts WHERE id = %s", key) == [
        (2, "2026-03-04 10:00:00+00")
    ]
    kept = rows(
        ask,
        "SELECT revision, change, reason, actor_id, snapshot ->> 'due_at' FROM attempt_revisions WHERE attempt_id = %s",
        key,
    )
    assert kept == [(1, "UPDATED", "was ill", ask.key("users", "root"), "2026-03-03T00:00:00+00:00")]
    # Again: nothing more to change. A microsecond less: late again.
    await assignments.extend(given, "gus", "2026-03-04T10:00:00Z", reason="was ill")
    assert rows(ask, "SELECT revision FROM attempts WHERE id = %s", key) == [(2,)]
    await assignments.extend(given, "gus", "2026-03-04T09:59:59.999999Z")
    assert await assignments.score() == (34.0, 0.0)
    # The rollups say the same as the attempts do.
    with ask.database.connect(None) as admin:
        admin.execute("SET ROLE scoregraph_worker")
        admin.execute("SELECT folded FROM fold_attempt_deltas()")
    assert await assignments.score() == (34.0, 0.0)


async def test_an_extension_that_is_being_granted_is_waited_for(assignments: Assignments) -> None:
    ask = assignments.ask
    given = await assignments.give(dueAt="2026-03-03T00:00:00Z", userId=ask.id("User", "gus"))
    _, key = parse_global_id(given["id"], "id")
    gus = ask.key("users", "gus")
    with ask.database.connect(None) as other:
        other.execute("BEGIN")
        other.execute("SELECT 1 FROM users WHERE id = %s FOR NO KEY UPDATE", (gus,))
        recording = asyncio.create_task(assignments.record("gus", "2026-03-04T10:00:00Z"))
        waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        while not rows(ask, waiting):
            assert not recording.done()
            await asyncio.sleep(0.01)
        other.execute(
            "INSERT INTO deadline_extensions (assignment_id, organization_id, user_id, due_at) "
            "VALUES (%s, 1, %s, '2026-03-05 00:00Z')",
            (key, gus),
        )
        other.execute("COMMIT")
    assert (await recording)["onTime"] is True


async def test_an_extension_is_for_one_person_of_the_group(assignments: Assignments) -> None:
    ask = assignments.ask
    given = await assignments.give("l4", dueAt="2026-03-03T00:00:00Z")
    await assignments.extend(given, "ben", "2026-03-10T00:00:00Z")
    ben = await assignments.record("ben", "2026-03-09T00:00:00Z", "l4")
    cleo = await assignments.record("cleo", "2026-03-09T00:00:00Z", "l4")
    assert (ben["onTime"], cleo["onTime"]) == (True, False)
    document = """query ($id: ID!, $ben: ID!, $cleo: ID!, $dan: ID!) { node(id: $id) { ... on Assignment {
      ben: effectiveDueAt(userId: $ben) cleo: effectiveDueAt(userId: $cleo) dan: effectiveDueAt(userId: $dan) } } }"""
    people = {name: ask.id("User", name) for name in ("ben", "cleo", "dan")}
    answer = await ask(document, {"id": given["id"], **people}, **ROOT)
    assert answer.errors == []
    assert answer.data == {"node": {"ben": "2026-03-10T00:00:00.000Z", "cleo": "2026-03-03T00:00:00.000Z", "dan": None}}
    assert len([one for one in answer.statements if "deadline_extensions" in one]) == 1
    assert told(await assignments.extend(given, "dan", "2026-03-10T00:00:00Z")) == [
        ("VALIDATION", "input.userId", "CONSISTENCY")
    ]
    # Leads are not members.
    assert told(await assignments.extend(given, "ada", "2026-03-10T00:00:00Z")) == [
        ("VALIDATION", "input.userId", "CONSISTENCY")
    ]


async def test_assignments_that_cannot_be(assignments: Assignments) -> None:
    ask = assignments.ask
    lab, group, user = ask.id("Lab", "l1"), ask.id("Group", "alg-1"), ask.id("User", "ben")
    cases: list[tuple[dict[str, Any], list[tuple[str, str, str | None]]]] = [
        ({}, [("VALIDATION", "input.labId", "REQUIRED"), ("VALIDATION", "input.userId", "EXACTLY_ONE")]),
        ({"labId": lab, "userId": user, "groupId": group}, [("VALIDATION", "input.userId", "EXACTLY_ONE")]),
        (
            {"labId": lab, "userId": user, "dueAt": JANUARY, "dueOn": "2026-01-01"},
            [("VALIDATION", "input.dueOn", "EXACTLY_ONE")],
        ),
        ({"labId": lab, "userId": user, "timeZone": "UTC"}, [("VALIDATION", "input.timeZone", "CONSISTENCY")]),
        (
            {"labId": lab, "userId": user, "dueOn": "2026-01-01", "timeZone": "Madrid"},
            [("VALIDATION", "input.timeZone", "FORMAT")],
        ),
        ({"labId": lab, "userId": user, "dueAt": JANUARY}, [("VALIDATION", "input.dueAt", "CONSISTENCY")]),
        ({"labId": lab, "userId": user, "dueAt": "2200-01-01T00:00:00Z"}, [("VALIDATION", "input.dueAt", "TIME")]),
        ({"labId": lab, "userId": user, "dueOn": "9999-12-31"}, [("VALIDATION", "input.dueOn", "TIME")]),
        (
            {"labId": lab, "userId": user, "dueOn": "2011-12-30", "timeZone": "Pacific/Apia"},
            [("VALIDATION", "input.dueOn", "TIME")],
        ),
        (
            {"labId": lab, "userId": user, "expectedRevision": 1},
            [("VALIDATION", "input.expectedRevision", "CONSISTENCY")],
        ),
        ({"labId": ask.id("Lab", "l1", "south"), "userId": user}, [("NOT_FOUND", "input.labId", None)]),
        ({"labId": lab, "userId": ask.id("User", "ben", "south")}, [("NOT_FOUND", "input.userId", None)]),
        ({"labId": lab, "groupId": ask.id("Group", "alg-1", "south")}, [("NOT_FOUND", "input.groupId", None)]),
        ({"labId": user, "groupId": group}, [("NOT_FOUND", "input.labId", None)]),
        ({"id": global_id("Assignment", 999_999)}, [("NOT_FOUND", "input.id", None)]),
        ({"id": "?"}, [("VALIDATION", "input.id", "FORMAT")]),
    ]
    for values, expected in cases:
        assert told(await assignments.save(**values)) == expected, values
    assert rows(ask, "SELECT 1 FROM assignments") == []
    given = await assignments.give()
    for name, key in (("labId", ask.id("Lab", "l2")), ("userId", user), ("groupId", ask.id("Group", "alg-2"))):
        assert told(await assignments.save(id=given["id"], **{name: key})) == [
            ("VALIDATION", f"input.{name}", "CONSISTENCY")
        ]


async def test_extensions_that_cannot_be(assignments: Assignments) -> None:
    ask = assignments.ask
    given = await assignments.give()
    assert told(await assignments.extend(given, "ben", "2025-12-31T00:00:00Z")) == [
        ("VALIDATION", "input.dueAt", "CONSISTENCY")
    ]
    assert told(await assignments.extend(given, "ben", "2300-12-31T00:00:00Z")) == [
        ("VALIDATION", "input.dueAt", "TIME")
    ]
    for reason, rule in (("x" * 1001, "LENGTH"), ("nul\0", "TEXT"), ("\ud800", "TEXT")):
        assert told(await assignments.extend(given, "ben", "2026-12-31T00:00:00Z", reason=reason)) == [
            ("VALIDATION", "input.reason", rule)
        ]
    foreign = {"userId": ask.id("User", "ben", "south")}
    assert told(await assignments.extend(given, "ben", JANUARY, **foreign)) == [("NOT_FOUND", "input.userId", None)]
    unknown = {"id": global_id("Assignment", 999_999)}
    assert told(await assignments.extend(unknown, "ben", JANUARY)) == [("NOT_FOUND", "input.assignmentId", None)]


async def test_an_assignment_asked_for_twice_is_given_once(assignments: Assignments) -> None:
    ask = assignments.ask
    values = {"labId": ask.id("Lab", "l1"), "groupId": ask.id("Group", "alg-1"), "idempotencyKey": "k"}
    answers = await asyncio.gather(*(assignments.save(**values) for _ in range(4)))
    assert len({payload(answer)["assignment"]["id"] for answer in answers}) == 1
    assert sorted(payload(answer)["replayed"] for answer in answers) == [False, True, True, True]
    assert rows(ask, "SELECT count(*) FROM assignments") == [(1,)]
    other = await assignments.save(**{**values, "dueAt": "2027-01-01T00:00:00Z"})
    assert payload(other)["userErrors"][0]["firstDifference"] == ["input", "dueAt"]


async def test_two_who_change_one_revision(assignments: Assignments) -> None:
    given = await assignments.give()
    answers = await asyncio.gather(
        *(assignments.save(id=given["id"], expectedRevision=1, dueOn=f"2026-05-0{day}") for day in (1, 2, 3))
    )
    assert sorted(len(payload(answer)["userErrors"]) for answer in answers) == [0, 1, 1]


@pytest.mark.parametrize(("person", "role"), [("ben", "STUDENT"), ("ada", "TEACHER"), ("mia", "MANAGER")])
async def test_others_give_nothing(ask: Asker, person: str, role: str) -> None:
    save = {"input": {"labId": ask.id("Lab", "l1"), "userId": ask.id("User", "ben")}}
    extend = {"input": {"assignmentId": global_id("Assignment", 1), "userId": ask.id("User", "ben"), "dueAt": JANUARY}}
    for document, values in ((SAVE, save), (EXTEND, extend)):
        assert told(await ask(document, values, person=person, role=role)) == [("FORBIDDEN", "input", None)]


LIST = """query ($filter: AssignmentFilter, $first: Int, $after: String) {
  assignments(filter: $filter, first: $first, after: $after) {
    nodes { lab { type } user { externalId } group { externalId } } totalCount { value }
    pageInfo { endCursor hasNextPage } } }"""


@pytest.fixture
async def given(assignments: Assignments) -> Assignments:
    """Labs 1 to 4: to ben, to alg-1, to dan, and to alg-2 without a deadline."""
    ask = assignments.ask
    await assignments.give("l1", userId=ask.id("User", "ben"), dueOn="2026-03-04")
    await assignments.give("l2", dueOn="2026-03-02")
    await assignments.give("l3", userId=ask.id("User", "dan"), dueOn="2026-03-03")
    await assignments.give("l4", groupId=ask.id("Group", "alg-2"))
    return assignments


def labs(answer: Answer) -> list[str]:
    assert answer.errors == []
    assert answer.data is not None
    return [node["lab"]["type"] for node in answer.data["assignments"]["nodes"]]


async def test_assignments_are_listed_by_deadline(given: Assignments) -> None:
    ask = given.ask
    assert labs(await ask(LIST, **ROOT)) == ["l2", "l3", "l1", "l4"]
    found: list[str] = []
    after = None
    while True:
        answer = await ask(LIST, {"first": 1, "after": after}, **ROOT)
        found += labs(answer)
        assert answer.data is not None
        assert answer.data["assignments"]["totalCount"] == {"value": "4"}
        page = answer.data["assignments"]["pageInfo"]
        after = page["endCursor"]
        if not page["hasNextPage"]:
            break
    assert found == ["l2", "l3", "l1", "l4"]
    filters: list[tuple[dict[str, Any], list[str]]] = [
        ({"userId": ask.id("User", "ben")}, ["l2", "l1"]),
        ({"groupId": ask.id("Group", "alg-1")}, ["l2"]),
        ({"labId": ask.id("Lab", "l3")}, ["l3"]),
        ({"dueAt": {"from": "2026-03-03T00:00:00Z", "to": "2026-03-04T00:00:00Z"}}, ["l3"]),
        ({"userId": ask.id("User", "ben", "south")}, []),
    ]
    for chosen, expected in filters:
        assert labs(await ask(LIST, {"filter": chosen}, **ROOT)) == expected, chosen


@pytest.mark.parametrize(
    ("person", "role", "expected"),
    [
        ("ben", "STUDENT", ["l2", "l1"]),
        ("cleo", "STUDENT", ["l2"]),
        ("gus", "STUDENT", []),
        ("ada", "TEACHER", ["l2", "l1"]),
        ("tom", "TEACHER", ["l3", "l4"]),
        ("mia", "MANAGER", ["l2", "l3", "l1", "l4"]),
    ],
)
async def test_each_role_sees_its_assignments(given: Assignments, person: str, role: str, expected: list[str]) -> None:
    assert labs(await given.ask(LIST, person=person, role=role)) == expected


async def test_people_and_groups_list_theirs_in_one_statement_each(given: Assignments) -> None:
    document = """{ users(orderBy: {field: USERNAME}) { nodes { externalId assignments { nodes { lab { type } } totalCount { value } } } }
      groups { nodes { externalId assignments { nodes { lab { type } } } } } }"""
    answer = await given.ask(document, **ROOT)
    assert answer.errors == []
    assert answer.data is not None
    people = {
        node["externalId"]: [one["lab"]["type"] for one in node["assignments"]["nodes"]]
        for node in answer.data["users"]["nodes"]
    }
    assert {name: found for name, found in people.items() if found} == {
        "ben": ["l2", "l1"],
        "cleo": ["l2"],
        "dan": ["l3", "l4"],
    }
    counts = {n["externalId"]: n["assignments"]["totalCount"]["value"] for n in answer.data["users"]["nodes"]}
    assert (counts["ben"], counts["gus"]) == ("2", "0")
    groups = answer.data["groups"]["nodes"]
    assert [(n["externalId"], [a["lab"]["type"] for a in n["assignments"]["nodes"]]) for n in groups] == [
        ("alg-1", ["l2"]),
        ("alg-2", ["l4"]),
    ]
    # A page of people's, their counts, a page of groups': and the labs of all at once or nearly so.
    assert len([one for one in answer.statements if "FROM assignments" in one]) == 3
    assert len([one for one in answer.statements if "FROM labs" in one]) <= 2


async def test_a_person_sees_no_extension_of_another(given: Assignments) -> None:
    ask = given.ask
    l2 = await given.give("l2", dueOn="2026-03-02")
    await given.extend(l2, "ben", "2026-04-01T00:00:00Z")
    await given.extend(l2, "cleo", "2026-05-01T00:00:00Z")
    document = "query ($id: ID!) { node(id: $id) { ... on Assignment { extensions { user { externalId } dueAt } } } }"
    answer = await ask(document, {"id": l2["id"]}, person="ben", role="STUDENT")
    assert answer.data == {
        "node": {"extensions": [{"user": {"externalId": "ben"}, "dueAt": "2026-04-01T00:00:00.000Z"}]}
    }
    # Somebody else's assignment is not there.
    answer = await ask(document, {"id": l2["id"]}, person="dan", role="STUDENT")
    assert answer.codes == ["NOT_FOUND"]
