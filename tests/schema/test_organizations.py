"""An organization as each role sees it: its people, its attempts in all, by topic, by level and over time."""

from typing import Any

import pytest

from schema.relay import global_id
from tests.asking import Answer, Asker

MIA = {"person": "mia", "role": "MANAGER"}
ADA = {"person": "ada", "role": "TEACHER"}
BEN = {"person": "ben", "role": "STUDENT"}
GUS = {"person": "gus", "role": "STUDENT"}

MARCH = '{dates: {from: "2026-03-01", to: "2026-04-01"}}'

STATS = """
  totalAttempts totalUsers userSuccessRate medianCompletionTimeSeconds commonErrors { code attempts share } freshness { source }
  measures { successes attemptsWithDeadline attemptsOnTime totalScore totalCompletionSpeedDays tasksCompleted }
"""

# (deadline − completion) in hours, over all finished attempts that had a deadline
EARLY_HOURS = {
    "ben": [86, 62, -82, -10.5],
    "cleo": [37, 50, 122],
    "dan": [-12.5, 34.5],
}


async def organization(ask: Asker, fields: str, **who: Any) -> dict[str, Any]:
    answer = await ask(f"{{ organization {{ {fields} }} }}", **who)
    assert answer.errors == []
    return answer.data["organization"]


async def test_statistics_of_everybody(ask: Asker) -> None:
    stats = (await organization(ask, f"stats {{ {STATS} }}", **MIA))["stats"]
    # 5 of ben's, 3 of cleo's, 2 of dan's; and fay's one, since what was done stays done.
    assert (stats["totalAttempts"], stats["totalUsers"]) == ("11", "4")
    assert stats["userSuccessRate"] == 1.0
    assert stats["medianCompletionTimeSeconds"] == pytest.approx((900 + 1200) / 2)
    assert stats["commonErrors"] == [
        {"code": "E_SYNTAX", "attempts": "3", "share": pytest.approx(3 / 11)},
        {"code": "E_TIMEOUT", "attempts": "2", "share": pytest.approx(2 / 11)},
    ]
    assert stats["freshness"] == {"source": "LIVE"}
    measures = stats["measures"]
    assert (measures["successes"], measures["attemptsWithDeadline"], measures["attemptsOnTime"]) == ("8", "9", "6")
    assert measures["totalScore"] == 30 + 80 + 95 + 70 + 90 + 100 + 55 + 20 + 88
    assert measures["totalCompletionSpeedDays"] == pytest.approx(sum(map(sum, EARLY_HOURS.values())) / 24)
    # ben l1 l2 l4, cleo l1 l3, dan l1, fay l1
    assert measures["tasksCompleted"] == "7"


@pytest.mark.parametrize(("who", "people", "attempts"), [(ADA, ["ben", "cleo"], 9), (BEN, ["ben"], 5), (GUS, [], 0)])
async def test_others_see_the_numbers_of_their_people(
    ask: Asker, who: dict[str, str], people: list[str], attempts: int
) -> None:
    """ada's people are all present members of her group, fay's attempts with them."""
    stats = (await organization(ask, f"stats {{ {STATS} }}", **who))["stats"]
    assert stats["totalAttempts"] == str(attempts)
    assert stats["totalUsers"] == str(len(people) + (who is ADA))
    early = sum(sum(EARLY_HOURS[person]) for person in people) / 24
    assert stats["measures"]["totalCompletionSpeedDays"] == pytest.approx(early)


@pytest.mark.parametrize("who", [MIA, ADA])
@pytest.mark.parametrize(
    "period",
    [
        '{dates: {from: "2026-03-04", to: "2026-03-11"}}',
        # the same, by instants; and from the middle of a day on
        '{range: {from: "2026-03-03T23:00:00Z", to: "2026-03-10T23:00:00Z"}}',
        '{range: {from: "2026-03-04T09:00:00Z", to: "2026-03-10T22:31:00Z"}}',
    ],
)
async def test_statistics_of_a_period(ask: Asker, who: dict[str, str], period: str) -> None:
    stats = (await organization(ask, f"stats(period: {period}) {{ {STATS} }}", **who))["stats"]
    # cleo-1, cleo-2, ben-3, and ben-4 at 23:30 in Madrid on the 10th
    assert (stats["totalAttempts"], stats["totalUsers"], stats["userSuccessRate"]) == ("4", "2", 1.0)
    assert stats["medianCompletionTimeSeconds"] == (400 + 900) / 2
    assert stats["measures"]["totalScore"] == 95 + 70 + 90
    assert stats["measures"]["totalCompletionSpeedDays"] == pytest.approx((37 + 50 - 82 - 10.5) / 24)
    assert [error["code"] for error in stats["commonErrors"]] == ["E_SYNTAX", "E_TIMEOUT"]


async def test_whole_days_come_from_the_rollups_and_the_rest_from_the_attempts(ask: Asker) -> None:
    async def sources(period: str) -> str:
        answer = await ask(f"{{ organization {{ stats(period: {period}) {{ totalAttempts }} }} }}", **MIA)
        return answer.statements[-1]

    assert "FROM lab_days " in await sources('{dates: {from: "2026-03-04", to: "2026-03-11"}}')
    assert "FROM attempt_measures" in await sources(
        '{range: {from: "2026-03-04T00:00:00Z", to: "2026-03-11T00:00:00Z"}}'
    )


async def test_people_and_groups(ask: Asker) -> None:
    found = await organization(
        ask,
        """name slug timeZone members(first: 2, orderBy: {field: SCORE, direction: DESC}) {
          nodes { externalId } totalCount { value } pageInfo { hasNextPage } }
        groups(filter: {nameContains: "2"}) { nodes { name } }""",
        **MIA,
    )
    assert found["members"] == {
        "nodes": [{"externalId": "cleo"}, {"externalId": "ben"}],
        "totalCount": {"value": "8"},
        "pageInfo": {"hasNextPage": True},
    }
    assert found["groups"] == {"nodes": [{"name": "Algebra 2"}]}
    own = await organization(ask, "members { nodes { externalId } }", **BEN)
    assert own["members"]["nodes"] == [{"externalId": "ben"}]


async def test_statistics_by_topic_and_level(ask: Asker) -> None:
    fields = """topicStats { topic { externalId } stats { totalAttempts totalUsers } }
      levelStats { level { position } stats { totalAttempts totalUsers } }"""

    async def numbers(**who: str) -> list[tuple[Any, str, str]]:
        found = await organization(ask, fields, **who)
        return [
            (*kind.values(), each["stats"]["totalAttempts"], each["stats"]["totalUsers"])
            for name, of in (("topicStats", "topic"), ("levelStats", "level"))
            for each in found[name]
            if (kind := each[of])
        ]

    # l1: ben 3, cleo 1, dan 1, fay 1; l2: ben 1, cleo 1; l3: cleo 1, dan 1
    assert await numbers(**MIA) == [("algebra", "8", "4"), ("sets", "4", "3"), (1, "8", "4"), (2, "2", "2")]
    assert await numbers(**ADA) == [("algebra", "7", "3"), ("sets", "3", "2"), (1, "7", "3"), (2, "1", "1")]
    assert await numbers(**GUS) == []


async def test_topics_asked_for_come_in_their_order(ask: Asker) -> None:
    document = """query ($ids: [ID!]) { organization { topicStats(topicIds: $ids) { topic { externalId } stats { totalAttempts } } } }"""
    ids = [ask.id("Topic", "sets"), ask.id("Topic", "algebra")]
    answer = await ask(document, {"ids": ids}, **GUS)
    assert answer.data["organization"]["topicStats"] == [
        {"topic": {"externalId": "sets"}, "stats": {"totalAttempts": "0"}},
        {"topic": {"externalId": "algebra"}, "stats": {"totalAttempts": "0"}},
    ]
    assert (await ask(document, {"ids": [ask.id("Topic", "sets", "south")]}, **MIA)).codes == ["NOT_FOUND"]
    assert (await ask(document, {"ids": ids * 101}, **MIA)).codes == ["VALIDATION"]


POINTS = "points { bucket { label } people averagePerformanceScore measures { attempts users successes } }"


def told(answer: Answer | dict[str, Any]) -> list[tuple[Any, ...]]:
    return [
        (p["bucket"]["label"], p["measures"] and p["measures"]["attempts"], p["people"])
        for p in answer["trend"]["points"]
    ]


async def test_a_trend_counts_each_bucket_for_itself(ask: Asker) -> None:
    found = await organization(
        ask, f"trend(period: {MARCH}, grain: WEEK) {{ grain attribution dataPoints {POINTS} }}", **MIA
    )
    # Mondays 2, 9, 16 and 23 March; ben-5 is at 00:30 of the 13th in Madrid, dan's attempts on Sunday the 29th.
    assert told(found) == [("2026-W10", "4", 2), ("2026-W11", "4", 2), ("2026-W13", "2", 1)]
    assert (found["trend"]["grain"], found["trend"]["attribution"], found["trend"]["dataPoints"]) == ("WEEK", None, 3)
    first, second, third = found["trend"]["points"]
    # W10: ben's l1 87, cleo's l1 90. W11: ben's l2 late 100·(0.3·0.7 + 0.2·0.8) and his l4 without any, cleo's l3.
    assert first["averagePerformanceScore"] == pytest.approx((87 + 90) / 2)
    assert second["averagePerformanceScore"] == pytest.approx((37 + 100 * (0.5 + 0.3 * 0.8 + 0.2)) / 2)
    assert third["averagePerformanceScore"] == pytest.approx(28)
    assert third["measures"] == {"attempts": "2", "users": "1", "successes": "1"}


async def test_a_trend_by_hours_follows_the_local_clock(ask: Asker) -> None:
    """On 2026-03-29 clocks in Madrid go from 02:00 to 03:00: dan's attempts at 00:30Z and 01:30Z are an hour apart."""
    found = await organization(
        ask, f'trend(period: {{dates: {{from: "2026-03-29", to: "2026-03-30"}}}}, grain: HOUR) {{ {POINTS} }}', **MIA
    )
    assert told(found) == [("2026-03-29T01:00+01:00", "1", 1), ("2026-03-29T03:00+02:00", "1", 1)]


@pytest.mark.parametrize("zone", ["Europe/Madrid", "UTC"])
async def test_days_of_another_zone_are_cut_there(ask: Asker, zone: str) -> None:
    found = await organization(
        ask,
        f"""trend(period: {{dates: {{from: "2026-03-10", to: "2026-03-14"}}}}, calendar: {{timeZone: "{zone}"}}) {{
        {POINTS} }}""",
        **MIA,
    )
    late = "2026-03-13" if zone == "Europe/Madrid" else "2026-03-12"
    assert told(found) == [("2026-03-10", "1", 1), (late, "1", 1)]


@pytest.mark.parametrize(
    ("fill", "gap"),
    [
        ("NONE", []),
        ("NULL", [("2026-03-11", None, None)]),
        ("ZERO", [("2026-03-11", "0", 0)]),
        ("CARRY_FORWARD", [("2026-03-11", "1", 1)]),
    ],
)
async def test_gaps(ask: Asker, fill: str, gap: list[tuple[Any, ...]]) -> None:
    found = await organization(
        ask,
        f'trend(period: {{dates: {{from: "2026-03-10", to: "2026-03-12"}}}}, fill: {fill}) {{ dataPoints {POINTS} }}',
        **MIA,
    )
    assert told(found) == [("2026-03-10", "1", 1), *gap]
    assert found["trend"]["dataPoints"] == 1


@pytest.mark.parametrize("who", [ADA, BEN, GUS])
async def test_a_trend_holds_what_the_viewer_may_see(ask: Asker, who: dict[str, str]) -> None:
    found = await organization(ask, f"trend(period: {MARCH}, grain: MONTH) {{ {POINTS} }}", **who)
    assert told(found) == {"ada": [("2026-03", "8", 2)], "ben": [("2026-03", "5", 1)], "gus": []}[who["person"]]


@pytest.mark.parametrize(
    ("attribution", "who", "expected"),
    [
        ("AT_ATTEMPT", MIA, [("2026-01", "1", 1), ("2026-03", "8", 2)]),
        ("CURRENT", MIA, [("2026-03", "8", 2)]),
        ("AT_ATTEMPT", ADA, [("2026-01", "1", 1), ("2026-03", "8", 2)]),
    ],
)
async def test_the_trend_of_a_group(
    ask: Asker, attribution: str, who: dict[str, str], expected: list[tuple[str, str, int]]
) -> None:
    answer = await ask(
        f"""query ($id: ID!) {{ group(id: $id) {{
        trend(period: {{dates: {{from: "2026-01-01", to: "2026-04-01"}}}}, grain: MONTH, attribution: {attribution}) {{
          attribution period {{ days }} {POINTS} }} }} }}""",
        {"id": ask.id("Group", "alg-1")},
        **who,
    )
    assert answer.errors == []
    assert told(answer.data["group"]) == expected
    assert answer.data["group"]["trend"]["attribution"] == attribution
    assert answer.data["group"]["trend"]["period"] == {"days": 90}


async def test_a_series_is_bounded(ask: Asker) -> None:
    answer = await ask("{ organization { trend(period: {lastDays: 3000}, grain: HOUR) { dataPoints } } }", **MIA)
    assert answer.codes == ["VALIDATION"]
    assert answer.data == {"organization": {"trend": None}}


async def test_another_organization_is_not_found(ask: Asker) -> None:
    mine = await ask("{ organization { id } }", **MIA, organization="south")
    other = mine.data["organization"]["id"]
    document = "query ($id: ID) { organization(id: $id) { name stats { totalAttempts } } }"
    for key in (other, global_id("Organization", 999_999)):
        answer = await ask(document, {"id": key}, **MIA)
        assert answer.data == {"organization": None}
        assert answer.errors[0]["message"] == "There is no such organization."
    south = await ask(document, {"id": other}, **MIA, organization="south")
    assert south.data["organization"] == {"name": "Southbank", "stats": {"totalAttempts": "1"}}
