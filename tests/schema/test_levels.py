"""Levels and their statistics as each role sees them."""

from typing import Any

import pytest

from tests.asking import Asker

STATS = """query ($period: PeriodInput) { levels { position title labs { nodes { type } } stats(period: $period) {
  totalAttempts totalUsers successRate userSuccessRate medianCompletionTimeSeconds commonErrors { code }
  percentile(measure: SCORE, p: 0.25) freshness { source } } } }"""


def summary(level: dict[str, Any]) -> tuple[Any, ...]:
    stats = level["stats"]
    return (
        stats["totalAttempts"],
        stats["totalUsers"],
        stats["successRate"],
        stats["userSuccessRate"],
        stats["medianCompletionTimeSeconds"],
        stats["percentile"],
        [error["code"] for error in stats["commonErrors"]],
        stats["freshness"]["source"],
    )


@pytest.mark.parametrize(
    ("person", "role", "expected"),
    [
        # l3: cleo 3600 s, 100 points; dan failed, 2500 s, 20 points: the first quarter ends at 20 + 80 / 4
        ("mia", "MANAGER", ("2", "2", 0.5, 0.5, 3050.0, 40.0, ["E_SYNTAX"], "MATERIALIZED")),
        ("ada", "TEACHER", ("1", "1", 1.0, 1.0, 3600.0, 100.0, [], "LIVE")),
        ("tom", "TEACHER", ("1", "1", 0.0, 0.0, 2500.0, 20.0, ["E_SYNTAX"], "LIVE")),
        ("ben", "STUDENT", ("0", "0", None, None, None, None, [], "LIVE")),
    ],
)
async def test_statistics_are_over_the_attempts_that_one_may_see(
    ask: Asker, person: str, role: str, expected: tuple[Any, ...]
) -> None:
    answer = await ask(STATS, person=person, role=role)
    assert answer.errors == []
    basics, advanced = answer.data["levels"]
    assert (basics["position"], basics["title"], advanced["position"]) == (1, "Basics", 2)
    assert [node["type"] for node in basics["labs"]["nodes"]] == ["l1", "l2"]
    assert summary(advanced) == expected


async def test_statistics_of_a_period(ask: Asker) -> None:
    """Only dan-2 in the last days of March; it ended after the clocks went forward."""
    period = {"range": {"from": "2026-03-29T01:00:00Z", "to": "2026-03-29T02:00:00Z"}}
    answer = await ask(STATS, {"period": period}, person="mia", role="MANAGER")
    basics, advanced = answer.data["levels"]
    assert summary(basics) == ("0", "0", None, None, None, None, [], "LIVE")
    assert summary(advanced) == ("1", "1", 0.0, 0.0, 2500.0, 20.0, ["E_SYNTAX"], "LIVE")


async def test_levels_by_id(ask: Asker) -> None:
    document = "query ($id: ID!) { node(id: $id) { ... on Level { title } } }"
    assert (await ask(document, {"id": ask.id("Level", "2")})).data == {"node": {"title": "Advanced"}}
    foreign = await ask(document, {"id": ask.id("Level", "2", "south")})
    assert (foreign.data, foreign.codes) == ({"node": None}, ["NOT_FOUND"])
    assert (await ask("{ levels { title } }", person=None)).codes == ["UNAUTHENTICATED"]
