"""A lab's report says what the graph says of the lab, and of the attempts of each group there."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from db.export_parameters import ExportKind
from tests.asking import Asker
from tests.workers.exports.kinds.reporting import make
from tests.workers.exports.kinds.test_group_report import EARLY, EVER, in_graph
from workers.exports.kinds.errors import NotFound

LAB = """query ($id: ID!, $period: PeriodInput) { node(id: $id) { ... on Lab { stats(period: $period) {
  totalUsers medianCompletionTimeSeconds commonErrors(first: 20) { code attempts share }
  measures { attempts successRate onTimeRatio avgScore hintUsageRate } } } } }"""
GROUPS = """query ($lab: [ID!], $at: DateTimeFilter) { groups { nodes { name id } }
  attempts(filter: {labIds: $lab, completedAt: $at, status: [SUCCEEDED, FAILED, ABANDONED]}, first: 50) {
    nodes { success score user { id memberships { nodes { role group { name } } } deactivatedAt } } } }"""
WHO = [("mia", "MANAGER"), ("ada", "TEACHER"), ("ben", "STUDENT")]


def percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"


@pytest.mark.parametrize("asked", [EVER, EARLY], ids=["ever", "period"])
@pytest.mark.parametrize("lab", ["l1", "l2", "l3", "l4"])
async def test_every_figure_is_the_graphs(ask: Asker, lab: str, asked: dict[str, Any]) -> None:
    for person, role in WHO:
        who = {"person": person, "role": role}
        made = await make(ask, ExportKind.LAB_REPORT, **who, labId=ask.key("labs", lab), **asked)
        answer = await ask(LAB, {"id": ask.id("Lab", lab), "period": in_graph(asked)}, **who)
        assert answer.errors == []
        stats = answer.data["node"]["stats"]  # type: ignore[index]
        measures = stats["measures"]
        assert made.cards["Attempts"] == measures["attempts"]
        assert made.cards["Success rate"] == percent(measures["successRate"])
        assert made.cards["On time"] == percent(measures["onTimeRatio"])
        assert made.cards["Hint use"] == percent(measures["hintUsageRate"])
        assert made.cards["Mean score"] == ("–" if measures["avgScore"] is None else f"{measures['avgScore']:.1f}")
        assert made.cards["People"] == stats["totalUsers"]
        assert [(row["code"], str(row["attempts"]), row["share"]) for row in made.rows["Common errors"]] == [
            (error["code"], error["attempts"], pytest.approx(error["share"])) for error in stats["commonErrors"]
        ]


@pytest.mark.parametrize("asked", [EVER, EARLY], ids=["ever", "period"])
async def test_groups_and_scores_are_of_the_attempts_in_the_graph(ask: Asker, asked: dict[str, Any]) -> None:
    at = {"gte": asked["period"]["from"], "lt": asked["period"]["to"]} if asked else None
    for person, role in WHO:
        who = {"person": person, "role": role}
        made = await make(ask, ExportKind.LAB_REPORT, **who, labId=ask.key("labs", "l1"), **asked)
        answer = await ask(GROUPS, {"lab": [ask.id("Lab", "l1")], "at": at}, **who)
        assert answer.errors == []
        done = answer.data["attempts"]["nodes"]  # type: ignore[index]
        attempts = Counter(
            membership["group"]["name"]
            for one in done
            if one["user"]["deactivatedAt"] is None
            for membership in one["user"]["memberships"]["nodes"]
        )
        assert {row["group_name"]: row["attempts"] for row in made.rows["Groups"]} == dict(attempts)
        scores = Counter(min(int(one["score"] // 20), 4) for one in done if one["score"] is not None)
        assert [value for _, value in made.charts[0]] == [scores[bucket] for bucket in range(5)]


async def test_a_lab_without_attempts_has_headers_and_no_rows(ask: Asker) -> None:
    made = await make(ask, ExportKind.LAB_REPORT, person="gus", role="STUDENT", labId=ask.key("labs", "l1"))
    assert made.rows == {"Groups": [], "Common errors": []}
    assert made.report.charts == ()
    assert made.cards["People"] == "0"
    assert made.cards["Median time"] == made.cards["Mean score"] == "–"


async def test_a_foreign_lab_is_as_unknown(ask: Asker) -> None:
    for key in (ask.key("labs", "l1", "south"), 10**15):
        with pytest.raises(NotFound, match=r"^There is no such lab\.$"):
            await make(ask, ExportKind.LAB_REPORT, person="mia", role="MANAGER", labId=key)
