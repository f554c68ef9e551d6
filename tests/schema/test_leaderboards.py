"""Boards against what is known of the school, and against a brute-force oracle."""

from __future__ import annotations

from typing import Any

import pytest

from tests.asking import Answer, Asker

BOARD = """
query Board($scope: LeaderboardScope!, $id: ID, $metric: LeaderboardMetric!, $ranking: RankingMethod = COMPETITION,
            $period: PeriodInput) {
  leaderboard(scope: $scope, scopeId: $id, metric: $metric, ranking: $ranking, period: $period) {
    scope metric ranking rankedPeople
    period { from to timeZone }
    scopeEntity { __typename }
    entries { totalCount { value } nodes { rank tiedWith value displayName score tasksCompleted user { externalId } } }
    me { rank }
  }
}
"""
MANAGER = {"person": "mia", "role": "MANAGER"}


def rows(answer: Answer) -> list[tuple[int, str, float]]:
    assert answer.errors == []
    assert answer.data is not None
    return [
        (node["rank"], node["user"]["externalId"], node["value"])
        for node in answer.data["leaderboard"]["entries"]["nodes"]
    ]


# Scores by hand (on time, skill, difficulty over counted tasks):
#   ben   l1 on time, l2 late, l4 bare: 100·(0.5·1/2 + 0.3·0.8 + 0.2·0.65) = 62.0
#   cleo  l1 on time, l3 on time:       100·(0.5 + 0.3·0.9 + 0.2·0.75)     = 92.0
#   dan   l1 late:                      100·(0 + 0.3·0.6 + 0.2·0.5)        = 28.0
SCORES = [(1, "cleo", 92.0), (2, "ben", 62.0), (3, "dan", 28.0)]


async def test_the_organization_by_score(ask: Asker) -> None:
    answer = await ask(BOARD, {"scope": "ORGANIZATION", "metric": "SCORE"}, **MANAGER)
    assert rows(answer) == SCORES
    board = answer.data["leaderboard"]
    assert board["rankedPeople"] == 3
    assert board["entries"]["totalCount"]["value"] == "3"
    assert board["scopeEntity"] == {"__typename": "Organization"}
    assert board["me"] is None


@pytest.mark.parametrize(
    ("scope", "key", "metric", "expected"),
    [
        ("GROUP", "alg-1", "SCORE", [(1, "cleo", 92.0), (2, "ben", 62.0)]),
        ("GROUP", "alg-1", "TASKS", [(1, "ben", 3), (2, "cleo", 2)]),
        # ben 4 of 5, cleo 2 of 3
        ("GROUP", "alg-1", "SUCCESS_RATE", [(1, "ben", 0.8), (2, "cleo", 0.667)]),
        # ben (1200 + 1800) / 2, cleo (900 + 3600) / 2
        ("GROUP", "alg-1", "FASTEST", [(1, "ben", 1500.0), (2, "cleo", 2250.0)]),
        # algebra = l1, l2; dan l1
        ("TOPIC", "algebra", "TASKS", [(1, "ben", 2), (2, "cleo", 1), (2, "dan", 1)]),
        ("LEVEL", "2", "TASKS", [(1, "cleo", 1), (2, "dan", 0)]),
        ("LAB", "l1", "FASTEST", [(1, "cleo", 900.0), (2, "ben", 1200.0), (3, "dan", 2000.0)]),
        ("LAB", "l4", "SCORE", []),
    ],
)
async def test_every_scope_and_metric(
    ask: Asker, scope: str, key: str, metric: str, expected: list[tuple[int, str, float]]
) -> None:
    scope_id = ask.id(scope.capitalize(), key)
    assert rows(await ask(BOARD, {"scope": scope, "id": scope_id, "metric": metric}, **MANAGER)) == expected


async def test_a_period_counts_only_what_was_completed_in_it(ask: Asker) -> None:
    period = {"dates": {"from": "2026-03-05", "to": "2026-03-16"}}
    answer = await ask(BOARD, {"scope": "ORGANIZATION", "metric": "TASKS", "period": period}, **MANAGER)
    assert rows(answer) == [(1, "ben", 2), (2, "cleo", 1)]
    assert answer.data["leaderboard"]["period"] == {
        "from": "2026-03-04T23:00:00.000Z",
        "to": "2026-03-15T23:00:00.000Z",
        "timeZone": "Europe/Madrid",
    }


@pytest.mark.parametrize(
    ("ranking", "ranks"), [("COMPETITION", [1, 2, 2]), ("DENSE", [1, 2, 2]), ("ORDINAL", [1, 2, 3])]
)
async def test_ties(ask: Asker, ranking: str, ranks: list[int]) -> None:
    variables = {"scope": "TOPIC", "id": ask.id("Topic", "algebra"), "metric": "TASKS", "ranking": ranking}
    assert [row[0] for row in rows(await ask(BOARD, variables, **MANAGER))] == ranks


async def test_three_ways_to_rank_a_shared_first_place(fresh_ask: Asker) -> None:
    with fresh_ask.database.connect() as owner:
        # cleo's third task: ben and cleo have three each
        owner.execute(
            """INSERT INTO attempts (organization_id, user_id, lab_id, status, completed_at)
               SELECT u.organization_id, u.id, l.id, 'SUCCEEDED', '2026-03-30Z' FROM users u JOIN labs l USING (organization_id)
               JOIN organizations o ON o.id = u.organization_id
               WHERE o.slug = 'north' AND u.external_id = 'cleo' AND l.type = 'l4'"""
        )
    for ranking, ranks in [("COMPETITION", [1, 1, 3]), ("DENSE", [1, 1, 2]), ("ORDINAL", [1, 2, 3])]:
        variables = {"scope": "ORGANIZATION", "metric": "TASKS", "ranking": ranking}
        assert [row[0] for row in rows(await fresh_ask(BOARD, variables, **MANAGER))] == ranks


async def test_a_learner_sees_their_own_row_with_its_true_rank(ask: Asker) -> None:
    for scope, key in [("ORGANIZATION", None), ("GROUP", ask.id("Group", "alg-1"))]:
        variables = {"scope": scope, "id": key, "metric": "SCORE"}
        answer = await ask(BOARD, variables, person="ben", role="STUDENT")
        assert rows(answer) == [(2, "ben", 62.0)]
        assert answer.data["leaderboard"]["me"] == {"rank": 2}
        assert answer.data["leaderboard"]["entries"]["totalCount"]["value"] == "1"


async def test_a_teacher_sees_their_people_with_their_ranks_among_everybody(ask: Asker) -> None:
    answer = await ask(BOARD, {"scope": "ORGANIZATION", "metric": "SCORE"}, person="tom", role="TEACHER")
    assert rows(answer) == [(3, "dan", 28.0)]
    assert answer.data["leaderboard"]["rankedPeople"] == 3


@pytest.mark.parametrize("organization", ["north", "south"])
async def test_a_board_that_is_not_theirs_answers_as_an_unknown_one(ask: Asker, organization: str) -> None:
    key = ask.id("Group", "alg-2" if organization == "north" else "alg-1", organization)
    answer = await ask(BOARD, {"scope": "GROUP", "id": key, "metric": "SCORE"})
    assert answer.data == {"leaderboard": None}
    assert answer.codes == ["NOT_FOUND"]


async def test_a_scope_needs_its_id(ask: Asker) -> None:
    answer = await ask(BOARD, {"scope": "LAB", "metric": "SCORE"})
    assert answer.codes == ["VALIDATION"]
    assert answer.errors[0]["extensions"]["argument"] == "scopeId"


async def test_the_top_includes_everybody_tied_with_the_last(ask: Asker) -> None:
    document = """query ($id: ID!) { leaderboard(scope: TOPIC, scopeId: $id, metric: TASKS) {
      one: top(first: 1) { rank } two: top(first: 2) { rank } none: top(first: 0) { rank } } }"""
    answer = await ask(document, {"id": ask.id("Topic", "algebra")}, **MANAGER)
    board = answer.data["leaderboard"]
    assert [row["rank"] for row in board["one"]] == [1]
    assert [row["rank"] for row in board["two"]] == [1, 2, 2]
    assert answer.codes == ["VALIDATION"]


async def test_those_around_a_person(ask: Asker) -> None:
    document = "query ($user: ID!) { leaderboard { around(userId: $user, radius: 1) { rank } } }"
    answer = await ask(document, {"user": ask.id("User", "ben")}, **MANAGER)
    assert [row["rank"] for row in answer.data["leaderboard"]["around"]] == [1, 2, 3]
    answer = await ask(document, {"user": ask.id("User", "gus")}, **MANAGER)
    assert answer.data["leaderboard"]["around"] == []


@pytest.mark.parametrize("metric", ["SCORE", "TASKS", "SUCCESS_RATE", "FASTEST"])
@pytest.mark.parametrize("pending", [True, False])
async def test_pages_join_to_the_whole_board(fresh_ask: Asker, metric: str, pending: bool) -> None:
    with fresh_ask.database.connect() as owner:
        owner.execute(
            """INSERT INTO users (organization_id, external_id, username, display_name)
               SELECT o.id, 'x' || n, 'x' || n, 'X ' || n FROM organizations o, generate_series(1, 25) n WHERE o.slug = 'north'"""
        )
        owner.execute(
            """INSERT INTO attempts (organization_id, user_id, lab_id, status, completed_at, duration_seconds, skill_match)
               SELECT u.organization_id, u.id, l.id, CASE WHEN (u.id + l.id) % 4 = 0 THEN 'FAILED' ELSE 'SUCCEEDED' END,
                 '2026-04-01Z', 60 + u.id % 5, (u.id % 3) / 2.0
               FROM users u JOIN labs l USING (organization_id) WHERE u.external_id LIKE 'x%'"""
        )
    if not pending:
        with fresh_ask.database.connect(None) as worker:
            worker.execute("SET ROLE scoregraph_worker")
            worker.execute("SELECT folded FROM fold_attempt_deltas()")
    document = """query ($metric: LeaderboardMetric!, $first: Int, $after: String, $last: Int, $before: String) {
      leaderboard(metric: $metric) { entries(first: $first, after: $after, last: $last, before: $before) {
        nodes { rank value user { id } }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } }"""

    async def page(**variables: Any) -> dict[str, Any]:
        answer = await fresh_ask(document, {"metric": metric, **variables}, **MANAGER)
        assert answer.errors == []
        entries: dict[str, Any] = answer.data["leaderboard"]["entries"]
        return entries

    whole = (await page(first=200))["nodes"]
    values = [row["value"] for row in whole]
    assert values == sorted(values, reverse=metric != "FASTEST")
    better = (lambda a, b: a < b) if metric == "FASTEST" else (lambda a, b: a > b)
    assert [row["rank"] for row in whole] == [1 + sum(better(v, value) for v in values) for value in values]
    forward: list[Any] = []
    entries = await page(first=7)
    forward += entries["nodes"]
    while entries["pageInfo"]["hasNextPage"]:
        entries = await page(first=7, after=entries["pageInfo"]["endCursor"])
        forward += entries["nodes"]
    assert forward == whole
    entries = await page(last=7)
    backward = entries["nodes"]
    while entries["pageInfo"]["hasPreviousPage"]:
        entries = await page(last=7, before=entries["pageInfo"]["startCursor"])
        backward = entries["nodes"] + backward
    assert backward == whole


async def test_groups_and_the_organization_have_boards_of_their_own(ask: Asker) -> None:
    board = "leaderboard(metric: TASKS) { scope scopeEntity { id } top { rank value user { externalId } } }"
    answer = await ask(f"{{ organization {{ id {board} }} groups {{ nodes {{ id {board} }} }} }}", **MANAGER)
    assert answer.errors == []
    organization, groups = answer.data["organization"], answer.data["groups"]["nodes"]
    for scope, owner in [("ORGANIZATION", organization), *(("GROUP", group) for group in groups)]:
        assert owner["leaderboard"]["scope"] == scope
        assert owner["leaderboard"]["scopeEntity"]["id"] == owner["id"]
        asked = await ask(BOARD, {"scope": scope, "id": owner["id"], "metric": "TASKS"}, **MANAGER)
        shown = owner["leaderboard"]["top"]
        assert [(row["rank"], row["user"]["externalId"], row["value"]) for row in shown] == rows(asked)


async def test_boards_of_many_groups_take_no_more_statements_than_of_one(ask: Asker) -> None:
    board = "leaderboard { rankedPeople top { rank } me { rank } }"
    one = await ask(f"query ($id: ID!) {{ group(id: $id) {{ {board} }} }}", {"id": ask.id("Group", "alg-1")}, **MANAGER)
    many = await ask(f"{{ groups {{ nodes {{ {board} }} }} }}", **MANAGER)
    assert len(many.data["groups"]["nodes"]) > 1
    # Both also ask for the groups themselves.
    assert len(many.statements) <= len(one.statements) + 1
