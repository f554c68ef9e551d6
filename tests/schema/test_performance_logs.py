"""How scores moved with each task: by hand from the school, and random histories against a plain computation."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schema.relay import global_id
from tests.asking import Asker
from tests.schema.histories import HISTORIES, Done, difference, live, record, score_of, shown, tasks_of

MANAGER = {"person": "mia", "role": "MANAGER"}
ENTRIES = """query ($person: String!, $period: PeriodInput, $order: PerformanceLogOrder, $first: Int, $after: String, $last: Int,
    $before: String) {
  user(by: {externalId: $person}) {
    performanceLogs(period: $period, orderBy: $order, first: $first, after: $after, last: $last, before: $before) {
      totalCount { value }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
      nodes { id createdAt tasksCompleted performanceScore scoreChange } } } }"""


async def entries(ask: Asker, person: str, **variables: Any) -> list[dict[str, Any]]:
    answer = await ask(ENTRIES, {"person": person} | variables, **MANAGER)
    assert answer.errors == []
    return answer.data["user"]["performanceLogs"]["nodes"]  # type: ignore[index,no-any-return]


async def steps(ask: Asker, person: str, **variables: Any) -> list[tuple[float | None, float | None]]:
    """Score and change of each entry, newest first."""
    return [(e["performanceScore"], e["scoreChange"]) for e in await entries(ask, person, **variables)]


async def test_an_entry_says_where_the_task_put_the_person(ask: Asker) -> None:
    answer = await ask(
        """{ user(by: {externalId: "ben"}) { performanceLogs { totalCount { value relation } nodes {
          createdAt tasksCompleted onTimeRatio skillAccuracy difficultyFactor avgCompletionTimeSeconds
          avgCompletionTimeHours avgCompletionSpeedDays performanceScore scoreChange
          user { externalId } lab { type } attempt { id } } } } }"""
    )
    assert answer.errors == []
    logs = answer.data["user"]["performanceLogs"]
    third, second, first = logs["nodes"]
    assert logs["totalCount"] == {"value": "3", "relation": "EXACT"}
    assert [log.pop("attempt") is not None for log in logs["nodes"]] == [True] * 3
    assert first == {
        "createdAt": "2026-03-03T09:00:00.000Z",
        "tasksCompleted": 1,
        "onTimeRatio": 1.0,
        "skillAccuracy": 0.9,
        "difficultyFactor": 0.5,
        "avgCompletionTimeSeconds": 1200.0,
        "avgCompletionTimeHours": pytest.approx(1 / 3),
        # 2 days and 14 hours before its deadline
        "avgCompletionSpeedDays": pytest.approx(62 / 24),
        "performanceScore": 87.0,
        "scoreChange": None,
        "user": {"externalId": "ben"},
        "lab": {"type": "l1"},
    }
    assert second == {
        "createdAt": "2026-03-10T22:30:00.000Z",
        "tasksCompleted": 2,
        "onTimeRatio": 0.5,
        "skillAccuracy": 0.8,
        "difficultyFactor": 0.65,
        "avgCompletionTimeSeconds": 1500.0,
        "avgCompletionTimeHours": pytest.approx(1500 / 3600),
        # the mean of 62 hours early and 10.5 hours late
        "avgCompletionSpeedDays": pytest.approx((62 - 10.5) / 2 / 24),
        "performanceScore": 62.0,
        "scoreChange": -25.0,
        "user": {"externalId": "ben"},
        "lab": {"type": "l2"},
    }
    assert (third["tasksCompleted"], third["performanceScore"], third["scoreChange"]) == (3, 62.0, 0.0)
    assert third["lab"] == {"type": "l4"}


async def test_the_school(ask: Asker) -> None:
    assert await steps(ask, "cleo") == [(92.0, 2.0), (90.0, None)]
    assert await steps(ask, "dan") == [(28.0, None)]
    assert await steps(ask, "gus") == []


async def test_a_period_hides_entries_and_changes_none(ask: Asker) -> None:
    after_the_first = {"dates": {"from": "2026-03-04", "to": "2026-03-13"}}
    assert await steps(ask, "ben", period=after_the_first) == [(62.0, -25.0)]


async def test_an_insert_in_the_middle_rewrites_the_next_entry(fresh_ask: Asker) -> None:
    # Between 90.0 and 92.0: l2 in time, skill 0.6, difficulty 0 → 50 + 0.3 · 80 + 0.2 · 25 = 79.0;
    # then 50 + 0.3 · 80 + 0.2 · 50 = 84.0
    with fresh_ask.database.connect() as owner:
        owner.execute(
            """INSERT INTO attempts (organization_id, user_id, lab_id, status, completed_at, due_at, skill_match, difficulty,
              source_id)
            SELECT u.organization_id, u.id, l.id, 'SUCCEEDED', '2026-03-06Z', '2026-03-07Z', 0.6, 0, 'late'
            FROM users u JOIN organizations o ON o.id = u.organization_id AND o.slug = 'north'
            JOIN labs l ON l.organization_id = o.id AND l.type = 'l2' WHERE u.external_id = 'cleo'"""
        )
        assert await steps(fresh_ask, "cleo") == [(84.0, 5.0), (79.0, -11.0), (90.0, None)]
        owner.execute("UPDATE attempts SET deleted_at = now() WHERE source_id = 'late'")
        assert await steps(fresh_ask, "cleo") == [(92.0, 2.0), (90.0, None)]
        owner.execute("UPDATE attempts SET deleted_at = NULL WHERE source_id = 'late'")
        assert await steps(fresh_ask, "cleo") == [(84.0, 5.0), (79.0, -11.0), (90.0, None)]
        owner.execute("DELETE FROM attempts WHERE source_id = 'late'")
        assert await steps(fresh_ask, "cleo") == [(92.0, 2.0), (90.0, None)]


async def test_the_next_success_takes_the_place_of_a_deleted_one(fresh_ask: Asker) -> None:
    # Without ben-2, ben-3 counts for l1, late: 0.3 · 90 + 0.2 · 50 = 37.0; then 0.3 · 80 + 0.2 · 65 = 37.0
    with fresh_ask.database.connect() as owner:
        owner.execute("UPDATE attempts SET deleted_at = now() WHERE source_id = 'ben-2'")
    assert await steps(fresh_ask, "ben") == [(37.0, 0.0), (37.0, 0.0), (37.0, None)]


@pytest.mark.parametrize("field", ["CREATED_AT", "PERFORMANCE_SCORE", "SCORE_CHANGE"])
@pytest.mark.parametrize("direction", ["ASC", "DESC"])
async def test_pages_in_any_order_join_to_the_whole_list(ask_anything: Asker, field: str, direction: str) -> None:
    done = Done(0, 0, True, False, None, None, None)
    history = [
        Done(lab, 60 * (lab // 2), True, False, due, done.skill, done.difficulty)
        for lab, due in enumerate((None, None, 0, -1, 0, 0, -1))
    ]
    with ask_anything.database.connect() as owner:
        person, _ = live(owner, history)
    order = {"field": field, "direction": direction}
    whole = await entries(ask_anything, person, order=order)
    assert len(whole) == 7

    name = {"CREATED_AT": "createdAt", "PERFORMANCE_SCORE": "performanceScore", "SCORE_CHANGE": "scoreChange"}[field]
    values = [entry[name] for entry in whole]
    known = [value for value in values if value is not None]
    assert known == sorted(known, reverse=direction == "DESC")
    assert values == known + [None] * (len(values) - len(known))

    for size, towards, beyond, edge, more in (
        ("first", 1, "after", "endCursor", "hasNextPage"),
        ("last", -1, "before", "startCursor", "hasPreviousPage"),
    ):
        joined: list[dict[str, Any]] = []
        cursor = None
        while True:
            answer = await ask_anything(ENTRIES, {"person": person, "order": order, size: 2, beyond: cursor}, **MANAGER)
            page = answer.data["user"]["performanceLogs"]  # type: ignore[index]
            joined = joined + page["nodes"] if towards > 0 else page["nodes"] + joined
            cursor = page["pageInfo"][edge]
            if not page["pageInfo"][more]:
                break
        assert joined == whole


async def test_everybodys_newest_entries_are_one_statement(ask: Asker) -> None:
    document = """{ users { nodes { externalId performanceLogs(first: 1) {
      totalCount { value } pageInfo { hasNextPage } nodes { performanceScore lab { type } attempt { id } user { id } } } } } }"""
    answer = await ask(document, **MANAGER)
    found = {
        node["externalId"]: (
            [(log["performanceScore"], log["lab"]["type"]) for log in node["performanceLogs"]["nodes"]],
            node["performanceLogs"]["totalCount"]["value"],
            node["performanceLogs"]["pageInfo"]["hasNextPage"],
        )
        for node in answer.data["users"]["nodes"]
        if node["performanceLogs"]["nodes"]
    }
    assert found == {
        "ben": ([(62.0, "l4")], "3", True),
        "cleo": ([(92.0, "l3")], "2", True),
        "dan": ([(28.0, "l1")], "1", False),
    }
    # people, their entries, how many, the labs, the attempts, the people of the entries
    assert len(answer.statements) == 6
    assert sum("LATERAL" in statement for statement in answer.statements) == 1


ALL = """query ($filter: PerformanceLogFilter, $first: Int, $after: String, $last: Int, $before: String) {
  performanceLogs(filter: $filter, first: $first, after: $after, last: $last, before: $before) {
    totalCount { value } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    nodes { createdAt performanceScore scoreChange user { externalId } } } }"""
# Newest first.
EVERYBODYS = [
    ("dan", 28.0, None),
    ("cleo", 92.0, 2.0),
    ("ben", 62.0, 0.0),
    ("ben", 62.0, -25.0),
    ("cleo", 90.0, None),
    ("ben", 87.0, None),
    # l1 without deadline, skill 0.9, difficulty 5: (27 + 10) / 0.5
    ("fay", 74.0, None),
]


def told(answer: Any) -> list[tuple[str, float | None, float | None]]:
    assert answer.errors == []
    return [
        (node["user"]["externalId"], node["performanceScore"], node["scoreChange"])
        for node in answer.data["performanceLogs"]["nodes"]
    ]


async def test_everybodys_entries(ask: Asker) -> None:
    answer = await ask(ALL, **MANAGER)
    assert told(answer) == EVERYBODYS
    assert answer.data["performanceLogs"]["totalCount"]["value"] == "7"
    of_two = {"userIds": [ask.id("User", "dan"), ask.id("User", "fay")]}
    assert told(await ask(ALL, {"filter": of_two}, **MANAGER)) == [EVERYBODYS[0], EVERYBODYS[6]]
    of_a_group = {"groupIds": [ask.id("Group", "alg-1")]}
    assert told(await ask(ALL, {"filter": of_a_group}, **MANAGER)) == EVERYBODYS[1:]
    in_time = {"createdAt": {"gte": "2026-03-03T09:00:00Z", "lt": "2026-03-12T23:30:00Z"}}
    assert told(await ask(ALL, {"filter": in_time}, **MANAGER)) == EVERYBODYS[3:6]
    assert told(await ask(ALL, {"filter": {"userIds": []}}, **MANAGER)) == []


async def test_everybodys_entries_page_by_page(ask: Asker) -> None:
    forward: list[Any] = []
    after = None
    while True:
        answer = await ask(ALL, {"first": 2, "after": after}, **MANAGER)
        forward += told(answer)
        after = answer.data["performanceLogs"]["pageInfo"]["endCursor"]
        if not answer.data["performanceLogs"]["pageInfo"]["hasNextPage"]:
            break
    assert forward == EVERYBODYS
    backward: list[Any] = []
    before = None
    while True:
        answer = await ask(ALL, {"last": 3, "before": before}, **MANAGER)
        backward = told(answer) + backward
        before = answer.data["performanceLogs"]["pageInfo"]["startCursor"]
        if not answer.data["performanceLogs"]["pageInfo"]["hasPreviousPage"]:
            break
    assert backward == EVERYBODYS


@pytest.mark.parametrize(
    ("person", "role", "code"),
    [
        ("ben", "STUDENT", "FORBIDDEN"),
        ("ada", "TEACHER", "FORBIDDEN"),
        ("root", "SERVICE", "FORBIDDEN"),
        (None, "STUDENT", "UNAUTHENTICATED"),
    ],
)
async def test_everybodys_entries_are_guarded(ask: Asker, person: str | None, role: str, code: str) -> None:
    answer = await ask(ALL, person=person, role=role)
    assert answer.data == {"performanceLogs": None}
    assert answer.codes == [code]


@pytest.mark.parametrize(
    ("variables", "code"),
    [
        ({"filter": {"userIds": ["nonsense"]}}, "VALIDATION"),
        ({"filter": {"userIds": [global_id("Lab", 1)]}}, "NOT_FOUND"),
        ({"filter": {"userIds": [global_id("User", 1)] * 201}}, "VALIDATION"),
        ({"after": "WyJwZXJmb3JtYW5jZV9sb2dzOlNDT1JFX0NIQU5HRTpERVNDIiwiMSIsMV0"}, "VALIDATION"),
        ({"first": 201}, "VALIDATION"),
    ],
)
async def test_questions_that_cannot_be(ask: Asker, variables: dict[str, Any], code: str) -> None:
    answer = await ask(ALL, variables, **MANAGER)
    assert answer.data == {"performanceLogs": None}
    assert answer.codes == [code]


NODE = (
    "query ($id: ID!) { node(id: $id) { ... on PerformanceLog { performanceScore scoreChange user { externalId } } } }"
)


async def test_an_entry_is_found_by_its_id(ask: Asker) -> None:
    second = (await entries(ask, "ben"))[1]["id"]
    for role, person in (("STUDENT", "ben"), ("TEACHER", "ada"), ("MANAGER", "mia")):
        answer = await ask(NODE, {"id": second}, person=person, role=role)
        assert answer.data["node"] == {
            "performanceScore": 62.0,
            "scoreChange": -25.0,
            "user": {"externalId": "ben"},
        }
    for person in ("cleo", "dan"):
        answer = await ask(NODE, {"id": second}, person=person, role="STUDENT")
        assert answer.codes == ["NOT_FOUND"]


async def test_attempts_that_do_not_count_have_no_entry(ask: Asker) -> None:
    with ask.database.connect(None) as admin:
        rows = admin.execute(
            """SELECT id FROM attempts WHERE source_id IN ('ben-1', 'ben-3', 'cleo-4', 'south-1') UNION SELECT 987654321"""
        ).fetchall()
    for (key,) in rows:
        answer = await ask(NODE, {"id": global_id("PerformanceLog", int(str(key)))}, **MANAGER)
        assert answer.codes == ["NOT_FOUND"]
        assert answer.errors[0]["message"] == "There is no such object."


def expected(lived: list[tuple[int, Done]]) -> list[tuple[str, int, float | None, float | None]]:
    """Newest first: id, tasks, score and change of each entry."""
    tasks = tasks_of(lived)
    found: list[tuple[str, int, float | None, float | None]] = []
    before: Fraction | None = None
    for number, (id, _) in enumerate(tasks, 1):
        score = score_of(tasks[:number])
        found.append((global_id("PerformanceLog", id), number, shown(score), shown(difference(score, before))))
        before = score
    return found[::-1]


@settings(max_examples=40, deadline=None)
@given(history=HISTORIES, late=st.lists(HISTORIES.filter(bool).map(lambda history: history[0]), max_size=3))
async def test_random_histories_with_late_arrivals(ask_anything: Asker, history: list[Done], late: list[Done]) -> None:
    with ask_anything.database.connect() as owner:
        person, lived = live(owner, history)
        for arrival in [None, *late]:
            if arrival is not None:
                lived.append((record(owner, person, arrival), arrival))
            found = [
                (entry["id"], entry["tasksCompleted"], entry["performanceScore"], entry["scoreChange"])
                for entry in await entries(ask_anything, person)
            ]
            assert found == expected(lived)
