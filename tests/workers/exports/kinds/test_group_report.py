"""A group's report says what the graph says of the group."""

from __future__ import annotations

from typing import Any

import pytest

from db.export_parameters import ExportKind
from tests.asking import Asker
from tests.workers.exports.kinds.reporting import Row, make
from workers.exports.kinds.errors import Forbidden, NotFound

EVER: dict[str, Any] = {}
EARLY = {"period": {"from": "2026-03-03T00:00:00+01:00", "to": "2026-03-10T00:00:00+01:00"}}
ADA = {"person": "ada", "role": "TEACHER"}
MIA = {"person": "mia", "role": "MANAGER"}

MEASURES = "attempts tasksCompleted successRate onTimeRatio avgCompletionTimeSeconds avgScore hintUsageRate"
GROUP = (
    """query ($id: ID!, $period: PeriodInput) { group(id: $id) {
  members(first: 50) { nodes { displayName externalId
    performance(period: $period) { score attempts { MEASURES } }
    topicStats(period: $period) { topic { title } score measures { MEASURES } } } }
  leaderboard(period: $period) { entries(first: 50) { nodes { rank user { externalId } } } }
  topicStats(period: $period) { topic { title } stats { totalUsers measures { MEASURES } } }
  stats(period: $period) { measures { MEASURES } } } }"""
).replace("MEASURES", MEASURES)


def in_graph(asked: dict[str, Any]) -> dict[str, Any] | None:
    return {"range": asked["period"]} if asked else None


def measures_of(row: Row) -> dict[str, Any]:
    """As the graph names and writes them."""
    return {
        "attempts": str(row["attempts"]),
        "tasksCompleted": str(row["tasks_completed"]),
        "successRate": pytest.approx(row["success_rate"]),
        "onTimeRatio": pytest.approx(row["on_time_ratio"]),
        "avgCompletionTimeSeconds": pytest.approx(row["avg_time_seconds"]),
        "avgScore": pytest.approx(row["avg_attempt_score"]),
        "hintUsageRate": pytest.approx(row["hint_usage_rate"]),
    }


def number(value: Any) -> float | None:
    return None if value is None else float(value)


@pytest.mark.parametrize("asked", [EVER, EARLY], ids=["ever", "period"])
@pytest.mark.parametrize("who", [ADA, MIA], ids=["teacher", "manager"])
async def test_every_figure_is_the_graphs(ask: Asker, who: dict[str, str], asked: dict[str, Any]) -> None:
    made = await make(ask, ExportKind.GROUP_REPORT, **who, groupId=ask.key("groups", "alg-1"), **asked)
    answer = await ask(GROUP, {"id": ask.id("Group", "alg-1"), "period": in_graph(asked)}, **who)
    assert answer.errors == []
    group = answer.data["group"]  # type: ignore[index]

    members = group["members"]["nodes"]
    ranks = {entry["user"]["externalId"]: entry["rank"] for entry in group["leaderboard"]["entries"]["nodes"]}
    assert [row["external_id"] for row in made.rows["Members"]] == ["ben", "cleo"]
    for row, member in zip(made.rows["Members"], members, strict=True):
        assert row["name"] == member["displayName"]
        assert number(row["score"]) == member["performance"]["score"]
        assert row["rank_in_group"] == ranks.get(row["external_id"])
        assert member["performance"]["attempts"] == measures_of(row)

    by_topic = [(member, stats) for member in members for stats in member["topicStats"]]
    for row, (member, stats) in zip(made.rows["Members by topic"], by_topic, strict=True):
        assert (row["name"], row["topic"]) == (member["displayName"], stats["topic"]["title"])
        assert number(row["score"]) == stats["score"]
        assert stats["measures"] == measures_of(row)

    for row, topic in zip(made.rows["Topics"], group["topicStats"], strict=True):
        assert row["topic"] == topic["topic"]["title"]
        assert str(row["people"]) == topic["stats"]["totalUsers"]
        assert topic["stats"]["measures"] == measures_of(row)

    measures = group["stats"]["measures"]
    assert made.cards["Members"] == "2"
    assert made.cards["Attempts"] == measures["attempts"]
    assert made.cards["Success rate"] == f"{measures['successRate']:.1%}"
    assert made.cards["On time"] == f"{measures['onTimeRatio']:.1%}"
    assert made.cards["Hint use"] == f"{measures['hintUsageRate']:.1%}"


async def test_scores_are_spread_as_in_the_graph(ask: Asker) -> None:
    made = await make(ask, ExportKind.GROUP_REPORT, groupId=ask.key("groups", "alg-1"))
    answer = await ask(
        "query ($id: ID!) { group(id: $id) { scoreDistribution { averageScore buckets { label count } } } }",
        {"id": ask.id("Group", "alg-1")},
    )
    spread = answer.data["group"]["scoreDistribution"]  # type: ignore[index]
    assert made.cards["Mean score"] == f"{spread['averageScore']:.1f}"
    assert made.charts[-1] == [(bucket["label"], bucket["count"]) for bucket in spread["buckets"]]


async def test_weeks_are_the_graphs(ask: Asker) -> None:
    """The week in which clocks go forward, too; the edges cut the first and the last."""
    period = {"from": "2026-03-04T00:00:00+01:00", "to": "2026-04-02T00:00:00+02:00"}
    made = await make(ask, ExportKind.GROUP_REPORT, **MIA, groupId=ask.key("groups", "alg-2"), period=period)
    answer = await ask(
        """query ($id: ID!, $period: PeriodInput!) { group(id: $id) {
          trend(period: $period, grain: WEEK, fill: NULL) {
            points { bucket { label } averagePerformanceScore measures { attempts } } } } }""",
        {"id": ask.id("Group", "alg-2"), "period": {"range": period}},
        **MIA,
    )
    points = answer.data["group"]["trend"]["points"]  # type: ignore[index]
    assert made.charts[0] == [(point["bucket"]["label"], point["averagePerformanceScore"]) for point in points]
    assert made.charts[1] == [
        (point["bucket"]["label"], float(point["measures"]["attempts"]) if point["measures"] else 0.0)
        for point in points
    ]
    assert len(points) == 5


async def test_all_time_begins_with_the_first_attempt(ask: Asker) -> None:
    made = await make(ask, ExportKind.GROUP_REPORT, **MIA, groupId=ask.key("groups", "alg-2"))
    assert [label for label, _ in made.charts[0]] == ["2026-W13"]
    assert made.report.subtitle == "All time"


async def test_shows_the_topics_asked_for(ask: Asker) -> None:
    topics = [ask.key("topics", "sets"), ask.key("topics", "algebra")]
    both = await make(ask, ExportKind.GROUP_REPORT, groupId=ask.key("groups", "alg-1"), topicIds=topics, **EARLY)
    assert both.report.filters == {
        "Group": "Algebra 1",
        "Attempts": "of the present members",
        "Topics shown": "Algebra, Sets",
        "Period": "2026-03-03 to 2026-03-09",
    }
    one = await make(ask, ExportKind.GROUP_REPORT, groupId=ask.key("groups", "alg-1"), topicIds=topics[:1])
    assert [row["topic"] for row in one.rows["Topics"]] == ["Sets"]
    assert {row["topic"] for row in one.rows["Members by topic"]} == {"Sets"}


async def test_a_topic_asked_for_has_a_row_without_attempts(ask: Asker) -> None:
    before = {"from": "2020-01-01T00:00:00Z", "to": "2021-01-01T00:00:00Z"}
    made = await make(
        ask,
        ExportKind.GROUP_REPORT,
        groupId=ask.key("groups", "alg-1"),
        topicIds=[ask.key("topics", "sets")],
        period=before,
    )
    [row] = made.rows["Topics"]
    assert (row["people"], row["attempts"], row["success_rate"]) == (0, 0, None)


async def test_members_without_attempts_are_members(ask: Asker) -> None:
    before = {"from": "2020-01-01T00:00:00Z", "to": "2021-01-01T00:00:00Z"}
    made = await make(ask, ExportKind.GROUP_REPORT, groupId=ask.key("groups", "alg-1"), period=before)
    assert [(row["name"], row["attempts"], row["score"], row["rank_in_group"]) for row in made.rows["Members"]] == [
        ("Ben Bauer", 0, None, None),
        ("Cleo Cruz", 0, None, None),
    ]
    assert made.rows["Topics"] == made.rows["Members by topic"] == []
    assert made.cards["Mean score"] == made.cards["Success rate"] == "–"
    assert made.report.charts == ()


async def test_a_group_without_members_has_headers_and_no_rows(fresh_ask: Asker) -> None:
    with fresh_ask.database.connect() as owner:
        owner.execute(
            "INSERT INTO groups (organization_id, external_id, name) SELECT id, 'empty', 'Nobody' FROM organizations"
        )
    made = await make(fresh_ask, ExportKind.GROUP_REPORT, **MIA, groupId=fresh_ask.key("groups", "empty"))
    assert made.rows == {"Members": [], "Topics": [], "Members by topic": []}
    assert all(sheet.columns for sheet in made.report.sheets)
    assert made.cards["Members"] == made.cards["Attempts"] == "0"


@pytest.mark.parametrize(
    ("organization", "group"),
    [("north", "alg-2"), ("south", "alg-1"), ("north", None)],
    ids=["other", "foreign", "unknown"],
)
async def test_hidden_is_as_unknown(ask: Asker, organization: str, group: str | None) -> None:
    group_id = ask.key("groups", group, organization) if group else 10**12
    with pytest.raises(NotFound, match=r"^There is no such group\.$") as refused:
        await make(ask, ExportKind.GROUP_REPORT, groupId=group_id)
    assert refused.value.code == "NOT_FOUND"


async def test_a_student_has_no_group_report(ask: Asker) -> None:
    with pytest.raises(Forbidden):
        await make(ask, ExportKind.GROUP_REPORT, person="ben", role="STUDENT", groupId=ask.key("groups", "alg-1"))


async def test_a_foreign_topic_is_no_topic(ask: Asker) -> None:
    with pytest.raises(NotFound, match="topic"):
        await make(
            ask,
            ExportKind.GROUP_REPORT,
            groupId=ask.key("groups", "alg-1"),
            topicIds=[ask.key("topics", "sets", "south")],
        )


async def test_names_come_as_they_are_shown(fresh_ask: Asker) -> None:
    """Only what would turn the text beside it around is taken out."""
    odd = "=1+1;\"'\u202egnp\u2066.exe\n\U0001f469\u200d\U0001f680 \u05e9\u05dc\u05d5\u05dd %s $1 :name \\u202E"
    with fresh_ask.database.connect() as owner:
        owner.execute("UPDATE users SET display_name = %s WHERE external_id = 'ben'", (odd,))
    made = await make(fresh_ask, ExportKind.GROUP_REPORT, groupId=fresh_ask.key("groups", "alg-1"))
    shown = odd.replace("\u202e", "").replace("\u2066", "")
    assert shown in [row["name"] for row in made.rows["Members"]]
    assert shown in [row["name"] for row in made.rows["Members by topic"]]
    personal = await make(fresh_ask, ExportKind.USER_PERFORMANCE, userId=fresh_ask.key("users", "ben"))
    assert personal.report.title == f"Performance: {shown}"
