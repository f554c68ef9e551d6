"""People as each role sees them."""

import base64

import orjson
import pytest

from tests.asking import Asker

CARD = """
query Card($by: UserRef!) {
  user(by: $by) {
    externalId displayName
    rank { rank tiedWith rankedPeople }
    performance {
      score tasksCompleted experienceLevel avgCompletionTimeSeconds
      metrics { onTimeRatio skillAccuracy difficultyFactor avgCompletionSpeedDays }
      attempts { attempts successRate }
    }
  }
}
"""


async def test_a_card_shows_the_counted_tasks(ask: Asker) -> None:
    answer = await ask(CARD, {"by": {"externalId": "ben"}})
    assert answer.errors == []
    card = answer.data["user"]["performance"]
    # l1 on time (first success), l2 late, l4 without deadline, skill or difficulty:
    # 100 · (0.5 · 1/2 + 0.3 · 0.8 + 0.2 · 0.65) = 62.0
    assert card["score"] == 62.0
    assert card["tasksCompleted"] == 3
    assert card["experienceLevel"] == 2
    assert card["metrics"]["onTimeRatio"] == 0.5
    assert card["metrics"]["skillAccuracy"] == pytest.approx(0.8)
    assert card["avgCompletionTimeSeconds"] == 1500
    assert card["attempts"] == {"attempts": "5", "successRate": 0.8}


@pytest.mark.parametrize(
    ("person", "role", "expected"),
    [
        ("ben", "STUDENT", ["ben"]),
        ("ada", "TEACHER", ["ada", "ben", "cleo"]),
        ("tom", "TEACHER", ["dan", "tom"]),
        ("mia", "MANAGER", ["ada", "ben", "cleo", "dan", "gus", "mia", "root", "tom"]),
    ],
)
async def test_each_role_lists_its_people(ask: Asker, person: str, role: str, expected: list[str]) -> None:
    answer = await ask("{ users(orderBy: {field: USERNAME}) { nodes { externalId } } }", person=person, role=role)
    assert [node["externalId"] for node in answer.data["users"]["nodes"]] == expected


@pytest.mark.parametrize("kind", ["foreign", "unknown", "hidden"])
async def test_a_foreign_person_and_an_unknown_one_answer_alike(ask: Asker, kind: str) -> None:
    from schema.relay import global_id

    key = {
        "foreign": ask.id("User", "ben", "south"),
        "unknown": global_id("User", 999_999),
        "hidden": ask.id("User", "dan"),
    }[kind]
    answer = await ask(CARD, {"by": {"id": key}})
    assert answer.data == {"user": None}
    assert answer.errors[0]["message"] == "There is no such user."
    assert answer.errors[0]["path"] == ["user"]
    assert answer.codes == ["NOT_FOUND"]


@pytest.mark.parametrize(
    ("arguments", "argument"),
    [
        ("first: 1, last: 1", "last"),
        ("first: 201", "first"),
        ("first: -1", "first"),
        ('after: "x"', "after"),
        ('after: "WyJ1c2VyczpTQ09SRTpERVNDIiwiOTcuNiIsNzQyXQ"', "after"),
    ],
)
async def test_pages_that_cannot_be(ask: Asker, arguments: str, argument: str) -> None:
    answer = await ask(f"{{ users({arguments}) {{ nodes {{ id }} }} }}")
    assert answer.codes == ["VALIDATION"]
    assert answer.errors[0]["extensions"]["argument"] == argument


@pytest.mark.parametrize("field", ["DISPLAY_NAME", "USERNAME", "SCORE", "TASKS_COMPLETED"])
@pytest.mark.parametrize("direction", ["ASC", "DESC"])
async def test_pages_in_any_order_join_to_the_whole_list(ask: Asker, field: str, direction: str) -> None:
    document = """query ($order: UserOrder, $first: Int, $after: String, $last: Int, $before: String) {
      users(orderBy: $order, first: $first, after: $after, last: $last, before: $before) {
        nodes { externalId } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"""
    order = {"field": field, "direction": direction}
    who = {"person": "mia", "role": "MANAGER"}
    whole = [n["externalId"] for n in (await ask(document, {"order": order}, **who)).data["users"]["nodes"]]
    forward: list[str] = []
    after = None
    while True:
        page = (await ask(document, {"order": order, "first": 3, "after": after}, **who)).data["users"]
        forward += [n["externalId"] for n in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    backward: list[str] = []
    before = None
    while True:
        page = (await ask(document, {"order": order, "last": 3, "before": before}, **who)).data["users"]
        backward = [n["externalId"] for n in page["nodes"]] + backward
        before = page["pageInfo"]["startCursor"]
        if not page["pageInfo"]["hasPreviousPage"]:
            break
    assert forward == whole == backward


@pytest.mark.parametrize("score", ["NaN", "Infinity", "1e999999", "1e-999999", "1" * 200, "x"])
async def test_a_forged_cursor_is_refused(ask: Asker, score: str) -> None:
    cursor = base64.urlsafe_b64encode(orjson.dumps(["users:SCORE:ASC", score, 1])).decode()
    query = "query ($after: String) { users(orderBy: {field: SCORE}, after: $after) { nodes { id } } }"
    answer = await ask(query, {"after": cursor})
    assert answer.codes == ["VALIDATION"]


async def test_a_name_cannot_turn_around_what_stands_beside_it(fresh_ask: Asker) -> None:
    with fresh_ask.database.connect() as owner:
        owner.execute("UPDATE users SET display_name = %s WHERE external_id = 'ben'", ("Anna\u202egnp.exe\u2066",))
    answer = await fresh_ask('{ user(by: {externalId: "ben"}) { displayName } }')
    assert answer.data == {"user": {"displayName": "Annagnp.exe"}}
