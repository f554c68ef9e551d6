"""Badges, milestones and streaks in the graph: who sees whose, and saying what awards there are."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from db.engine import write_engine
from schema.relay import global_id
from settings import DatabaseRole
from tests.asking import Asker
from tests.schema.test_roster import ERRORS, ROOT, payload, rows, told
from tests.workers.asking import execute
from workers.awards import award_some

AWARDS = """query ($person: String!, $revoked: Boolean!, $first: Int, $after: String, $last: Int) {
  user(by: {externalId: $person}) {
    milestones(includeRevoked: $revoked, first: $first, after: $after, last: $last) {
      totalCount { value } pageInfo { hasNextPage endCursor }
      nodes { id milestoneType name achievedValue achievedAt week revokedAt note definition { key revocable } user { externalId } } }
    badges { nodes { id name icon criteria criteriaValue isActive earnedAt } }
    streaks { kind current longest lastCountedOn expiresAt }
    awardProgress { definition { key } value threshold achievedAt } } }"""
SAVE = f"""mutation ($input: SaveBadgeDefinitionInput!) {{ saveBadgeDefinition(input: $input) {{
  definition {{ id key kind name description icon rule threshold revocable isActive holders }} replayed {ERRORS} }} }}"""
MIA: dict[str, Any] = {"person": "mia", "role": "MANAGER"}
BEN: dict[str, Any] = {"person": "ben", "role": "STUDENT"}


@pytest.fixture
async def awarded(fresh_ask: Asker) -> Asker:
    """The school, once a worker was there."""
    async with worker(fresh_ask) as engine:
        await award_some(engine)
    return fresh_ask


@asynccontextmanager
async def worker(ask: Asker) -> AsyncIterator[AsyncEngine]:
    engine = write_engine(ask.database.url, DatabaseRole.WORKER)
    yield engine
    await engine.dispose()


async def look(ask: Asker) -> None:
    execute(ask.database, "SELECT fold_attempt_deltas()")
    async with worker(ask) as engine:
        await award_some(engine)


async def awards(ask: Asker, person: str, viewer: dict[str, Any] = MIA, *, revoked: bool = False, **page: Any) -> Any:
    answer = await ask(AWARDS, {"person": person, "revoked": revoked, **page}, **viewer)
    assert answer.errors == []
    assert answer.data is not None
    return answer.data["user"]


async def test_what_a_learner_has(awarded: Asker) -> None:
    cleo = await awards(awarded, "cleo", {"person": "cleo", "role": "STUDENT"})
    [first] = cleo["milestones"]["nodes"]
    assert (first["milestoneType"], first["achievedAt"], first["achievedValue"]) == (
        "first_task",
        "2026-03-04T10:00:00.000Z",
        1.0,
    )
    assert first["definition"] == {"key": "first_task", "revocable": True}
    assert (first["user"], first["week"], first["note"]) == ({"externalId": "cleo"}, None, None)
    [best] = cleo["badges"]["nodes"]
    assert (best["name"], best["criteria"], best["criteriaValue"], best["isActive"]) == (
        "Full marks",
        "TASK_SCORE",
        100.0,
        True,
    )
    assert best["earnedAt"] == "2026-03-15T10:00:00.000Z"
    progress = {p["definition"]["key"]: (p["value"], p["threshold"]) for p in cleo["awardProgress"]}
    assert progress["100_tasks"] == (2.0, 100.0)
    assert progress["punctual"] == (2.0, 50.0)
    assert progress["full_marks"] == (100.0, 100.0)
    assert (progress["streak_7"], progress["perfect_week"]) == ((0.0, 7.0), (0.0, 3.0))
    assert (await awards(awarded, "gus"))["milestones"] == {
        "totalCount": {"value": "0"}, "pageInfo": {"hasNextPage": False, "endCursor": None}, "nodes": []
    }  # fmt: skip


async def test_whose_awards_are_seen(awarded: Asker) -> None:
    ada: dict[str, Any] = {"person": "ada", "role": "TEACHER"}
    [badge] = (await awards(awarded, "cleo", ada))["badges"]["nodes"]
    [first] = (await awards(awarded, "cleo", ada))["milestones"]["nodes"]
    node = "query ($id: ID!) { node(id: $id) { __typename } }"
    for id, kind in ((badge["id"], "PerformanceBadge"), (first["id"], "PerformanceMilestone")):
        assert (await awarded(node, {"id": id}, **ada)).data == {"node": {"__typename": kind}}
        for viewer in (BEN, {"person": "tom", "role": "TEACHER"}, {**MIA, "organization": "south"}):
            assert (await awarded(node, {"id": id}, **viewer)).codes == ["NOT_FOUND"]
    # An id of the other kind names nothing.
    key = rows(
        awarded, "SELECT a.id FROM awards a JOIN award_definitions d ON d.id = definition_id WHERE d.kind = 'BADGE'"
    )[0][0]
    assert (await awarded(node, {"id": global_id("PerformanceMilestone", key)}, **MIA)).codes == ["NOT_FOUND"]


async def test_pages_of_many_people_take_one_statement(awarded: Asker) -> None:
    answer = await awarded(
        "{ users { nodes { badges { nodes { name } } milestones { nodes { milestoneType } } streaks { current } } } }",
        **MIA,
    )
    assert answer.errors == []
    assert len([s for s in answer.statements if "unnest" in s and "awards" in s]) <= 2
    assert len(answer.statements) <= 4


async def test_revoked_ones_are_shown_to_who_asks(awarded: Asker) -> None:
    execute(awarded.database, "UPDATE attempts SET deleted_at = now() WHERE source_id LIKE 'cleo-%'")
    await look(awarded)
    assert (await awards(awarded, "cleo"))["milestones"]["nodes"] == []
    [first] = (await awards(awarded, "cleo", revoked=True))["milestones"]["nodes"]
    assert first["revokedAt"] is not None
    assert first["note"] == "What it was awarded for is no longer there."
    assert len((await awards(awarded, "cleo"))["badges"]["nodes"]) == 1, "a present is kept"


@pytest.mark.parametrize(("days", "current"), [((3, 2, 1), 3), ((2, 1, 0), 3), ((4, 3, 2), 0), ((9, 8, 7, 6, 1), 1)])
async def test_today_is_not_over_yet(fresh_ask: Asker, days: tuple[int, ...], current: int) -> None:
    gus, lab = fresh_ask.key("users", "gus"), fresh_ask.key("labs", "l1")
    execute(fresh_ask.database, "UPDATE users SET time_zone = 'UTC' WHERE external_id = 'gus'")
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    for ago in days:
        at = today - timedelta(days=ago)
        execute(
            fresh_ask.database,
            "INSERT INTO attempts (organization_id, user_id, lab_id, status, completed_at)"
            f" SELECT organization_id, id, {lab}, 'FAILED', '{at.isoformat()}' FROM users WHERE id = {gus}",
        )
    [daily, weekly] = (await awards(fresh_ask, "gus"))["streaks"]
    assert (daily["kind"], daily["current"]) == ("DAILY_ACTIVITY", current)
    assert daily["longest"] == max(current, 3 if len(days) == 3 else 4)
    last = today - timedelta(days=min(days))
    assert daily["lastCountedOn"] == last.date().isoformat()
    ends = (last + timedelta(days=2)).strftime("%Y-%m-%dT00:00:00.000Z")
    assert daily["expiresAt"] == (ends if current else None)
    assert weekly == {"kind": "PERFECT_WEEK", "current": 0, "longest": 0, "lastCountedOn": None, "expiresAt": None}


async def test_perfect_weeks_in_a_row(fresh_ask: Asker) -> None:
    gus = fresh_ask.key("users", "gus")
    execute(fresh_ask.database, "UPDATE users SET time_zone = 'UTC' WHERE external_id = 'gus'")
    today = datetime.now(UTC).date()
    monday = today - timedelta(days=today.weekday())
    for ago in (5, 4, 2, 1):
        week = monday - timedelta(weeks=ago)
        execute(
            fresh_ask.database,
            "INSERT INTO awards (organization_id, user_id, definition_id, window_start, achieved_at, achieved_value)"
            f" SELECT organization_id, {gus}, id, '{week}', '{week}', 3 FROM award_definitions"
            " WHERE slug = 'perfect_week' AND organization_id = (SELECT organization_id FROM users WHERE id = {})".format(
                gus
            ),
        )
    [_, weekly] = (await awards(fresh_ask, "gus"))["streaks"]
    assert (weekly["current"], weekly["longest"]) == (2, 2)
    assert weekly["lastCountedOn"] == (monday - timedelta(days=1)).isoformat()
    assert weekly["expiresAt"] == f"{monday + timedelta(weeks=1)}T01:00:00.000Z"


# --- what awards there are ----------------------------------------------------------------------------


async def test_every_organization_begins_with_some(ask: Asker) -> None:
    query = "query ($kind: AwardKind) { badgeDefinitions(kind: $kind) { key kind } }"
    answer = await ask(query, **BEN)
    assert answer.data
    keys = [found["key"] for found in answer.data["badgeDefinitions"]]
    assert sorted(keys) == [
        "100_tasks",
        "10_tasks",
        "first_task",
        "full_marks",
        "perfect_week",
        "punctual",
        "streak_30",
        "streak_7",
    ]
    answer = await ask(query, {"kind": "BADGE"}, **BEN)
    assert answer.data
    assert {found["kind"] for found in answer.data["badgeDefinitions"]} == {"BADGE"}


async def test_a_new_award_is_for_what_was_done_before(awarded: Asker) -> None:
    said = {
        "key": "pair",
        "kind": "MILESTONE",
        "name": "A pair",
        "rule": "TASKS",
        "threshold": 2,
        "idempotencyKey": "k",
    }
    made = payload(await awarded(SAVE, {"input": said}, **ROOT))
    assert made["userErrors"] == []
    definition = made["definition"]
    assert (definition["revocable"], definition["isActive"], definition["holders"]) == (True, True, 0)
    assert payload(await awarded(SAVE, {"input": said}, **ROOT))["replayed"] is True
    await look(awarded)
    assert [m["milestoneType"] for m in (await awards(awarded, "cleo"))["milestones"]["nodes"]] == [
        "pair",
        "first_task",
    ]
    changed = payload(await awarded(SAVE, {"input": {"id": definition["id"], "threshold": 3, "name": "Three"}}, **ROOT))
    assert (changed["definition"]["name"], changed["definition"]["threshold"], changed["definition"]["holders"]) == (
        "Three",
        3.0,
        2,
    )
    await look(awarded)
    holders = rows(
        awarded,
        "SELECT u.external_id FROM awards a JOIN users u ON u.id = user_id JOIN award_definitions d ON d.id = definition_id WHERE slug = 'pair' AND revoked_at IS NULL",
    )
    assert holders == [("ben",)]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"key": "Bad key"}, ("VALIDATION", "input.key", "FORMAT")),
        ({"key": None}, ("VALIDATION", "input.key", "FORMAT")),
        ({"key": "100_tasks"}, ("CONFLICT", "input.key", None)),
        ({"threshold": 1.5}, ("VALIDATION", "input.threshold", "RANGE")),
        ({"threshold": 0}, ("VALIDATION", "input.threshold", "RANGE")),
        ({"threshold": 1e300}, ("VALIDATION", "input.threshold", "RANGE")),
        ({"rule": "TASK_SCORE", "threshold": 100.1}, ("VALIDATION", "input.threshold", "RANGE")),
        ({"name": ""}, ("VALIDATION", "input.name", "LENGTH")),
        ({"icon": "\0"}, ("VALIDATION", "input.icon", "TEXT")),
        ({"description": "x" * 1001}, ("VALIDATION", "input.description", "LENGTH")),
        ({"id": global_id("BadgeDefinition", 1), "key": "x"}, ("VALIDATION", "input.key", "CONSISTENCY")),
        ({"id": global_id("BadgeDefinition", 10**15), "key": None}, ("NOT_FOUND", "input.id", None)),
        ({"id": global_id("User", 1), "key": None}, ("NOT_FOUND", "input.id", None)),
    ],
)
async def test_what_cannot_be_an_award(ask: Asker, said: dict[str, Any], expected: tuple[str, str, str | None]) -> None:
    whole = {"key": "new", "kind": "BADGE", "name": "New", "rule": "TASKS", "threshold": 5}
    assert told(await ask(SAVE, {"input": whole | said}, **ROOT)) == [expected]


async def test_a_new_award_is_said_whole(ask: Asker) -> None:
    assert [path for _, path, _ in told(await ask(SAVE, {"input": {"key": "new", "name": "New"}}, **ROOT))] == [
        "input.kind",
        "input.rule",
        "input.threshold",
    ]


async def test_only_who_may_curate(ask: Asker) -> None:
    for viewer in (MIA, BEN, {"person": "sync", "role": "SERVICE"}):
        answer = payload(await ask(SAVE, {"input": {"key": "new", "name": "New"}}, **viewer))
        assert [error["permission"] for error in answer["userErrors"]] == ["CURATE"]
