"""Badges given and taken back by hand: the rules leave them as they are."""

from __future__ import annotations

from typing import Any

import pytest

from schema.relay import global_id
from tests.asking import Asker
from tests.schema.test_awards import BEN, MIA, awards, look
from tests.schema.test_roster import ERRORS, ROOT, payload, rows, told
from tests.workers.asking import execute, value
from tests.workers.outbox.reading import waiting

BADGE = "badge { id name criteriaValue isActive earnedAt revokedAt note awardedBy { externalId } }"
GIVE = f"mutation ($input: AwardBadgeInput!) {{ awardBadge(input: $input) {{ {BADGE} replayed {ERRORS} }} }}"
TAKE = f"mutation ($input: RevokeBadgeInput!) {{ revokeBadge(input: $input) {{ {BADGE} replayed {ERRORS} }} }}"
EVERYBODY = "INSERT INTO award_marks (organization_id, user_id) SELECT organization_id, id FROM users"
TRAIL = "SELECT action, object_type, object_ids FROM audit_entries ORDER BY id"


async def give(ask: Asker, person: str, badge: str, **said: Any) -> Any:
    return await ask(GIVE, {"input": {"userId": ask.id("User", person), "badgeKey": badge, **said}}, **ROOT)


async def take(ask: Asker, id: str, reason: str = "By mistake.", **said: Any) -> Any:
    return await ask(TAKE, {"input": {"id": id, "reason": reason, **said}}, **ROOT)


async def look_again(ask: Asker) -> None:
    """At everybody, for all that they did."""
    execute(ask.database, EVERYBODY)
    await look(ask)


async def test_what_is_given_stays_whatever_the_rules_say(fresh_ask: Asker) -> None:
    given = payload(await give(fresh_ask, "gus", "streak_30", reason="Helped everybody."))
    assert given["userErrors"] == []
    badge = given["badge"]
    assert (badge["name"], badge["isActive"], badge["note"]) == ("30 days in a row", True, "Helped everybody.")
    assert (badge["criteriaValue"], badge["revokedAt"]) == (0.0, None)
    giver = rows(fresh_ask, "SELECT external_id FROM users WHERE external_id = 'root'")
    assert badge["awardedBy"] == ({"externalId": "root"} if giver else None)
    execute(fresh_ask.database, "UPDATE award_definitions SET revocable = true")
    await look_again(fresh_ask)
    [kept] = (await awards(fresh_ask, "gus"))["badges"]["nodes"]
    assert (kept["id"], kept["earnedAt"]) == (badge["id"], badge["earnedAt"])
    assert rows(fresh_ask, "SELECT note FROM awards WHERE by_hand") == [("Helped everybody.",)]
    [(kind, _, data)] = [row for row in waiting(fresh_ask.database) if row[1] == "users/gus"]
    assert data.pop("achievedAt")[:23] == badge["earnedAt"][:23]
    said = {"userId": "gus", "award": "streak_30", "kind": "BADGE", "week": None, "achievedValue": 0.0}
    assert (kind, data) == ("AwardGranted", said)
    [number] = rows(fresh_ask, "SELECT id FROM awards WHERE by_hand")[0]
    assert rows(fresh_ask, TRAIL) == [("awardBadge", "PerformanceBadge", [number])]


async def test_what_is_taken_back_is_not_given_again_by_the_rules(fresh_ask: Asker) -> None:
    await look(fresh_ask)
    [earned] = (await awards(fresh_ask, "cleo"))["badges"]["nodes"]
    taken = payload(await take(fresh_ask, earned["id"]))
    assert (taken["badge"]["isActive"], taken["badge"]["note"]) == (False, "By mistake.")
    revoked_at = taken["badge"]["revokedAt"]
    await look_again(fresh_ask)
    assert (await awards(fresh_ask, "cleo"))["badges"]["nodes"] == []
    # Nor does the end of its evidence take it back a second time.
    execute(fresh_ask.database, "UPDATE award_definitions SET revocable = true")
    execute(fresh_ask.database, "UPDATE attempts SET deleted_at = now()")
    await look(fresh_ask)
    again = "query ($id: ID!) { node(id: $id) { ... on PerformanceBadge { revokedAt note } } }"
    found = payload(await fresh_ask(again, {"id": earned["id"]}, **MIA))
    assert found == {"revokedAt": revoked_at, "note": "By mistake."}
    assert told(await take(fresh_ask, earned["id"])) == [("INVALID_STATE", "input.id", None)]
    assert rows(fresh_ask, TRAIL)[0][:2] == ("revokeBadge", "PerformanceBadge")


async def test_given_again_it_is_another_one(fresh_ask: Asker) -> None:
    first = payload(await give(fresh_ask, "gus", "punctual", idempotencyKey="k"))["badge"]
    replayed = payload(await give(fresh_ask, "gus", "punctual", idempotencyKey="k"))
    assert (replayed["replayed"], replayed["badge"]) == (True, first)
    assert told(await give(fresh_ask, "gus", "punctual")) == [("CONFLICT", "input.badgeKey", None)]
    await take(fresh_ask, first["id"])
    second = payload(await give(fresh_ask, "gus", "punctual"))["badge"]
    assert second["id"] != first["id"]
    assert (second["isActive"], second["revokedAt"], second["note"]) == (True, None, None)
    assert value(fresh_ask.database, "SELECT count(*) FROM awards WHERE by_hand") == 1
    assert [row[0] for row in waiting(fresh_ask.database)] == ["AwardGranted"] * 2
    assert payload(await give(fresh_ask, "gus", "punctual", idempotencyKey="k"))["badge"] is None


async def test_a_badge_of_a_week_that_was_given_is_no_perfect_week(fresh_ask: Asker) -> None:
    execute(fresh_ask.database, "UPDATE award_definitions SET kind = 'BADGE' WHERE slug = 'perfect_week'")
    assert payload(await give(fresh_ask, "gus", "perfect_week"))["userErrors"] == []
    [_, weekly] = (await awards(fresh_ask, "gus"))["streaks"]
    assert (weekly["current"], weekly["longest"], weekly["lastCountedOn"]) == (0, 0, None)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"badgeKey": "nothing"}, ("NOT_FOUND", "input.badgeKey", None)),
        ({"badgeKey": "100_tasks"}, ("NOT_FOUND", "input.badgeKey", None)),  # a milestone says what is so
        ({"badgeKey": "\0"}, ("VALIDATION", "input.badgeKey", "TEXT")),
        ({"badgeKey": "punctual"}, ("INVALID_STATE", "input.badgeKey", None)),
        ({"userId": global_id("User", 10**15)}, ("NOT_FOUND", "input.userId", None)),
        ({"userId": global_id("Group", 1)}, ("NOT_FOUND", "input.userId", None)),
        ({"reason": ""}, ("VALIDATION", "input.reason", "LENGTH")),
        ({"reason": "x" * 1001}, ("VALIDATION", "input.reason", "LENGTH")),
        ({"reason": "\0"}, ("VALIDATION", "input.reason", "TEXT")),
    ],
)
async def test_what_cannot_be_given(
    fresh_ask: Asker, said: dict[str, Any], expected: tuple[str, str, str | None]
) -> None:
    execute(fresh_ask.database, "UPDATE award_definitions SET is_active = false WHERE slug = 'punctual'")
    whole = {"userId": fresh_ask.id("User", "gus"), "badgeKey": "full_marks"}
    assert told(await fresh_ask(GIVE, {"input": whole | said}, **ROOT)) == [expected]
    assert value(fresh_ask.database, "SELECT count(*) FROM awards WHERE by_hand") == 0
    assert rows(fresh_ask, TRAIL) == []


async def test_what_cannot_be_taken_back(fresh_ask: Asker) -> None:
    await look(fresh_ask)
    [milestone, *_] = (await awards(fresh_ask, "cleo"))["milestones"]["nodes"]
    assert told(await take(fresh_ask, milestone["id"])) == [("NOT_FOUND", "input.id", None)]
    of = "SELECT a.id FROM awards a JOIN award_definitions d ON d.id = definition_id WHERE d.kind = {}"
    number = value(fresh_ask.database, of.format("'MILESTONE' LIMIT 1"))
    assert told(await take(fresh_ask, global_id("PerformanceBadge", number))) == [("NOT_FOUND", "input.id", None)]
    [badge] = (await awards(fresh_ask, "cleo"))["badges"]["nodes"]
    assert told(await take(fresh_ask, badge["id"], "")) == [("VALIDATION", "input.reason", "LENGTH")]
    south = await fresh_ask(
        TAKE, {"input": {"id": badge["id"], "reason": "x"}}, person="sync", role="ADMIN", organization="south"
    )
    assert told(south) == [("NOT_FOUND", "input.id", None)]
    assert len((await awards(fresh_ask, "cleo"))["badges"]["nodes"]) == 1


async def test_only_who_may_curate(ask: Asker) -> None:
    whole = {"userId": ask.id("User", "cleo"), "badgeKey": "full_marks"}
    for viewer in (MIA, BEN, {"person": "ada", "role": "TEACHER"}, {"person": "sync", "role": "SERVICE"}):
        for document, said in ((GIVE, whole), (TAKE, {"id": global_id("PerformanceBadge", 1), "reason": "x"})):
            answer = payload(await ask(document, {"input": said}, **viewer))
            assert [error["permission"] for error in answer["userErrors"]] == ["CURATE"]
