"""An exported board is the graph's board."""

from __future__ import annotations

from typing import Any

import pytest

from db.export_parameters import ExportKind
from tests.asking import Asker
from tests.workers.exports.kinds.reporting import make
from tests.workers.exports.kinds.test_group_report import EARLY, EVER, in_graph
from workers.exports.kinds.errors import InvalidParameters, NotFound

BOARD = """query ($scope: LeaderboardScope!, $id: ID, $metric: LeaderboardMetric!, $ranking: RankingMethod!, $period: PeriodInput) {
  leaderboard(scope: $scope, scopeId: $id, metric: $metric, ranking: $ranking, period: $period) {
    rankedPeople entries(first: 50) { nodes { rank value tiedWith user { displayName externalId } } } } }"""
SCOPES = [
    ("ORGANIZATION", None, None),
    ("GROUP", "groups", "alg-1"),
    ("TOPIC", "topics", "sets"),
    ("LEVEL", "levels", "1"),
    ("LAB", "labs", "l1"),
]
WHO = [("mia", "MANAGER"), ("ada", "TEACHER"), ("ben", "STUDENT")]


@pytest.mark.parametrize("asked", [EVER, EARLY], ids=["ever", "period"])
@pytest.mark.parametrize("metric", ["SCORE", "TASKS", "SUCCESS_RATE", "FASTEST"])
@pytest.mark.parametrize(("scope", "table", "key"), SCOPES)
async def test_every_place_is_the_graphs(
    ask: Asker, scope: str, table: str | None, key: str | None, metric: str, asked: dict[str, Any]
) -> None:
    scope_id = ask.key(table, key) if table and key else None
    node = ask.id(scope.capitalize(), key) if key else None
    ranking = "DENSE" if metric == "TASKS" else "COMPETITION"
    for person, role in WHO:
        made = await make(
            ask,
            ExportKind.LEADERBOARD,
            person=person,
            role=role,
            scope=scope,
            scopeId=scope_id,
            metric=metric,
            ranking=ranking,
            **asked,
        )
        variables = {"scope": scope, "id": node, "metric": metric, "ranking": ranking, "period": in_graph(asked)}
        answer = await ask(BOARD, variables, person=person, role=role)
        assert answer.errors == []
        board = answer.data["leaderboard"]  # type: ignore[index]
        assert [
            (row["rank"], float(row["value"]), row["tied_with"], row["name"], row["external_id"])
            for row in made.rows["Leaderboard"]
        ] == [
            (
                entry["rank"],
                entry["value"],
                entry["tiedWith"],
                entry["user"]["displayName"],
                entry["user"]["externalId"],
            )
            for entry in board["entries"]["nodes"]
        ]
        people = board["rankedPeople"]
        assert made.cards == {"People ranked": "–" if people is None else str(people)}


async def test_groups_are_those_that_the_requester_sees(fresh_ask: Asker) -> None:
    with fresh_ask.database.connect() as owner:
        owner.execute("""
            INSERT INTO group_memberships (organization_id, group_id, user_id, role, valid_from)
            SELECT g.organization_id, g.id, u.id, 'MEMBER', timestamptz '2026-01-01 00:00Z'
            FROM groups g JOIN users u USING (organization_id) WHERE g.external_id = 'alg-2' AND u.external_id = 'ben'
        """)
    groups = {}
    for person, role in WHO[:2]:
        made = await make(fresh_ask, ExportKind.LEADERBOARD, person=person, role=role, scope="ORGANIZATION")
        groups[person] = {row["external_id"]: row["groups"] for row in made.rows["Leaderboard"]}
    assert groups == {
        "mia": {"ben": "Algebra 1; Algebra 2", "cleo": "Algebra 1", "dan": "Algebra 2"},
        "ada": {"ben": "Algebra 1", "cleo": "Algebra 1"},
    }


@pytest.mark.parametrize(
    ("scope", "table", "key"), [("GROUP", "groups", "alg-1"), ("TOPIC", "topics", "sets"), ("LAB", "labs", "l1")]
)
async def test_a_foreign_scope_is_as_unknown(ask: Asker, scope: str, table: str, key: str) -> None:
    for scope_id in (ask.key(table, key, "south"), 2**63 - 1):
        with pytest.raises(NotFound, match=f"^There is no such {scope.lower()}.$"):
            await make(ask, ExportKind.LEADERBOARD, person="mia", role="MANAGER", scope=scope, scopeId=scope_id)


@pytest.mark.parametrize("asked", [{"scope": "GROUP"}, {"scope": "ORGANIZATION", "scopeId": 1}, {"scope": "SCHOOL"}])
async def test_a_board_is_named_exactly(ask: Asker, asked: dict[str, Any]) -> None:
    with pytest.raises(InvalidParameters):
        await make(ask, ExportKind.LEADERBOARD, **asked)
