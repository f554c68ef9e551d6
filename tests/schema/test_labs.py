"""Labs, their statistics as each role sees them, and what people did at each."""

from typing import Any

import pytest

from schema.relay import global_id
from tests.asking import Asker

STATS = """
  totalAttempts totalUsers successRate userSuccessRate avgCompletionTimeSeconds medianCompletionTimeSeconds
  measures { attempts tasksCompleted avgScore } commonErrors { code attempts share } freshness { source }
  p90: percentile(measure: COMPLETION_TIME_SECONDS, p: 0.9) p40: percentile(measure: COMPLETION_TIME_SECONDS, p: 0.4)
  score: percentile(measure: SCORE, p: 0.5)
"""
LAB_STATS = f"query ($type: String!, $period: PeriodInput) {{ lab(by: {{type: $type}}) {{ stats(period: $period) {{ {STATS} }} }} }}"
MANAGER = {"person": "mia", "role": "MANAGER"}
# 5 to 10 March in Madrid: ben-3 (l1), ben-4 (l2, half an hour before midnight), cleo-2 (l2)
PERIOD = {"dates": {"from": "2026-03-05", "to": "2026-03-11"}}


def summary(stats: dict[str, Any]) -> tuple[Any, ...]:
    return (
        stats["totalAttempts"],
        stats["totalUsers"],
        stats["successRate"],
        stats["userSuccessRate"],
        stats["avgCompletionTimeSeconds"],
        stats["medianCompletionTimeSeconds"],
        stats["freshness"]["source"],
    )


@pytest.mark.parametrize(
    ("person", "role", "expected"),
    [
        # l1: ben 600 (failed), 1200, 300; cleo 900; fay 700; dan 2000
        ("mia", "MANAGER", ("6", "4", pytest.approx(5 / 6), 1.0, 950.0, 800.0, "MATERIALIZED")),
        ("nobody", "SERVICE", ("6", "4", pytest.approx(5 / 6), 1.0, 950.0, 800.0, "MATERIALIZED")),
        ("root", "ADMIN", ("6", "4", pytest.approx(5 / 6), 1.0, 950.0, 800.0, "MATERIALIZED")),
        ("ada", "TEACHER", ("5", "3", 0.8, 1.0, 740.0, 700.0, "LIVE")),
        ("tom", "TEACHER", ("1", "1", 1.0, 1.0, 2000.0, 2000.0, "LIVE")),
        ("ben", "STUDENT", ("3", "1", pytest.approx(2 / 3), 1.0, 700.0, 600.0, "LIVE")),
        ("gus", "STUDENT", ("0", "0", None, None, None, None, "LIVE")),
    ],
)
async def test_statistics_are_over_the_attempts_that_one_may_see(
    ask: Asker, person: str, role: str, expected: tuple[Any, ...]
) -> None:
    answer = await ask(LAB_STATS, {"type": "l1"}, person=person, role=role)
    assert answer.errors == []
    assert summary(answer.data["lab"]["stats"]) == expected


async def test_what_does_not_add_up_of_everybody(ask: Asker) -> None:
    stats = (await ask(LAB_STATS, {"type": "l1"}, **MANAGER)).data["lab"]["stats"]
    # The timeout that ben met twice in one attempt counts once; both errors were met once, so the code decides.
    assert stats["commonErrors"] == [
        {"code": "E_SYNTAX", "attempts": "1", "share": pytest.approx(1 / 6)},
        {"code": "E_TIMEOUT", "attempts": "1", "share": pytest.approx(1 / 6)},
    ]
    # times 300, 600, 700, 900, 1200, 2000; scores 30, 55, 80, 88, 90, 95
    assert (stats["p90"], stats["p40"], stats["score"]) == (1600.0, 700.0, 84.0)
    assert stats["measures"] == {"attempts": "6", "tasksCompleted": "4", "avgScore": 73.0}


async def test_what_does_not_add_up_of_ones_people(ask: Asker) -> None:
    stats = (await ask(LAB_STATS, {"type": "l1"}, person="ada", role="TEACHER")).data["lab"]["stats"]
    assert [(error["code"], error["share"]) for error in stats["commonErrors"]] == [
        ("E_SYNTAX", 0.2),
        ("E_TIMEOUT", 0.2),
    ]
    # times 300, 600, 700, 900, 1200; scores 30, 80, 88, 90, 95
    assert (stats["p90"], stats["p40"], stats["score"]) == (pytest.approx(1080), pytest.approx(660), 88.0)


@pytest.mark.parametrize(
    ("person", "role", "lab", "expected"),
    [
        ("mia", "MANAGER", "l2", ("2", "2", 0.5, 0.5, 1100.0, 1100.0, "LIVE")),
        ("mia", "MANAGER", "l1", ("1", "1", 1.0, 1.0, 300.0, 300.0, "LIVE")),
        ("ada", "TEACHER", "l2", ("2", "2", 0.5, 0.5, 1100.0, 1100.0, "LIVE")),
        ("cleo", "STUDENT", "l2", ("1", "1", 0.0, 0.0, 400.0, 400.0, "LIVE")),
        ("tom", "TEACHER", "l2", ("0", "0", None, None, None, None, "LIVE")),
    ],
)
async def test_statistics_of_a_period(ask: Asker, person: str, role: str, lab: str, expected: tuple[Any, ...]) -> None:
    answer = await ask(LAB_STATS, {"type": lab, "period": PERIOD}, person=person, role=role)
    assert answer.errors == []
    assert summary(answer.data["lab"]["stats"]) == expected


async def test_a_period_that_is_all_time_is_no_period(ask: Asker) -> None:
    plain = await ask(LAB_STATS, {"type": "l1"}, **MANAGER)
    all_time = await ask(LAB_STATS, {"type": "l1", "period": {"allTime": True}}, **MANAGER)
    assert all_time.data == plain.data


async def test_a_lab_whose_attempts_tell_nothing(ask: Asker) -> None:
    """l4: one success without time, score or errors."""
    stats = (await ask(LAB_STATS, {"type": "l4"}, **MANAGER)).data["lab"]["stats"]
    assert stats["successRate"] == 1.0
    assert stats["commonErrors"] == []
    for field in ("avgCompletionTimeSeconds", "medianCompletionTimeSeconds", "p90", "p40", "score"):
        assert stats[field] is None


@pytest.mark.parametrize("p", ["-0.1", "1.01", "1e300"])
async def test_percentiles_that_cannot_be(ask: Asker, p: str) -> None:
    answer = await ask(f'{{ lab(by: {{type: "l1"}}) {{ title stats {{ percentile(measure: SCORE, p: {p}) }} }} }}')
    assert answer.codes == ["VALIDATION"]
    assert answer.errors[0]["extensions"]["argument"] == "p"
    assert answer.data == {"lab": {"title": "Lab 1", "stats": {"percentile": None}}}


@pytest.mark.parametrize(("p", "expected"), [("0", 30.0), ("1", 95.0)])
async def test_percentiles_at_the_ends(ask: Asker, p: str, expected: float) -> None:
    answer = await ask(f'{{ lab(by: {{type: "l1"}}) {{ stats {{ percentile(measure: SCORE, p: {p}) }} }} }}', **MANAGER)
    assert answer.data["lab"]["stats"]["percentile"] == expected


@pytest.mark.parametrize(("first", "codes"), [(0, []), (1, ["E_SYNTAX"]), (21, None), (-1, None)])
async def test_so_many_common_errors(ask: Asker, first: int, codes: list[str] | None) -> None:
    answer = await ask(
        f'{{ lab(by: {{type: "l1"}}) {{ stats {{ commonErrors(first: {first}) {{ code }} }} }} }}', **MANAGER
    )
    if codes is None:
        assert answer.codes == ["VALIDATION"]
    else:
        assert [error["code"] for error in answer.data["lab"]["stats"]["commonErrors"]] == codes


async def test_a_lab_and_what_belongs_to_it(ask: Asker) -> None:
    document = '{ lab(by: {type: "l2"}) { id type title difficulty requiredSkills archivedAt level { title position } topics { title } } }'
    answer = await ask(document, person="gus", role="STUDENT")
    assert answer.data["lab"] == {
        "id": ask.id("Lab", "l2"),
        "type": "l2",
        "title": "Lab 2",
        "difficulty": 8.0,
        "requiredSkills": ["fractions", "sets"],
        "archivedAt": None,
        "level": {"title": "Basics", "position": 1},
        "topics": [{"title": "Algebra"}, {"title": "Sets"}],
    }
    answer = await ask('{ lab(by: {type: "l4"}) { difficulty level { title } topics { title } } }')
    assert answer.data["lab"] == {"difficulty": None, "level": None, "topics": []}


@pytest.mark.parametrize("kind", ["foreign", "unknown", "another type"])
async def test_a_foreign_lab_and_an_unknown_one_answer_alike(ask: Asker, kind: str) -> None:
    key = {
        "foreign": ask.id("Lab", "l1", "south"),
        "unknown": global_id("Lab", 999_999),
        "another type": ask.id("Topic", "algebra"),
    }[kind]
    answer = await ask("query ($id: ID!) { lab(by: {id: $id}) { title } }", {"id": key}, **MANAGER)
    assert (answer.data, answer.codes) == ({"lab": None}, ["NOT_FOUND"])
    assert answer.errors[0]["message"] == "There is no such lab."


async def test_labs_by_id_and_by_type(ask: Asker) -> None:
    by_id = await ask("query ($id: ID!) { node(id: $id) { ... on Lab { type } } }", {"id": ask.id("Lab", "l3")})
    assert by_id.data == {"node": {"type": "l3"}}
    assert (await ask('{ lab(by: {type: "L1"}) { id } }')).codes == ["NOT_FOUND"]
    assert (await ask('{ lab(by: {id: "§"}) { id } }')).codes == ["VALIDATION"]
    assert (await ask('{ lab(by: {type: "a\\u0000"}) { id } }')).codes == ["VALIDATION"]
    assert (await ask("{ labs { nodes { id } } }", person=None)).codes == ["UNAUTHENTICATED"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("", ["l1", "l2", "l3", "l4"]),
        ("orderBy: {field: TITLE, direction: DESC}", ["l4", "l3", "l2", "l1"]),
        ("orderBy: {field: DIFFICULTY, direction: DESC}", ["l3", "l2", "l1", "l4"]),
        ("orderBy: {field: LEVEL}", ["l1", "l2", "l3", "l4"]),
        ("orderBy: {field: LEVEL, direction: DESC}", ["l3", "l2", "l1", "l4"]),
        ('filter: {titleContains: "B 3"}', ["l3"]),
        ('filter: {titleContains: "%"}', []),
        ("filter: {topicIds: [$algebra]}", ["l1", "l2"]),
        ("filter: {topicIds: [$algebra, $sets]}", ["l1", "l2", "l3"]),
        ("filter: {topicIds: [$sets], levelIds: [$basics]}", ["l2"]),
        ("filter: {topicIds: []}", []),
    ],
)
async def test_labs_chosen_and_sorted(ask: Asker, arguments: str, expected: list[str]) -> None:
    for name, kind, external_id in (
        ("algebra", "Topic", "algebra"),
        ("sets", "Topic", "sets"),
        ("basics", "Level", "1"),
    ):
        arguments = arguments.replace(f"${name}", f'"{ask.id(kind, external_id)}"')
    answer = await ask(
        f"{{ labs{f'({arguments})' if arguments else ''} {{ nodes {{ type }} totalCount {{ value }} }} }}"
    )
    assert answer.errors == []
    assert [node["type"] for node in answer.data["labs"]["nodes"]] == expected
    assert answer.data["labs"]["totalCount"]["value"] == str(len(expected))


@pytest.mark.parametrize("field", ["TITLE", "DIFFICULTY", "LEVEL"])
@pytest.mark.parametrize("direction", ["ASC", "DESC"])
async def test_pages_in_any_order_join_to_the_whole_list(ask: Asker, field: str, direction: str) -> None:
    document = """query ($order: LabOrder, $first: Int, $after: String, $last: Int, $before: String) {
      labs(orderBy: $order, first: $first, after: $after, last: $last, before: $before) {
        nodes { type } pageInfo { startCursor endCursor hasNextPage hasPreviousPage } } }"""
    order = {"field": field, "direction": direction}
    whole = [n["type"] for n in (await ask(document, {"order": order})).data["labs"]["nodes"]]
    found: dict[str, list[str]] = {"forward": [], "backward": []}
    variables: dict[str, Any] = {"first": 1}
    while True:
        page = (await ask(document, {"order": order, **variables})).data["labs"]
        found["forward"] += [n["type"] for n in page["nodes"]]
        if not page["pageInfo"]["hasNextPage"]:
            break
        variables["after"] = page["pageInfo"]["endCursor"]
    variables = {"last": 1}
    while True:
        page = (await ask(document, {"order": order, **variables})).data["labs"]
        found["backward"] = [n["type"] for n in page["nodes"]] + found["backward"]
        if not page["pageInfo"]["hasPreviousPage"]:
            break
        variables["before"] = page["pageInfo"]["startCursor"]
    assert found == {"forward": whole, "backward": whole}


async def test_archived_labs_show_only_when_asked_for(fresh_ask: Asker) -> None:
    with fresh_ask.database.connect() as owner:
        owner.execute("UPDATE labs SET archived_at = '2026-04-01 00:00Z' WHERE type = 'l2'")
    document = """{ labs { nodes { type } } all: labs(filter: {includeArchived: true}) { nodes { type archivedAt } }
      topics { nodes { labs { nodes { type } totalCount { value } } all: labs(includeArchived: true) { nodes { type } } } } }"""
    answer = await fresh_ask(document)
    assert [n["type"] for n in answer.data["labs"]["nodes"]] == ["l1", "l3", "l4"]
    assert [n["archivedAt"] for n in answer.data["all"]["nodes"]] == [None, "2026-04-01T00:00:00.000Z", None, None]
    algebra, sets = answer.data["topics"]["nodes"]
    assert [n["type"] for n in algebra["labs"]["nodes"]] == ["l1"]
    assert algebra["labs"]["totalCount"]["value"] == "1"
    assert [n["type"] for n in sets["all"]["nodes"]] == ["l2", "l3"]


@pytest.mark.parametrize(("person", "role"), [("mia", "MANAGER"), ("ada", "TEACHER")])
@pytest.mark.parametrize("period", [None, PERIOD])
async def test_statements_do_not_grow_with_labs(
    ask: Asker, person: str, role: str, period: dict[str, Any] | None
) -> None:
    document = f"""query ($first: Int, $period: PeriodInput) {{ labs(first: $first) {{ nodes {{
      level {{ title stats(period: $period) {{ {STATS} }} }} topics {{ title stats(period: $period) {{ {STATS} }} }}
      stats(period: $period) {{ {STATS} }} }} }} }}"""
    one = await ask(document, {"first": 1, "period": period}, person=person, role=role)
    four = await ask(document, {"first": 4, "period": period}, person=person, role=role)
    assert one.errors == four.errors == []
    assert len(four.data["labs"]["nodes"]) == 4
    assert sorted(four.statements) == sorted(one.statements)


def by_lab(answer: Any) -> dict[str, dict[str, Any]]:
    return {row["lab"]["type"]: row for row in answer.data["user"]["labStats"]}


USER_LABS = """query ($by: UserRef!, $labs: [ID!], $period: PeriodInput) { user(by: $by) {
  labStats(labIds: $labs, period: $period) { lab { type } attempts successRate avgCompletionTimeSeconds
    totalTimeSpentSeconds lastAttemptAt bestScore completed } } }"""


async def test_what_a_person_did_at_each_lab(ask: Asker) -> None:
    answer = await ask(USER_LABS, {"by": {"username": "ben"}})
    assert answer.errors == []
    assert answer.data["user"]["labStats"] == [
        {
            "lab": {"type": "l1"},
            "attempts": 3,
            "successRate": pytest.approx(2 / 3),
            "avgCompletionTimeSeconds": 700.0,
            "totalTimeSpentSeconds": 2100.0,
            "lastAttemptAt": "2026-03-09T09:00:00.000Z",
            "bestScore": 95.0,
            "completed": True,
        },
        {
            "lab": {"type": "l2"},
            "attempts": 1,
            "successRate": 1.0,
            "avgCompletionTimeSeconds": 1800.0,
            "totalTimeSpentSeconds": 1800.0,
            "lastAttemptAt": "2026-03-10T22:30:00.000Z",
            "bestScore": 70.0,
            "completed": True,
        },
        {
            "lab": {"type": "l4"},
            "attempts": 1,
            "successRate": 1.0,
            "avgCompletionTimeSeconds": None,
            "totalTimeSpentSeconds": 0.0,
            "lastAttemptAt": "2026-03-12T23:30:00.000Z",
            "bestScore": None,
            "completed": True,
        },
    ]


async def test_labs_that_are_named_have_a_row_each(ask: Asker) -> None:
    ids = [
        ask.id("Lab", "l3"),
        ask.id("Lab", "l1"),
        ask.id("Lab", "l1"),
        ask.id("Lab", "l1", "south"),
        global_id("Lab", 99_999),
    ]
    answer = await ask(USER_LABS, {"by": {"username": "cleo"}, "labs": ids})
    assert [row["lab"]["type"] for row in answer.data["user"]["labStats"]] == ["l1", "l3"]
    # cleo-4 at l3 is not finished
    assert by_lab(answer)["l3"]["attempts"] == 1
    untouched = by_lab(await ask(USER_LABS, {"by": {"username": "ben"}, "labs": ids[:1]}))["l3"]
    assert untouched == {
        "lab": {"type": "l3"},
        "attempts": 0,
        "successRate": None,
        "avgCompletionTimeSeconds": None,
        "totalTimeSpentSeconds": 0.0,
        "lastAttemptAt": None,
        "bestScore": None,
        "completed": False,
    }


async def test_a_lab_completed_before_the_period_is_not_completed_in_it(ask: Asker) -> None:
    rows = by_lab(await ask(USER_LABS, {"by": {"username": "ben"}, "period": PERIOD}))
    assert {lab: (row["attempts"], row["completed"], row["bestScore"]) for lab, row in rows.items()} == {
        "l1": (1, False, 95.0),
        "l2": (1, True, 70.0),
    }


async def test_too_many_labs_are_refused(ask: Asker) -> None:
    answer = await ask(USER_LABS, {"by": {"username": "ben"}, "labs": [ask.id("Lab", "l1")] * 201})
    assert answer.codes == ["VALIDATION"]
    assert answer.errors[0]["extensions"]["argument"] == "labIds"


@pytest.mark.parametrize("period", [None, PERIOD])
async def test_statements_do_not_grow_with_people(ask: Asker, period: dict[str, Any] | None) -> None:
    document = """query ($first: Int, $period: PeriodInput) {
      users(first: $first, orderBy: {field: SCORE, direction: DESC}) { nodes {
        labStats(period: $period) { lab { title level { title } topics { title } } attempts bestScore lastAttemptAt }
        topicStats(period: $period) { topic { title } score mastery measures { attempts } } } } }"""
    one = await ask(document, {"first": 1, "period": period}, **MANAGER)
    many = await ask(document, {"first": 9, "period": period}, **MANAGER)
    assert one.errors == many.errors == []
    assert len(many.statements) == len(one.statements)
