"""Two people beside each other."""

from typing import Any

import pytest

from schema.relay import global_id
from tests.asking import Asker

MIA = {"person": "mia", "role": "MANAGER"}

COMPARED = """ outcome scoreDifference winner { externalId } period { from }
  a { score user { externalId } } b { score user { externalId } } """
COMPARE = f"query ($a: ID!, $b: ID!, $p: PeriodInput) {{ comparePerformance(userA: $a, userB: $b, period: $p) {{ {COMPARED} }} }}"
MEMBERS = (
    f"query ($g: ID!, $a: ID!, $b: ID!) {{ group(id: $g) {{ compareMembers(userA: $a, userB: $b) {{ {COMPARED} }} }} }}"
)


def pair(ask: Asker, a: str, b: str) -> dict[str, Any]:
    return {"a": ask.id("User", a), "b": ask.id("User", b)}


@pytest.mark.parametrize(
    ("a", "b", "outcome", "difference", "winner"),
    [
        ("ben", "cleo", "B_WINS", -30.0, "cleo"),
        ("cleo", "ben", "A_WINS", 30.0, "cleo"),
        ("ben", "ben", "TIE", 0.0, None),
        ("ben", "gus", "NOT_COMPARABLE", None, None),
        ("gus", "mia", "NOT_COMPARABLE", None, None),
    ],
)
async def test_who_is_ahead(
    ask: Asker, a: str, b: str, outcome: str, difference: float | None, winner: str | None
) -> None:
    answer = await ask(COMPARE, pair(ask, a, b), **MIA)
    assert answer.errors == []
    found = answer.data["comparePerformance"]
    assert (found["outcome"], found["period"]) == (outcome, None)
    assert found["scoreDifference"] == (None if difference is None else pytest.approx(difference))
    assert found["winner"] == (None if winner is None else {"externalId": winner})
    assert (found["a"]["user"]["externalId"], found["b"]["user"]["externalId"]) == (a, b)


async def test_in_a_period(ask: Asker) -> None:
    period = {"dates": {"from": "2026-03-03", "to": "2026-03-05"}}
    answer = await ask(COMPARE, {**pair(ask, "ben", "cleo"), "p": period})
    assert answer.errors == []
    found = answer.data["comparePerformance"]
    # l1 each, on time, difficulty 5; skills 0.9 and 1.0: 50 + 27 + 10 and 50 + 30 + 10
    assert (found["a"]["score"], found["b"]["score"], found["scoreDifference"]) == (87.0, 90.0, -3.0)
    assert found["period"] == {"from": "2026-03-02T23:00:00.000Z"}
    before = await ask(
        COMPARE, {**pair(ask, "ben", "cleo"), "p": {"dates": {"from": "2025-03-03", "to": "2025-03-05"}}}
    )
    assert before.data["comparePerformance"]["outcome"] == "NOT_COMPARABLE"


async def test_scores_that_look_equal_are_a_tie(fresh_ask: Asker) -> None:
    with fresh_ask.database.connect(None) as connection:
        for person, skill in (("gus", 0.8504), ("mia", 0.8496)):
            connection.execute(
                """INSERT INTO attempts (organization_id, user_id, lab_id, status, completed_at, skill_match)
                SELECT u.organization_id, u.id, l.id, 'SUCCEEDED', '2026-03-03Z', %s
                FROM users u JOIN labs l ON l.organization_id = u.organization_id AND l.type = 'l4' WHERE u.id = %s""",
                (skill, fresh_ask.key("users", person)),
            )
    found = (await fresh_ask(COMPARE, pair(fresh_ask, "gus", "mia"), **MIA)).data["comparePerformance"]
    assert (found["a"]["score"], found["b"]["score"]) == (85.0, 85.0)
    assert (found["outcome"], found["scoreDifference"], found["winner"]) == ("TIE", 0.0, None)


@pytest.mark.parametrize("kind", ["foreign", "unknown", "hidden", "group"])
@pytest.mark.parametrize("side", ["a", "b"])
async def test_both_must_be_visible(ask: Asker, kind: str, side: str) -> None:
    other = {
        "foreign": ask.id("User", "ben", "south"),
        "unknown": global_id("User", 999_999),
        "hidden": ask.id("User", "dan"),
        "group": ask.id("Group", "alg-1"),
    }[kind]
    answer = await ask(COMPARE, {**pair(ask, "ben", "ben"), side: other})
    assert answer.data == {"comparePerformance": None}
    assert answer.codes == ["NOT_FOUND"]
    assert answer.errors[0]["message"] == "There is no such user."


async def test_a_student_may_not_compare_even_themselves(ask: Asker) -> None:
    answer = await ask(COMPARE, pair(ask, "ben", "ben"), person="ben", role="STUDENT")
    assert answer.codes == ["FORBIDDEN"]
    answer = await ask(
        MEMBERS, {**pair(ask, "ben", "ben"), "g": ask.id("Group", "alg-1")}, person="ben", role="STUDENT"
    )
    assert answer.data == {"group": {"compareMembers": None}}
    assert answer.codes == ["FORBIDDEN"]


async def test_malformed_ids(ask: Asker) -> None:
    answer = await ask(COMPARE, {**pair(ask, "ben", "ben"), "b": "nonsense"})
    assert answer.codes == ["VALIDATION"]
    assert answer.errors[0]["extensions"]["argument"] == "userB"


async def test_members_of_a_group(ask: Asker) -> None:
    answer = await ask(MEMBERS, {**pair(ask, "ben", "cleo"), "g": ask.id("Group", "alg-1")})
    assert answer.errors == []
    assert answer.data["group"]["compareMembers"]["outcome"] == "B_WINS"


@pytest.mark.parametrize("other", ["dan", "ada", "fay"])
async def test_only_present_members_of_a_group(ask: Asker, other: str) -> None:
    """dan is in another group, ada leads it, fay is deactivated: each is visible to the manager."""
    answer = await ask(MEMBERS, {**pair(ask, "ben", other), "g": ask.id("Group", "alg-1")}, **MIA)
    assert answer.data == {"group": {"compareMembers": None}}
    assert answer.codes == ["NOT_FOUND"]
