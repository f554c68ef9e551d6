"""What clients make of the changes of a board is the board, whichever version they had."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest

from db.queries.leaderboards import Standing
from resolvers.leaderboard_updates import BoardChange, board_changes
from resolvers.live import History, Live
from schema.graph import graph
from tests.asking import Asker
from tests.conftest import Database, Servers
from tests.school import new_school

FOLLOWED = 6
DOCUMENT = """subscription ($scope: LeaderboardScope!, $id: ID, $metric: LeaderboardMetric!, $ranking: RankingMethod!, $first: Int!) {
  leaderboardUpdated(scope: $scope, scopeId: $id, metric: $metric, ranking: $ranking, first: $first) {
    version isSnapshot
    changes { kind userId position previousRank previousValue entry { rank value tiedWith user { id } } }
    leaderboard { entries(first: $first) { nodes { rank value tiedWith user { id } } } } } }"""
PEOPLE = ("ben", "cleo", "dan", "gus", "x1", "x2", "x3", "x4", "x5", "x6")
LABS = ("l1", "l2", "l3", "l4")

Row = tuple[int, float, int, str]


def row_of(entry: dict[str, Any]) -> Row:
    return entry["rank"], entry["value"], entry["tiedWith"], entry["user"]["id"]


@dataclass
class Client:
    """Keeps a copy of the rows by the changes alone."""

    version: str | None = None
    rows: dict[str, tuple[int, Row]] = field(default_factory=dict)

    def apply(self, update: dict[str, Any]) -> None:
        if update["isSnapshot"]:
            self.rows.clear()
        for change in update["changes"]:
            before = self.rows.pop(change["userId"], None)
            # What is said of the row before is what this client has.
            assert (change["previousRank"], change["previousValue"]) == (before[1][:2] if before else (None, None))
            assert (change["kind"] == "ENTERED") == (before is None)
            assert (change["kind"] == "LEFT") == (change["entry"] is None)
            if change["entry"] is not None:
                assert change["entry"]["user"]["id"] == change["userId"]
                self.rows[change["userId"]] = change["position"], row_of(change["entry"])
        self.version = update["version"]

    @property
    def board(self) -> list[Row]:
        return [row for _, row in sorted(self.rows.values())]


@pytest.fixture(scope="module")
def database(new_database: Callable[[], Database]) -> Database:
    made = new_school(new_database, is_folded=True)
    with made.connect() as owner:
        owner.execute(
            """INSERT INTO users (organization_id, external_id, username, display_name)
               SELECT o.id, 'x' || n, 'x' || n, 'X ' || n FROM organizations o, generate_series(1, 6) n WHERE o.slug = 'north'"""
        )
    return made


@pytest.fixture
async def ask(database: Database, servers: Servers) -> Any:
    asker = Asker(database, servers)
    yield asker
    await asker.aclose()


def change_something(asker: Asker, chance: random.Random) -> None:
    person, lab = chance.choice(PEOPLE), chance.choice(LABS)
    with asker.database.connect() as owner:
        match chance.randrange(6):
            case 0:
                owner.execute(
                    """DELETE FROM attempts WHERE id = (SELECT a.id FROM attempts a JOIN users u ON u.id = a.user_id
                       WHERE u.external_id = %s LIMIT 1)""",
                    (person,),
                )
            case 1:
                owner.execute(
                    """UPDATE users SET deactivated_at = CASE WHEN deactivated_at IS NULL THEN now() END
                       WHERE external_id = %s AND organization_id = 1""",
                    (person,),
                )
            case _:
                owner.execute(
                    """INSERT INTO attempts (organization_id, user_id, lab_id, status, completed_at, duration_seconds, skill_match)
                       SELECT 1, u.id, l.id, %s, now() - interval '1 minute', %s, %s FROM users u JOIN labs l USING (organization_id)
                       WHERE u.organization_id = 1 AND u.external_id = %s AND l.type = %s""",
                    (
                        chance.choice(("SUCCEEDED", "SUCCEEDED", "FAILED")),
                        chance.randrange(60, 65),
                        chance.choice((0, 0.5, 1)),
                        person,
                        lab,
                    ),
                )


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("scope", "metric", "ranking"),
    [
        ("ORGANIZATION", "SCORE", "COMPETITION"),
        ("ORGANIZATION", "TASKS", "DENSE"),
        ("GROUP", "FASTEST", "ORDINAL"),
        ("LAB", "SUCCESS_RATE", "COMPETITION"),
    ],
)
async def test_a_copy_kept_by_changes_is_the_board(
    ask: Asker, scope: str, metric: str, ranking: str, seed: int
) -> None:
    chance = random.Random(f"{scope} {metric} {seed}")
    operation = graph.operations.prepare(DOCUMENT)
    scope_id = {"GROUP": lambda: ask.id("Group", "alg-1"), "LAB": lambda: ask.id("Lab", "l2")}.get(
        scope, lambda: None
    )()
    variables = {"scope": scope, "id": scope_id, "metric": metric, "ranking": ranking, "first": FOLLOWED}
    # Room for few versions, so that some clients come back too late.
    history = History(most_rows=FOLLOWED * 5)
    clients = [Client() for _ in range(4)]
    versions: list[str] = []
    boards: dict[str, list[Row]] = {}
    kinds: set[bool] = set()
    for _ in range(40):
        change_something(ask, chance)
        client = chance.choice(clients)
        context = ask.context("mia", "MANAGER")
        context.live = Live(history, client.version)
        result = await graph.ask(operation, variables, context)
        assert result.errors is None
        update = result.data["leaderboardUpdated"]  # type: ignore[index]
        client.apply(update)
        board = [row_of(entry) for entry in update["leaderboard"]["entries"]["nodes"]]
        assert client.board == board
        kinds.add(update["isSnapshot"])
        # A version names one state, and a new one comes only with another.
        assert boards.setdefault(update["version"], board) == board
        if versions and versions[-1] != update["version"]:
            assert boards[versions[-1]] != board
        versions.append(update["version"])
    assert kinds == {True, False}


def test_the_kinds_of_changes() -> None:
    def row(user_id: int, value: int, rank: int, position: int, tied_with: int = 0) -> Standing:
        return Standing(user_id, Decimal(value), rank, tied_with, position, 0)

    before = [row(1, 9, 1, 1), row(2, 8, 2, 2), row(3, 7, 3, 3), row(4, 6, 4, 4)]
    now = [row(5, 9, 1, 1, 1), row(1, 9, 1, 2, 1), row(2, 8, 3, 3), row(4, 7, 4, 4)]
    assert [(change.user_id, change.kind) for change in board_changes(before, now)] == [
        (3, BoardChange.LEFT),
        (5, BoardChange.ENTERED),
        (1, BoardChange.MOVED),
        (2, BoardChange.MOVED),
        (4, BoardChange.UPDATED),
    ]
    assert board_changes(now, now) == []
