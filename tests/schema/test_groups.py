"""Groups: who sees them and their people, and what their attempts come to."""

import base64
from typing import Any

import orjson
import pytest

from schema.relay import global_id
from tests.asking import Answer, Asker

MIA = {"person": "mia", "role": "MANAGER"}
TOM = {"person": "tom", "role": "TEACHER"}
BEN = {"person": "ben", "role": "STUDENT"}

STATS = """
  totalAttempts totalUsers successRate userSuccessRate avgCompletionTimeSeconds medianCompletionTimeSeconds
  measures { avgAccuracy hintsPerAttempt hintUsageRate attemptsWithDeadline attemptsOnTime onTimeRatio avgScore }
  commonErrors(first: 2) { code attempts share }
  freshness { source isStale }
"""


async def group_of(ask: Asker, fields: str, group: str = "alg-1", **who: Any) -> Answer:
    return await ask(f"query ($id: ID!) {{ group(id: $id) {{ {fields} }} }}", {"id": ask.id("Group", group)}, **who)


async def test_a_group_shows_its_people(ask: Asker) -> None:
    answer = await group_of(
        ask,
        """name externalId kind timeZone memberCount leads { externalId } members { nodes { externalId } totalCount { value } }
        memberships { nodes { role validFrom validTo user { externalId } group { name } } totalCount { value } }""",
    )
    assert answer.errors == []
    group = answer.data["group"]
    assert (group["name"], group["externalId"], group["kind"], group["timeZone"]) == (
        "Algebra 1",
        "alg-1",
        "class",
        None,
    )
    # fay is deactivated: out of the roster, while her membership stands.
    assert group["memberCount"] == 2
    assert group["leads"] == [{"externalId": "ada"}]
    assert group["members"] == {"nodes": [{"externalId": "ben"}, {"externalId": "cleo"}], "totalCount": {"value": "2"}}
    held = [(m["user"]["externalId"], m["role"], m["group"]["name"]) for m in group["memberships"]["nodes"]]
    assert sorted(held) == [
        ("ada", "LEAD", "Algebra 1"),
        ("ben", "MEMBER", "Algebra 1"),
        ("cleo", "MEMBER", "Algebra 1"),
        ("fay", "MEMBER", "Algebra 1"),
    ]
    assert {m["validFrom"] for m in group["memberships"]["nodes"]} == {"2026-01-01T00:00:00.000Z"}


@pytest.mark.parametrize(
    ("person", "role", "expected", "own"),
    [
        ("ada", "TEACHER", ["Algebra 1"], ["Algebra 1"]),
        ("tom", "TEACHER", ["Algebra 2"], ["Algebra 2"]),
        ("ben", "STUDENT", ["Algebra 1"], ["Algebra 1"]),
        ("gus", "STUDENT", [], []),
        ("mia", "MANAGER", ["Algebra 1", "Algebra 2"], []),
    ],
)
async def test_each_role_lists_its_groups(
    ask: Asker, person: str, role: str, expected: list[str], own: list[str]
) -> None:
    answer = await ask(
        """{ groups { nodes { name } totalCount { value } } mine: groups(filter: {mine: true}) { nodes { name } }
        viewer { groups { name } } organization { groups { nodes { name } } } }""",
        person=person,
        role=role,
    )
    assert answer.errors == []
    assert [node["name"] for node in answer.data["groups"]["nodes"]] == expected
    assert [node["name"] for node in answer.data["organization"]["groups"]["nodes"]] == expected
    assert answer.data["groups"]["totalCount"]["value"] == str(len(expected))
    assert [node["name"] for node in answer.data["mine"]["nodes"]] == own
    assert [node["name"] for node in answer.data["viewer"]["groups"]] == own


async def test_a_teacher_narrowed_to_other_groups_sees_none(ask: Asker) -> None:
    answer = await ask("{ groups { nodes { name } } viewer { groups { name } } }", group_ids=("alg-2",))
    assert answer.data == {"groups": {"nodes": []}, "viewer": {"groups": []}}


@pytest.mark.parametrize("kind", ["foreign", "unknown", "hidden"])
async def test_a_foreign_group_and_an_unknown_one_answer_alike(ask: Asker, kind: str) -> None:
    key = {
        "foreign": ask.id("Group", "alg-1", "south"),
        "unknown": global_id("Group", 999_999),
        "hidden": ask.id("Group", "alg-2"),
    }[kind]
    answer = await ask("query ($id: ID!) { group(id: $id) { name } node(id: $id) { id } }", {"id": key})
    assert answer.data == {"group": None, "node": None}
    assert [error["message"] for error in answer.errors] == ["There is no such group.", "There is no such object."]
    assert answer.codes == ["NOT_FOUND", "NOT_FOUND"]


async def test_ids_that_are_not_of_groups(ask: Asker) -> None:
    assert (await ask('{ group(id: "nonsense") { name } }')).codes == ["VALIDATION"]
    answer = await ask("query ($id: ID!) { group(id: $id) { name } }", {"id": ask.id("User", "ben")})
    assert answer.codes == ["NOT_FOUND"]
    assert (await ask("{ groups { nodes { name } } }", person=None)).codes == ["UNAUTHENTICATED"]


GUARDED = (
    "memberCount",
    "leads { id }",
    "members { nodes { id } }",
    "memberships { nodes { id } }",
    "stats { totalAttempts }",
    "topicStats { topic { title } }",
    "levelStats { level { title } }",
    "trend { dataPoints }",
    "scoreStatistics { count }",
    "scoreDistribution { totalMembers }",
)


@pytest.mark.parametrize("field", GUARDED)
async def test_a_student_sees_the_name_and_nothing_else(ask: Asker, field: str) -> None:
    answer = await group_of(ask, f"name guarded: {field}", **BEN)
    assert answer.data == {"group": {"name": "Algebra 1", "guarded": None}}
    assert answer.codes == ["FORBIDDEN"]
    assert answer.errors[0]["path"] == ["group", "guarded"]


async def test_a_student_sees_their_own_memberships(ask: Asker) -> None:
    answer = await ask(
        """{ viewer { user { memberships { nodes { role user { externalId } group { name } } totalCount { value } } } } }""",
        **BEN,
    )
    assert answer.errors == []
    assert answer.data["viewer"]["user"]["memberships"] == {
        "nodes": [{"role": "MEMBER", "user": {"externalId": "ben"}, "group": {"name": "Algebra 1"}}],
        "totalCount": {"value": "1"},
    }


@pytest.mark.parametrize("instant", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
@pytest.mark.parametrize("argument", ["after", "before"])
async def test_a_cursor_at_no_instant_is_refused(ask: Asker, instant: str, argument: str) -> None:
    cursor = base64.urlsafe_b64encode(orjson.dumps(["memberships:START", instant, 1])).decode()
    answer = await ask(f'{{ viewer {{ user {{ memberships({argument}: "{cursor}") {{ nodes {{ id }} }} }} }} }}', **BEN)
    assert answer.codes == ["VALIDATION"]


async def test_a_membership_is_a_node(ask: Asker) -> None:
    found = await group_of(ask, "memberships(first: 1) { nodes { id } }")
    key = found.data["group"]["memberships"]["nodes"][0]["id"]
    document = "query ($id: ID!) { node(id: $id) { id ... on GroupMembership { role } } }"
    answer = await ask(document, {"id": key})
    assert answer.data["node"]["id"] == key
    assert (await ask(document, {"id": key}, **TOM)).codes == ["NOT_FOUND"]


async def test_statistics_of_the_present_members(ask: Asker) -> None:
    answer = await group_of(ask, f"stats {{ attribution period {{ days }} {STATS} }}")
    assert answer.errors == []
    stats = answer.data["group"]["stats"]
    assert (stats["attribution"], stats["period"]) == ("CURRENT", None)
    # ben: 5 attempts, 4 successes; cleo: 3 finished, 2 successes.
    assert (stats["totalAttempts"], stats["totalUsers"]) == ("8", "2")
    assert (stats["successRate"], stats["userSuccessRate"]) == (0.75, 1.0)
    seconds = [600, 1200, 300, 1800, 900, 400, 3600]
    assert stats["avgCompletionTimeSeconds"] == pytest.approx(sum(seconds) / 7)
    assert stats["medianCompletionTimeSeconds"] == sorted(seconds)[3]
    measures = stats["measures"]
    assert measures["avgAccuracy"] == pytest.approx((0.40 + 0.85 + 0.95 + 0.70 + 0.90 + 1.00) / 6)
    assert measures["hintsPerAttempt"] == pytest.approx((2 + 1 + 0 + 0 + 3 + 0) / 6)
    assert measures["hintUsageRate"] == pytest.approx(3 / 6)
    # ben-5 had no deadline; ben-3 and ben-4 were late.
    assert (measures["attemptsWithDeadline"], measures["attemptsOnTime"]) == ("7", "5")
    assert measures["onTimeRatio"] == pytest.approx(5 / 7)
    assert measures["avgScore"] == pytest.approx((30 + 80 + 95 + 70 + 90 + 100) / 6)
    # In ben-1 twice, which counts once.
    assert stats["commonErrors"] == [
        {"code": "E_SYNTAX", "attempts": "2", "share": 0.25},
        {"code": "E_TIMEOUT", "attempts": "2", "share": 0.25},
    ]
    assert stats["freshness"] == {"source": "LIVE", "isStale": False}


async def test_statistics_of_whoever_was_there_keep_the_deactivated(ask: Asker) -> None:
    answer = await group_of(ask, f"stats(attribution: AT_ATTEMPT) {{ attribution {STATS} }}", **MIA)
    stats = answer.data["group"]["stats"]
    assert (stats["attribution"], stats["totalAttempts"], stats["totalUsers"]) == ("AT_ATTEMPT", "9", "3")
    assert stats["successRate"] == pytest.approx(7 / 9)
    assert stats["medianCompletionTimeSeconds"] == (700 + 900) / 2


@pytest.mark.parametrize("attribution", ["CURRENT", "AT_ATTEMPT"])
async def test_statistics_of_a_period(ask: Asker, attribution: str) -> None:
    answer = await group_of(
        ask,
        f"""stats(period: {{dates: {{from: "2026-03-04", to: "2026-03-11"}}}}, attribution: {attribution}) {{
        attribution period {{ from to timeZone }} {STATS} }}""",
    )
    assert answer.errors == []
    stats = answer.data["group"]["stats"]
    # cleo-1, cleo-2, ben-3, and ben-4 at 23:30 in Madrid on the 10th.
    assert (stats["totalAttempts"], stats["totalUsers"], stats["successRate"]) == ("4", "2", 0.75)
    assert stats["medianCompletionTimeSeconds"] == (400 + 900) / 2
    assert stats["commonErrors"][0] == {"code": "E_SYNTAX", "attempts": "1", "share": 0.25}
    assert stats["attribution"] == attribution
    assert stats["period"] == {
        "from": "2026-03-03T23:00:00.000Z",
        "to": "2026-03-10T23:00:00.000Z",
        "timeZone": "Europe/Madrid",
    }


async def test_a_member_who_moved_takes_or_leaves_their_attempts(fresh_ask: Asker) -> None:
    with fresh_ask.database.connect(None) as connection:
        connection.execute(
            """UPDATE group_memberships SET valid_to = '2026-03-09 12:00Z'
            WHERE user_id = %s""",
            (fresh_ask.key("users", "ben"),),
        )
        connection.execute(
            """INSERT INTO group_memberships (organization_id, group_id, user_id, valid_from)
            SELECT organization_id, id, %s, '2026-03-09 12:00Z' FROM groups WHERE id = %s""",
            (fresh_ask.key("users", "ben"), fresh_ask.key("groups", "alg-2")),
        )
    fields = "now: stats { totalAttempts } then: stats(attribution: AT_ATTEMPT) { totalAttempts }"
    left = (await group_of(fresh_ask, fields, **MIA)).data["group"]
    joined = (await group_of(fresh_ask, fields, "alg-2", **MIA)).data["group"]
    # alg-1: cleo's 3 now; then also ben-1 to ben-3 and fay-1.
    assert (left["now"]["totalAttempts"], left["then"]["totalAttempts"]) == ("3", "7")
    # alg-2: dan's 2 and all of ben's 5 now; then only ben-4 and ben-5 of those.
    assert (joined["now"]["totalAttempts"], joined["then"]["totalAttempts"]) == ("7", "4")
    # ada no longer sees ben's attempts, wherever he was at the time; his membership remains, without his name.
    teacher = await group_of(
        fresh_ask, fields + " memberships(includeEnded: true) { nodes { validTo user { username } } }"
    )
    assert teacher.data["group"]["then"]["totalAttempts"] == "4"
    ended = [node for node in teacher.data["group"]["memberships"]["nodes"] if node["validTo"]]
    assert ended == [{"validTo": "2026-03-09T12:00:00.000Z", "user": None}]
    current = await group_of(fresh_ask, "memberships { totalCount { value } members: nodes { validTo } }")
    assert current.data["group"]["memberships"]["totalCount"]["value"] == "3"
    own = await fresh_ask("{ viewer { user { memberships(includeEnded: true) { nodes { group { name } } } } } }", **BEN)
    groups = [node["group"] for node in own.data["viewer"]["user"]["memberships"]["nodes"]]
    assert groups == [None, {"name": "Algebra 2"}]


async def test_a_person_in_two_groups_counts_once_in_each(fresh_ask: Asker) -> None:
    with fresh_ask.database.connect(None) as connection:
        connection.execute(
            """INSERT INTO group_memberships (organization_id, group_id, user_id, valid_from)
            SELECT organization_id, id, %s, '2026-01-01Z' FROM groups WHERE id = %s""",
            (fresh_ask.key("users", "cleo"), fresh_ask.key("groups", "alg-2")),
        )
    answer = await fresh_ask(
        """{ groups { nodes { name memberCount stats { totalAttempts totalUsers } } }
        organization { stats { totalAttempts totalUsers } } }""",
        **MIA,
    )
    assert answer.errors == []
    assert answer.data["groups"]["nodes"] == [
        {"name": "Algebra 1", "memberCount": 2, "stats": {"totalAttempts": "8", "totalUsers": "2"}},
        {"name": "Algebra 2", "memberCount": 2, "stats": {"totalAttempts": "5", "totalUsers": "2"}},
    ]
    assert answer.data["organization"]["stats"] == {"totalAttempts": "11", "totalUsers": "4"}


async def test_statistics_by_topic_and_level(ask: Asker) -> None:
    answer = await group_of(
        ask,
        """topicStats { topic { title } stats { totalAttempts totalUsers successRate commonErrors { code attempts }
          medianCompletionTimeSeconds } }
        levelStats { level { position } stats { totalAttempts totalUsers successRate } }""",
    )
    assert answer.errors == []
    # algebra: l1 (ben 3, cleo 1) and l2 (ben 1, cleo 1); sets: l2 again and l3 (cleo 1).
    assert answer.data["group"]["topicStats"] == [
        {
            "topic": {"title": "Algebra"},
            "stats": {
                "totalAttempts": "6",
                "totalUsers": "2",
                "successRate": pytest.approx(4 / 6),
                "commonErrors": [{"code": "E_SYNTAX", "attempts": "2"}, {"code": "E_TIMEOUT", "attempts": "2"}],
                "medianCompletionTimeSeconds": (600 + 900) / 2,
            },
        },
        {
            "topic": {"title": "Sets"},
            "stats": {
                "totalAttempts": "3",
                "totalUsers": "2",
                "successRate": pytest.approx(2 / 3),
                "commonErrors": [{"code": "E_SYNTAX", "attempts": "1"}, {"code": "E_TIMEOUT", "attempts": "1"}],
                "medianCompletionTimeSeconds": 1800,
            },
        },
    ]
    assert answer.data["group"]["levelStats"] == [
        {
            "level": {"position": 1},
            "stats": {"totalAttempts": "6", "totalUsers": "2", "successRate": pytest.approx(4 / 6)},
        },
        {"level": {"position": 2}, "stats": {"totalAttempts": "1", "totalUsers": "1", "successRate": 1.0}},
    ]


async def test_topics_asked_for_come_in_their_order_even_without_attempts(ask: Asker) -> None:
    document = """query ($id: ID!, $topics: [ID!]) { group(id: $id) {
      topicStats(topicIds: $topics, period: {dates: {from: "2026-03-14", to: "2026-03-16"}}) {
        topic { externalId } stats { totalAttempts successRate } } } }"""
    topics = [ask.id("Topic", "sets"), ask.id("Topic", "algebra")]
    answer = await ask(document, {"id": ask.id("Group", "alg-1"), "topics": topics})
    assert answer.data["group"]["topicStats"] == [
        {"topic": {"externalId": "sets"}, "stats": {"totalAttempts": "1", "successRate": 1.0}},
        {"topic": {"externalId": "algebra"}, "stats": {"totalAttempts": "0", "successRate": None}},
    ]
    foreign = await ask(document, {"id": ask.id("Group", "alg-1"), "topics": [ask.id("Topic", "sets", "south")]})
    assert foreign.codes == ["NOT_FOUND"]
    assert foreign.data == {"group": {"topicStats": None}}


async def test_a_group_without_people_has_zeros_and_nulls(fresh_ask: Asker) -> None:
    with fresh_ask.database.connect(None) as connection:
        connection.execute(
            "INSERT INTO groups (organization_id, external_id, name) SELECT id, 'empty', 'Empty' FROM organizations WHERE slug = 'north'"
        )
    answer = await group_of(
        fresh_ask,
        f"""memberCount leads {{ id }} members {{ nodes {{ id }} }} stats {{ {STATS} }} topicStats {{ topic {{ id }} }}
        trend(period: {{allTime: true}}, grain: YEAR) {{ points {{ people }} }}
        scoreStatistics {{ count unscored average median stdDeviation range percentile(p: 0.3) }}
        scoreDistribution {{ totalMembers averageScore buckets {{ count }} scores }}""",
        "empty",
        **MIA,
    )
    assert answer.errors == []
    group = answer.data["group"]
    assert (group["memberCount"], group["leads"], group["members"], group["topicStats"]) == (0, [], {"nodes": []}, [])
    assert (group["stats"]["totalAttempts"], group["stats"]["totalUsers"]) == ("0", "0")
    assert group["stats"]["successRate"] is None
    assert group["stats"]["userSuccessRate"] is None
    assert group["stats"]["medianCompletionTimeSeconds"] is None
    assert group["trend"] == {"points": []}
    assert group["scoreStatistics"] == {
        "count": 0, "unscored": 0, "average": None, "median": None, "stdDeviation": None, "range": None, "percentile": None
    }  # fmt: skip
    assert group["scoreDistribution"] == {
        "totalMembers": 0, "averageScore": None, "buckets": [{"count": 0}] * 5, "scores": []
    }  # fmt: skip


EVERYTHING = f"""
  memberCount leads {{ externalId }}
  members(first: 2, orderBy: {{field: SCORE, direction: DESC}}) {{
    nodes {{ externalId performance {{ score }} }} totalCount {{ value }} }}
  memberships(first: 2) {{ nodes {{ user {{ externalId }} group {{ name }} }} totalCount {{ value }} }}
  stats {{ {STATS} }}
  topicStats {{ topic {{ title }} stats {{ totalAttempts }} }} levelStats {{ level {{ title }} stats {{ totalAttempts }} }}
  trend(period: {{dates: {{from: "2026-03-01", to: "2026-04-01"}}}}, grain: WEEK) {{ points {{ people }} }}
  scoreStatistics {{ average percentile(p: 0.3) freshness {{ source }} }} scoreDistribution {{ buckets {{ count }} scores }}
"""


async def test_many_groups_take_as_many_statements_as_one(ask: Asker) -> None:
    # A new connection looks the types of arrays up at their first use.
    await ask(f"{{ groups {{ nodes {{ {EVERYTHING} }} }} }}", **MIA)
    one = await ask(f"{{ groups(first: 1) {{ nodes {{ {EVERYTHING} }} }} }}", **MIA)
    two = await ask(f"{{ groups {{ nodes {{ {EVERYTHING} }} }} }}", **MIA)
    assert one.errors == two.errors == []
    assert len(two.data["groups"]["nodes"]) == 2
    assert len(two.statements) == len(one.statements) == len(set(two.statements))


async def test_members_of_many_groups_page_like_a_list_of_people(ask: Asker) -> None:
    document = """query ($first: Int, $after: String, $last: Int, $before: String, $order: UserOrder) {
      groups(filter: {nameContains: "algebra 1"}) { nodes {
        members(first: $first, after: $after, last: $last, before: $before, orderBy: $order) {
          edges { cursor node { externalId } } pageInfo { hasNextPage hasPreviousPage } } } } }"""

    async def members(**variables: Any) -> dict[str, Any]:
        answer = await ask(document, variables, **MIA)
        assert answer.errors == []
        return answer.data["groups"]["nodes"][0]["members"]

    order = {"field": "SCORE", "direction": "DESC"}
    first = await members(first=1, order=order)
    # cleo 97.6, ben 62.0
    assert [edge["node"]["externalId"] for edge in first["edges"]] == ["cleo"]
    assert first["pageInfo"] == {"hasNextPage": True, "hasPreviousPage": False}
    second = await members(first=1, after=first["edges"][0]["cursor"], order=order)
    assert [edge["node"]["externalId"] for edge in second["edges"]] == ["ben"]
    assert second["pageInfo"] == {"hasNextPage": False, "hasPreviousPage": True}
    back = await members(last=1, before=second["edges"][0]["cursor"], order=order)
    assert [edge["node"]["externalId"] for edge in back["edges"]] == ["cleo"]
    assert (await members(first=0))["edges"] == []
    filtered = await ask(
        '{ groups { nodes { members(filter: {usernameStartsWith: "B", leastScore: 10}) { nodes { externalId } } } } }',
        **MIA,
    )
    assert [group["members"]["nodes"] for group in filtered.data["groups"]["nodes"]] == [[{"externalId": "ben"}], []]


async def test_a_deletion_that_no_worker_has_folded_counts_at_once(fresh_ask: Asker) -> None:
    with fresh_ask.database.connect(None) as connection:
        connection.execute("UPDATE attempts SET deleted_at = now() WHERE source_id IN ('cleo-3', 'ben-4')")
        pending = connection.execute("SELECT count(*) FROM attempt_deltas").fetchone()
    assert pending == (2,)
    answer = await group_of(
        fresh_ask,
        """stats { totalAttempts totalUsers } topicStats { topic { externalId } stats { totalAttempts totalUsers } }
        levelStats { level { position } stats { totalAttempts } }
        trend(period: {dates: {from: "2026-03-01", to: "2026-04-01"}}, attribution: CURRENT) { points { bucket { label } people } }""",
        **MIA,
    )
    group = answer.data["group"]
    assert group["stats"] == {"totalAttempts": "6", "totalUsers": "2"}
    # Of sets only cleo's attempt at l2 is left.
    assert group["topicStats"] == [
        {"topic": {"externalId": "algebra"}, "stats": {"totalAttempts": "5", "totalUsers": "2"}},
        {"topic": {"externalId": "sets"}, "stats": {"totalAttempts": "1", "totalUsers": "1"}},
    ]
    assert group["levelStats"] == [{"level": {"position": 1}, "stats": {"totalAttempts": "5"}}]
    days = [point["bucket"]["label"][-2:] for point in group["trend"]["points"]]
    assert days == ["02", "03", "04", "08", "09", "13"]
    whole = await fresh_ask("{ organization { stats { totalAttempts totalUsers } } }", **MIA)
    assert whole.data["organization"]["stats"] == {"totalAttempts": "9", "totalUsers": "4"}
