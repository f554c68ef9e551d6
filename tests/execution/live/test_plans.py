"""Subscriptions that many follow: asked once for all, told to each what is news, and never to whom it is none of their
business.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from graphql import ExecutionResult, GraphQLError

from schema.graph import graph
from tests.execution.live.ear import Ear, Listening, eventually

BOARD = """subscription ($throttle: Float! = 0.1) { leaderboardUpdated(metric: TASKS, throttle: $throttle) {
  leaderboard { top(first: 20) { rank value user { externalId } } } } }"""
CHANGES = """subscription ($since: String, $first: Int! = 20) {
  leaderboardUpdated(metric: TASKS, throttle: 0.1, first: $first, since: $since) { version isSnapshot sequence changes {
    kind userId position previousRank previousValue entry { rank value user { externalId } } } } }"""
GROUP_BOARD = """subscription ($group: ID!) { leaderboardUpdated(scope: GROUP, scopeId: $group, metric: TASKS, throttle: 0.1) {
  leaderboard { top(first: 20) { value user { externalId } } } } }"""
OWN_PLACE = (
    "subscription { leaderboardUpdated(metric: TASKS, throttle: 0.1) { leaderboard { me { user { externalId } } } } }"
)
CARD = "subscription ($user: ID!) { userPerformanceUpdated(userId: $user, throttle: 0.1) { tasksCompleted } }"

COMPLETE = """
INSERT INTO attempts (organization_id, user_id, lab_id, status, completed_at)
SELECT u.organization_id, u.id, l.id, 'SUCCEEDED', now() - interval '1 minute'
FROM users u JOIN labs l USING (organization_id) JOIN organizations o ON o.id = u.organization_id
WHERE o.slug = 'north' AND u.external_id = %s AND l.type = %s
"""


def completes(listen: Listening, person: str, lab: str) -> None:
    with listen.ask.database.connect() as owner:
        owner.execute(COMPLETE, (person, lab))


def run(listen: Listening, statement: str) -> None:
    with listen.ask.database.connect() as owner:
        owner.execute(statement)


def tasks(update: dict[str, Any]) -> dict[str, float]:
    return {row["user"]["externalId"]: row["value"] for row in update["leaderboard"]["top"]}


async def test_the_first_answer_comes_at_once_and_then_what_is_news(listen: Listening) -> None:
    ear = listen(BOARD)
    before = tasks(await ear.data())
    assert before["ben"] == 3.0
    completes(listen, "ben", "l3")
    assert tasks(await ear.data()) == {**before, "ben": 4.0}
    await listen.settled()
    asked = listen.plans.asked
    run(listen, "UPDATE groups SET name = name || '!'")
    await listen.settled()
    assert listen.plans.asked == asked + 1, "the organization has changed"
    assert ear.is_silent, "its board has not"


async def test_many_changes_at_once_are_one_answer(listen: Listening) -> None:
    ear = listen(BOARD)
    await ear.data()
    await listen.settled()
    asked = listen.plans.asked
    for lab in ("l2", "l3", "l4"):
        completes(listen, "gus", lab)
    await listen.settled()
    assert tasks(await ear.data())["gus"] == 3.0
    assert ear.is_silent
    assert listen.plans.asked <= asked + 2


async def test_whoever_may_share_an_answer_shares_its_execution_and_its_bytes(listen: Listening) -> None:
    alone = listen(BOARD, person="somebody else")
    await alone.data()
    await listen.settled()
    listen.ask.pool.statements.clear()
    completes(listen, "ben", "l3")
    await alone.data()
    one = len(listen.ask.pool.statements)
    ears = [listen(BOARD, person=f"manager {number % 100}") for number in range(300)]
    await asyncio.gather(*(ear.data() for ear in ears))
    await listen.settled()
    assert len(listen.plans) == 1

    asked = listen.plans.asked
    listen.ask.pool.statements.clear()
    completes(listen, "cleo", "l2")
    answers = await asyncio.gather(*(ear.data() for ear in ears))
    assert {tasks(answer)["cleo"] for answer in answers} == {3.0}
    assert listen.plans.asked == asked + 1
    assert len(listen.ask.pool.statements) == one
    assert len({id(ear.payloads[-1]) for ear in ears}) == 1


async def test_who_comes_late_costs_nothing_while_nothing_has_changed(listen: Listening) -> None:
    first = await listen(BOARD).data()
    await listen.settled()
    asked = listen.plans.asked
    listen.ask.pool.statements.clear()
    late = [listen(BOARD, person=f"late {number}") for number in range(10)]
    assert await asyncio.gather(*(ear.data() for ear in late)) == [first] * 10
    assert listen.plans.asked == asked
    assert listen.ask.pool.statements == []


async def test_who_comes_after_a_change_sees_it_whatever_the_throttle(listen: Listening) -> None:
    patient = {"throttle": 60.0}
    first = listen(BOARD, patient)
    assert tasks(await first.data())["ben"] == 3.0
    await listen.ask.services.changes.catch_up()
    completes(listen, "ben", "l3")
    assert tasks(await listen(BOARD, patient).data())["ben"] == 4.0
    assert first.is_silent, "for the others the throttle holds"


async def test_a_plan_ends_with_its_last_follower(listen: Listening) -> None:
    ears = [listen(BOARD), listen(BOARD)]
    for ear in ears:
        await ear.data()
    for ear in ears:
        assert len(listen.plans) == 1
        assert ear.follower is not None
        ear.follower.leave()
    assert (len(listen.plans), listen.plans.followers) == (0, 0)
    completes(listen, "ben", "l3")
    await listen.settled()
    assert all(ear.is_silent for ear in ears)


async def test_who_leaves_while_the_first_answer_is_made_is_told_nothing(listen: Listening) -> None:
    gone, stays = listen(BOARD), listen(BOARD)
    assert gone.follower is not None
    gone.follower.leave()
    await stays.data()
    assert gone.is_silent


async def test_a_stream_ends_with_its_token_and_no_other_does(listen: Listening) -> None:
    ending, going_on = listen(BOARD, lifetime=0.5), listen(BOARD)
    await ending.data()
    await going_on.data()
    end = await ending.next()
    assert end["ended"] == ["UNAUTHENTICATED"]
    assert end["errors"][0]["message"] == "The token has expired."
    assert end["errors"][0]["path"] == ["leaderboardUpdated"]
    completes(listen, "ben", "l3")
    assert tasks(await going_on.data())["ben"] == 4.0
    assert ending.is_silent


@pytest.mark.parametrize("deactivated", [0, 1])
async def test_who_is_deactivated_is_told_no_more_and_the_others_go_on(listen: Listening, deactivated: int) -> None:
    ears = [listen(BOARD, person="mia"), listen(BOARD, person="root")]
    for ear in ears:
        await ear.data()
    person = ("mia", "root")[deactivated]
    run(
        listen,
        f"UPDATE users SET deactivated_at = now() WHERE external_id = '{person}'; "
        + COMPLETE.replace("%s", "'ben'", 1).replace("%s", "'l3'"),
    )
    assert (await ears[deactivated].next())["ended"] == ["UNAUTHENTICATED"]
    assert tasks(await ears[1 - deactivated].data())["ben"] == 4.0
    assert ears[deactivated].is_silent
    late = listen(BOARD, person=person)
    assert (await late.next())["ended"] == ["UNAUTHENTICATED"], "nor from what is known already"


async def test_a_deactivated_person_learns_so_even_where_nothing_is_news(listen: Listening) -> None:
    ear = listen(GROUP_BOARD, {"group": listen.ask.id("Group", "alg-2")}, person="mia")
    await ear.data()
    run(listen, "UPDATE users SET deactivated_at = now() WHERE external_id = 'mia'")
    assert (await ear.next())["ended"] == ["UNAUTHENTICATED"]


async def test_a_lead_who_loses_the_group_loses_its_board(listen: Listening) -> None:
    ear = listen(GROUP_BOARD, {"group": listen.ask.id("Group", "alg-1")}, person="ada", role="TEACHER")
    assert tasks(await ear.data()) == {"ben": 3.0, "cleo": 2.0}
    run(listen, "UPDATE group_memberships SET valid_to = now() WHERE role = 'LEAD'")
    assert (await ear.next())["ended"] == ["NOT_FOUND"]
    assert len(listen.plans) == 0


async def test_a_board_of_a_group_sleeps_while_others_work(listen: Listening) -> None:
    ear = listen(GROUP_BOARD, {"group": listen.ask.id("Group", "alg-1")})
    await ear.data()
    await listen.settled()
    asked = listen.plans.asked
    completes(listen, "dan", "l2")
    completes(listen, "gus", "l2")
    await listen.settled()
    assert listen.plans.asked == asked
    completes(listen, "cleo", "l2")
    assert tasks(await ear.data())["cleo"] == 3.0


async def test_nobody_is_told_what_is_another_s(listen: Listening) -> None:
    """Two organizations, and roles that see less or may do less, ask the very same at the same time."""
    who = [
        ("mia", "MANAGER", "north"),
        ("root", "ADMIN", "north"),
        ("importer", "SERVICE", "north"),
        ("ada", "TEACHER", "north"),
        ("tom", "TEACHER", "north"),
        ("ben", "STUDENT", "north"),
        ("mia", "MANAGER", "south"),
        ("ada", "TEACHER", "south"),
    ]
    board = "leaderboard { top(first: 20) { value user { externalId displayName email } } }"
    ears = [
        listen(
            f"subscription {{ leaderboardUpdated(metric: TASKS, throttle: 0.1) {{ {board} }} }}",
            person=person,
            role=role,
            organization=organization,
        )
        for person, role, organization in who
    ]
    alone = f"{{ {board.replace('leaderboard', 'leaderboard(metric: TASKS)', 1)} }}"
    for lab in ("l3", "l2"):
        await listen.settled()
        for (person, role, organization), ear in zip(who, ears, strict=True):
            own = await listen.ask(alone, person=person, role=role, organization=organization)
            told = json.loads(ear.payloads[-1])
            assert told["data"]["leaderboardUpdated"] == own.data, (person, organization)
            assert [error["extensions"]["code"] for error in told.get("errors", ())] == own.codes
        completes(listen, "cleo", lab)


async def test_what_depends_on_who_asks_is_shared_with_nobody_else(listen: Listening) -> None:
    people = ("ben", "cleo", "dan", "ben")
    ears = [listen(OWN_PLACE, person=person) for person in people]
    for person, ear in zip(people, ears, strict=True):
        assert (await ear.data())["leaderboard"]["me"] == {"user": {"externalId": person}}
    assert len(listen.plans) == 3, "the same person on two sockets shares"
    late = listen(OWN_PLACE, person="cleo")
    assert (await late.data())["leaderboard"]["me"] == {"user": {"externalId": "cleo"}}
    assert len(listen.plans) == 3


async def test_groups_that_a_token_claims_narrow_what_is_shared(listen: Listening) -> None:
    everything = listen(BOARD, person="ada", role="TEACHER")
    nothing = listen(BOARD, person="ada", role="TEACHER", group_ids=())
    assert tasks(await everything.data()) == {"ben": 3.0, "cleo": 2.0}
    assert tasks(await nothing.data()) == {}


async def test_without_a_good_start_there_is_no_stream(listen: Listening) -> None:
    stranger = listen(CARD, {"user": listen.ask.id("User", "cleo")}, person="ben", role="STUDENT")
    end = await stranger.next()
    assert (end["ended"], end["errors"][0]["path"]) == (["NOT_FOUND"], ["userPerformanceUpdated"])
    hasty = listen(BOARD, {"throttle": 0.01})
    assert (await hasty.next())["ended"] == ["VALIDATION"]
    greedy = listen(CHANGES, {"first": 201})
    assert (await greedy.next())["ended"] == ["VALIDATION"]
    assert len(listen.plans) == 0


class Flaky:
    """A graph that is not available while it is told to be."""

    def __init__(self) -> None:
        self.schema = graph.schema
        self.presented = graph.presented
        self.is_available = True
        self.refused = 0

    async def ask(self, *arguments: Any) -> ExecutionResult:
        result = await graph.ask(*arguments)
        if self.is_available:
            return result
        self.refused += 1
        return ExecutionResult(None, [GraphQLError("Not now.", extensions={"code": "UNAVAILABLE"})])


async def test_what_is_unavailable_for_a_while_is_told_when_it_is_back(
    listen: Listening, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("execution.live.plan.RETRY_SECONDS", 0.1)
    flaky = Flaky()
    listening = Listening(listen.ask, flaky)
    ear = listening(BOARD)
    await ear.data()
    flaky.is_available = False
    completes(listen, "ben", "l3")
    await eventually(lambda: flaky.refused >= 2)
    assert ear.is_silent, "who has an answer keeps it meanwhile"
    newcomer = listening(BOARD, person="new")
    assert (await newcomer.next())["ended"] == ["UNAVAILABLE"]
    flaky.is_available = True
    assert tasks(await ear.data())["ben"] == 4.0
    listening.close()


def row(ear_changes: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [
        (
            c["kind"],
            c["entry"] and c["entry"]["user"]["externalId"],
            c["position"],
            c["previousRank"],
            c["previousValue"],
        )
        for c in ear_changes
    ]


async def test_changes_start_from_what_each_client_has(listen: Listening) -> None:
    ear = listen(CHANGES)
    first = await ear.data()
    assert first["isSnapshot"]
    assert row(first["changes"])[0] == ("ENTERED", "ben", 1, None, None)
    completes(listen, "cleo", "l2")
    completes(listen, "cleo", "l4")
    second = await ear.until(lambda update: update["version"] != first["version"])
    while row(second["changes"])[0][1] != "cleo" or second["changes"][0]["entry"]["value"] != 4.0:
        second = await ear.data()
    assert not second["isSnapshot"]
    assert second["sequence"] > first["sequence"]

    late = await listen(CHANGES, person="late").data()
    assert late["isSnapshot"]
    assert late["version"] == second["version"]
    returned = await listen(CHANGES, {"since": first["version"]}, person="back").data()
    assert not returned["isSnapshot"]
    assert returned["version"] == second["version"]
    assert row(returned["changes"])[:2] == [("MOVED", "cleo", 1, 2, 2.0), ("MOVED", "ben", 2, 1, 3.0)]
    here = await listen(CHANGES, {"since": second["version"]}, person="here").data()
    assert (here["isSnapshot"], here["changes"]) == (False, [])
    assert len(listen.plans) == 1


@pytest.mark.parametrize("unknown", ["", "nonsense", "AAAAAAAA.1", "é" * 1000])
async def test_a_version_that_is_not_known_gets_a_snapshot(listen: Listening, unknown: str) -> None:
    update = await listen(CHANGES, {"since": unknown}).data()
    assert update["isSnapshot"]
    assert len(update["changes"]) > 1


async def test_a_version_outlives_the_plan(listen: Listening) -> None:
    ear = listen(CHANGES)
    first = await ear.data()
    assert ear.follower is not None
    ear.follower.leave()
    assert len(listen.plans) == 0
    completes(listen, "ben", "l3")
    again = await listen(CHANGES, {"since": first["version"]}).data()
    assert row(again["changes"]) == [("UPDATED", "ben", 1, 1, 3.0)]
    elsewhere = await Listening(listen.ask)(CHANGES, {"since": first["version"]}).data()
    assert elsewhere["isSnapshot"], "another process knows nothing of it"


async def test_a_version_says_nothing_to_those_of_another_scope(listen: Listening) -> None:
    version = (await listen(CHANGES).data())["version"]
    for person, role, organization in (
        ("ada", "TEACHER", "north"),
        ("root", "ADMIN", "north"),
        ("mia", "MANAGER", "south"),
    ):
        update = await listen(CHANGES, {"since": version}, person=person, role=role, organization=organization).data()
        assert update["isSnapshot"]


async def test_who_has_not_taken_an_answer_gets_a_whole_one_in_its_place(listen: Listening) -> None:
    slow, quick = listen(CHANGES, person="slow"), listen(CHANGES, person="quick")
    await slow.data()
    await quick.data()
    slow.is_free = False
    completes(listen, "ben", "l3")
    told: list[Ear] = [slow, quick]
    slow_update, quick_update = [await ear.data() for ear in told]
    assert (slow_update["isSnapshot"], quick_update["isSnapshot"]) == (True, False)
    assert slow_update["version"] == quick_update["version"]
    slow.is_free = True
    completes(listen, "cleo", "l2")
    assert [(await ear.data())["isSnapshot"] for ear in told] == [False, False]
    assert slow.payloads[-1] == quick.payloads[-1]
