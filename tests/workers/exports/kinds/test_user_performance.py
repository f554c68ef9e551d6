"""A person's report says what the graph says of the person."""

from __future__ import annotations

from typing import Any

import pytest

from db.export_parameters import ExportKind
from tests.asking import Asker
from tests.workers.exports.kinds.reporting import make
from tests.workers.exports.kinds.test_group_report import EARLY, EVER, MEASURES, in_graph, measures_of, number
from workers.exports.kinds.errors import NotFound
from workers.exports.labels import sheet_name

USER = """query ($id: ID!, $period: PeriodInput) { node(id: $id) { ... on User {
  displayName rank { rank rankedPeople }
  performance(period: $period) { score tasksCompleted attempts { MEASURES } }
  performanceLogs(period: $period, first: 50) { nodes {
    createdAt lab { title } tasksCompleted performanceScore scoreChange onTimeRatio skillAccuracy difficultyFactor
    avgCompletionTimeSeconds avgCompletionSpeedDays } }
  topicStats(period: $period) { topic { title } score measures { MEASURES } }
  labStats(period: $period) { lab { title type } completed attempts bestScore lastAttemptAt totalTimeSpentSeconds successRate }
} } }""".replace("MEASURES", MEASURES)
PEOPLE = [("ben", "ben", "STUDENT"), ("ben", "ada", "TEACHER"), ("dan", "mia", "MANAGER"), ("gus", "mia", "MANAGER")]


@pytest.mark.parametrize("asked", [EVER, EARLY], ids=["ever", "period"])
@pytest.mark.parametrize(("whose", "person", "role"), PEOPLE)
async def test_every_figure_is_the_graphs(
    ask: Asker, whose: str, person: str, role: str, asked: dict[str, Any]
) -> None:
    who = {"person": person, "role": role}
    made = await make(ask, ExportKind.USER_PERFORMANCE, **who, userId=ask.key("users", whose), **asked)
    answer = await ask(USER, {"id": ask.id("User", whose), "period": in_graph(asked)}, **who)
    assert answer.errors == []
    user = answer.data["node"]  # type: ignore[index]

    assert made.report.title == f"Performance: {user['displayName']}"
    for row, log in zip(made.rows["Score history"], user["performanceLogs"]["nodes"], strict=True):
        assert row["completed_at"].isoformat(timespec="milliseconds").replace("+00:00", "Z") == log["createdAt"]
        assert (row["lab"], row["tasks_completed"]) == (log["lab"]["title"], log["tasksCompleted"])
        assert (number(row["score"]), number(row["score_change"])) == (log["performanceScore"], log["scoreChange"])
        assert row["on_time_ratio"] == pytest.approx(log["onTimeRatio"])
        assert row["skill_accuracy"] == pytest.approx(log["skillAccuracy"])
        assert row["difficulty_factor"] == pytest.approx(log["difficultyFactor"])
        assert row["avg_time_seconds"] == pytest.approx(log["avgCompletionTimeSeconds"])
        assert row["avg_speed_days"] == pytest.approx(log["avgCompletionSpeedDays"])
    for row, topic in zip(made.rows["Topics"], user["topicStats"], strict=True):
        assert (row["topic"], number(row["score"])) == (topic["topic"]["title"], topic["score"])
        assert topic["measures"] == measures_of(row)
    for row, lab in zip(made.rows["Labs"], user["labStats"], strict=True):
        assert (row["lab"], row["type"], row["completed"]) == (
            lab["lab"]["title"],
            lab["lab"]["type"],
            lab["completed"],
        )
        assert (row["attempts"], number(row["best_score"])) == (lab["attempts"], lab["bestScore"])
        assert float(row["total_time_seconds"]) == lab["totalTimeSpentSeconds"]
        assert row["success_rate"] == pytest.approx(lab["successRate"])
        assert row["last_activity"].isoformat(timespec="milliseconds").replace("+00:00", "Z") == lab["lastAttemptAt"]

    # In a workbook they keep their names.
    assert [sheet_name(title, []) for title in made.rows] == [*made.rows]

    performance = user["performance"]
    score = performance["score"]
    assert made.cards["Score"] == ("–" if score is None else f"{score:.1f}")
    assert made.cards["Tasks completed"] == str(performance["tasksCompleted"])
    assert made.cards["Attempts"] == performance["attempts"]["attempts"]
    assert made.cards["Rank"] == (str(user["rank"]["rank"]) if user["rank"] else "–")


@pytest.mark.parametrize("whose", ["ben", "cleo", "dan"])
async def test_the_score_goes_as_in_the_graph(ask: Asker, whose: str) -> None:
    period = {"from": "2026-03-04T00:00:00+01:00", "to": "2026-04-02T00:00:00+02:00"}
    who = {"person": "mia", "role": "MANAGER"}
    made = await make(ask, ExportKind.USER_PERFORMANCE, **who, userId=ask.key("users", whose), period=period)
    answer = await ask(
        """query ($id: ID!, $period: PeriodInput!) { node(id: $id) { ... on User {
          performanceTrend(period: $period, grain: WEEK, fill: CARRY_FORWARD) { points { bucket { label } performanceScore } }
        } } }""",
        {"id": ask.id("User", whose), "period": {"range": period}},
        **who,
    )
    assert answer.errors == []
    points = answer.data["node"]["performanceTrend"]["points"]  # type: ignore[index]
    shown = [(label, None if score is None else round(score, 1)) for label, score in made.charts[0]]
    assert shown == [(point["bucket"]["label"], point["performanceScore"]) for point in points]


@pytest.mark.parametrize(
    ("whose", "person", "role"), [("cleo", "ben", "STUDENT"), ("dan", "ada", "TEACHER"), ("ada", "ben", "STUDENT")]
)
async def test_others_are_as_unknown(ask: Asker, whose: str, person: str, role: str) -> None:
    with pytest.raises(NotFound, match=r"^There is no such user\.$"):
        await make(ask, ExportKind.USER_PERFORMANCE, person=person, role=role, userId=ask.key("users", whose))


async def test_a_colleague_is_seen_by_name_alone(fresh_ask: Asker) -> None:
    with fresh_ask.database.connect() as owner:
        owner.execute("""
            INSERT INTO group_memberships (organization_id, group_id, user_id, role, valid_from)
            SELECT g.organization_id, g.id, u.id, 'LEAD', timestamptz '2026-01-01 00:00Z'
            FROM groups g JOIN users u USING (organization_id) WHERE g.external_id = 'alg-1' AND u.external_id = 'tom'
        """)
    seen = await fresh_ask(
        "query ($id: ID!) { node(id: $id) { ... on User { displayName } } }", {"id": fresh_ask.id("User", "tom")}
    )
    assert seen.data == {"node": {"displayName": "Tom Tran"}}
    with pytest.raises(NotFound):
        await make(fresh_ask, ExportKind.USER_PERFORMANCE, userId=fresh_ask.key("users", "tom"))


async def test_who_did_nothing_has_headers_and_no_rows(ask: Asker) -> None:
    made = await make(ask, ExportKind.USER_PERFORMANCE, person="mia", role="MANAGER", userId=ask.key("users", "gus"))
    assert made.rows == {"Score history": [], "Topics": [], "Labs": []}
    assert made.report.charts == ()
    assert made.cards["Attempts"] == "0"
