"""Topics, their statistics as each role sees them, and what people did in each."""

from typing import Any

import pytest

from schema.relay import global_id
from tests.asking import Asker

MANAGER = {"person": "mia", "role": "MANAGER"}
STATS = """query ($id: ID!, $period: PeriodInput) { topic(id: $id) { title stats(period: $period) {
  totalAttempts totalUsers successRate userSuccessRate avgCompletionTimeSeconds medianCompletionTimeSeconds
  commonErrors { code attempts share } freshness { source } } } }"""


@pytest.mark.parametrize(
    ("person", "role", "topic", "expected"),
    [
        # algebra: the six of l1, and ben 1800 and cleo 400 (abandoned) at l2
        ("mia", "MANAGER", "algebra", ("8", "4", 0.75, 1.0, 987.5, 800.0, "MATERIALIZED")),
        ("ada", "TEACHER", "algebra", ("7", "3", pytest.approx(5 / 7), 1.0, pytest.approx(5900 / 7), 700.0, "LIVE")),
        ("cleo", "STUDENT", "algebra", ("2", "1", 0.5, 1.0, 650.0, 650.0, "LIVE")),
        # sets: ben 1800, cleo 400 (abandoned) and 3600, dan 2500 (failed)
        ("mia", "MANAGER", "sets", ("4", "3", 0.5, pytest.approx(2 / 3), 2075.0, 2150.0, "MATERIALIZED")),
        ("tom", "TEACHER", "sets", ("1", "1", 0.0, 0.0, 2500.0, 2500.0, "LIVE")),
        ("gus", "STUDENT", "sets", ("0", "0", None, None, None, None, "LIVE")),
    ],
)
async def test_statistics_are_over_the_attempts_that_one_may_see(
    ask: Asker, person: str, role: str, topic: str, expected: tuple[Any, ...]
) -> None:
    answer = await ask(STATS, {"id": ask.id("Topic", topic)}, person=person, role=role)
    assert answer.errors == []
    stats = answer.data["topic"]["stats"]
    del stats["commonErrors"]
    assert (*(value for name, value in stats.items() if name != "freshness"), stats["freshness"]["source"]) == expected


@pytest.mark.parametrize(
    ("topic", "expected"),
    [
        ("algebra", [("E_SYNTAX", "2", 0.25), ("E_TIMEOUT", "2", 0.25)]),
        ("sets", [("E_SYNTAX", "2", 0.5), ("E_TIMEOUT", "1", 0.25)]),
    ],
)
async def test_common_errors(ask: Asker, topic: str, expected: list[tuple[str, str, float]]) -> None:
    stats = (await ask(STATS, {"id": ask.id("Topic", topic)}, **MANAGER)).data["topic"]["stats"]
    assert [tuple(error.values()) for error in stats["commonErrors"]] == expected


async def test_statistics_of_a_period(ask: Asker) -> None:
    """5 to 10 March in Madrid: ben-3 (l1), ben-4 (l2, half an hour before midnight), cleo-2 (l2, abandoned)."""
    period = {"dates": {"from": "2026-03-05", "to": "2026-03-11"}}
    for who in (MANAGER, {"person": "ada", "role": "TEACHER"}):
        answer = await ask(STATS, {"id": ask.id("Topic", "algebra"), "period": period}, **who)
        assert answer.data["topic"]["stats"] == {
            "totalAttempts": "3",
            "totalUsers": "2",
            "successRate": pytest.approx(2 / 3),
            "userSuccessRate": 0.5,
            "avgCompletionTimeSeconds": pytest.approx(2500 / 3),
            "medianCompletionTimeSeconds": 400.0,
            "commonErrors": [
                {"code": "E_SYNTAX", "attempts": "1", "share": pytest.approx(1 / 3)},
                {"code": "E_TIMEOUT", "attempts": "1", "share": pytest.approx(1 / 3)},
            ],
            "freshness": {"source": "LIVE"},
        }


@pytest.mark.parametrize("kind", ["foreign", "unknown", "another type"])
async def test_a_foreign_topic_and_an_unknown_one_answer_alike(ask: Asker, kind: str) -> None:
    key = {
        "foreign": ask.id("Topic", "sets", "south"),
        "unknown": global_id("Topic", 999_999),
        "another type": ask.id("Lab", "l1"),
    }[kind]
    answer = await ask("query ($id: ID!) { topic(id: $id) { title } }", {"id": key}, **MANAGER)
    assert (answer.data, answer.codes) == ({"topic": None}, ["NOT_FOUND"])
    assert answer.errors[0]["message"] == "There is no such topic."


async def test_topics_and_their_labs(ask: Asker) -> None:
    document = """{ topics { totalCount { value } nodes { externalId title
      labs(first: 1) { nodes { type } totalCount { value } pageInfo { hasNextPage endCursor } }
      last: labs(last: 1) { nodes { type } pageInfo { hasPreviousPage } } } } }"""
    answer = await ask(document, person="gus", role="STUDENT")
    assert answer.errors == []
    assert answer.data["topics"]["totalCount"]["value"] == "2"
    algebra, sets = answer.data["topics"]["nodes"]
    assert (algebra["externalId"], algebra["title"], sets["title"]) == ("algebra", "Algebra", "Sets")
    assert [algebra["labs"]["nodes"], sets["labs"]["nodes"]] == [[{"type": "l1"}], [{"type": "l2"}]]
    assert [algebra["last"]["nodes"], sets["last"]["nodes"]] == [[{"type": "l2"}], [{"type": "l3"}]]
    assert sets["labs"]["totalCount"]["value"] == "2"
    assert sets["labs"]["pageInfo"]["hasNextPage"]
    assert sets["last"]["pageInfo"]["hasPreviousPage"]
    # A page of each topic's labs and one from the other end, their counts, the topics and how many.
    assert len(answer.statements) == 5
    next_page = await ask(
        "query ($id: ID!, $after: String) { topic(id: $id) { labs(after: $after) { nodes { type } pageInfo { hasNextPage } } } }",
        {"id": ask.id("Topic", "sets"), "after": sets["labs"]["pageInfo"]["endCursor"]},
    )
    assert next_page.data["topic"]["labs"] == {"nodes": [{"type": "l3"}], "pageInfo": {"hasNextPage": False}}


async def test_pages_of_topics(ask: Asker) -> None:
    first = (await ask("{ topics(first: 1) { nodes { title } pageInfo { endCursor hasNextPage } } }")).data["topics"]
    assert (first["nodes"], first["pageInfo"]["hasNextPage"]) == ([{"title": "Algebra"}], True)
    document = "query ($after: String) { topics(after: $after) { nodes { title } pageInfo { hasNextPage } } }"
    rest = (await ask(document, {"after": first["pageInfo"]["endCursor"]})).data["topics"]
    assert rest == {"nodes": [{"title": "Sets"}], "pageInfo": {"hasNextPage": False}}


USER_TOPICS = """query ($by: UserRef!, $topics: [ID!], $period: PeriodInput) { user(by: $by) {
  topicStats(topicIds: $topics, period: $period) { topic { title } score mastery measures { attempts successRate } } } }"""


@pytest.mark.parametrize(
    ("person", "expected"),
    [
        # algebra: l1 on time, l2 late: 100 · (0.5 · 1/2 + 0.3 · 0.8 + 0.2 · 0.65); sets: l2 late: 100 · (0.3 · 0.7 + 0.2 · 0.8)
        ("ben", [("Algebra", 62.0, 1.0, "4", 0.75), ("Sets", 37.0, 0.5, "1", 1.0)]),
        # algebra: l1 on time; sets: l3 on time
        ("cleo", [("Algebra", 90.0, 0.5, "2", 0.5), ("Sets", 94.0, 0.5, "2", 0.5)]),
        # algebra: l1 late; sets: l3 failed
        ("dan", [("Algebra", 28.0, 0.5, "1", 1.0), ("Sets", None, 0.0, "1", 0.0)]),
        ("gus", []),
    ],
)
async def test_what_a_person_did_in_each_topic(ask: Asker, person: str, expected: list[tuple[Any, ...]]) -> None:
    answer = await ask(USER_TOPICS, {"by": {"username": person}}, **MANAGER)
    assert answer.errors == []
    assert [
        (
            row["topic"]["title"],
            row["score"],
            row["mastery"],
            row["measures"]["attempts"],
            row["measures"]["successRate"],
        )
        for row in answer.data["user"]["topicStats"]
    ] == expected


async def test_topics_that_are_named_have_a_row_each(ask: Asker) -> None:
    ids = [ask.id("Topic", "sets"), ask.id("Topic", "algebra"), ask.id("Topic", "sets", "south")]
    answer = await ask(USER_TOPICS, {"by": {"username": "gus"}, "topics": ids}, person="gus", role="STUDENT")
    nothing = {"score": None, "mastery": 0.0, "measures": {"attempts": "0", "successRate": None}}
    assert answer.data["user"]["topicStats"] == [
        {"topic": {"title": "Algebra"}, **nothing},
        {"topic": {"title": "Sets"}, **nothing},
    ]


async def test_the_tasks_of_a_period_are_those_completed_in_it(ask: Asker) -> None:
    """ben had completed l1 before; l2 fell into it, late."""
    period = {"dates": {"from": "2026-03-05", "to": "2026-03-11"}}
    answer = await ask(USER_TOPICS, {"by": {"username": "ben"}, "period": period})
    algebra = answer.data["user"]["topicStats"][0]
    assert (algebra["score"], algebra["mastery"], algebra["measures"]["attempts"]) == (37.0, 0.5, "2")


async def test_archived_labs_are_no_part_of_mastery(fresh_ask: Asker) -> None:
    with fresh_ask.database.connect() as owner:
        owner.execute("UPDATE labs SET archived_at = now() WHERE type IN ('l2', 'l3')")
    answer = await fresh_ask(USER_TOPICS, {"by": {"username": "ben"}})
    assert [(row["topic"]["title"], row["mastery"]) for row in answer.data["user"]["topicStats"]] == [
        ("Algebra", 1.0),
        ("Sets", None),
    ]


async def test_an_archived_lab_is_no_part_of_the_mastery_of_a_period(fresh_ask: Asker) -> None:
    """ben completed l2 in it, and l1 before."""
    period = {"dates": {"from": "2026-03-05", "to": "2026-03-11"}}
    with fresh_ask.database.connect() as owner:
        owner.execute("UPDATE labs SET archived_at = now() WHERE type = 'l1'")
    answer = await fresh_ask(USER_TOPICS, {"by": {"username": "ben"}, "period": period})
    assert answer.data["user"]["topicStats"][0]["mastery"] == 1.0
    with fresh_ask.database.connect() as owner:
        owner.execute("UPDATE labs SET archived_at = CASE WHEN type = 'l2' THEN now() END")
    answer = await fresh_ask(USER_TOPICS, {"by": {"username": "ben"}, "period": period})
    assert answer.data["user"]["topicStats"][0]["mastery"] == 0.0


async def test_what_was_done_goes_where_the_lab_goes(fresh_ask: Asker) -> None:
    """Algebra has l1 and l2, Sets has l2 and l3; ben has tried l1 and l2, and a topic without labs is none that he tried."""
    with fresh_ask.database.connect() as owner:
        owner.execute(
            "DELETE FROM lab_topics WHERE (lab_id, topic_id) IN (SELECT l.id, t.id FROM labs l, topics t"
            " WHERE l.type = 'l2' AND t.title = 'Sets')"
        )
    answer = await fresh_ask(USER_TOPICS, {"by": {"username": "ben"}})
    assert [(row["topic"]["title"], row["measures"]["attempts"]) for row in answer.data["user"]["topicStats"]] == [
        ("Algebra", "4")
    ]
    with fresh_ask.database.connect() as owner:
        owner.execute(
            "UPDATE lab_topics SET topic_id = (SELECT o.id FROM topics o WHERE o.organization_id = t.organization_id AND"
            " o.title = 'Sets') FROM topics t WHERE t.id = topic_id AND t.title = 'Algebra'"
        )
    answer = await fresh_ask(USER_TOPICS, {"by": {"username": "ben"}})
    assert [
        (row["topic"]["title"], row["score"], row["measures"]["attempts"]) for row in answer.data["user"]["topicStats"]
    ] == [("Sets", 62.0, "4")]
