"""Awards as those who follow them are told of them: each one, in the order in which they were given."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from resolvers import award_updates
from resolvers.live import History, Live
from schema.graph import graph
from settings import DatabaseRole
from tests.asking import Asker
from tests.execution.live.ear import Listening, eventually
from tests.schema.test_award_grants import give, take
from tests.schema.test_awards import look
from tests.schema.test_roster import payload, rows
from tests.workers.asking import execute, value

AWARD = """awards { __typename ... on PerformanceBadge { key: name user { externalId } }
  ... on PerformanceMilestone { key: name user { externalId } } } isSnapshot version"""
DOCUMENT = f"""subscription ($user: ID, $group: ID) {{ awardGranted(userId: $user, groupId: $group, throttle: 0.1) {{ {AWARD} }} }}"""
MANY = """
INSERT INTO award_definitions (organization_id, slug, kind, name, rule, threshold, revocable)
SELECT o.id, 'many_' || n, 'BADGE', n, 'TASKS', 1, true FROM organizations o, generate_series(1, 12) AS n WHERE o.slug = 'north'
"""
TOLD = """SELECT d.name, u.external_id FROM awards a JOIN award_definitions d ON d.id = a.definition_id JOIN users u ON u.id = a.user_id
JOIN organizations o ON o.id = a.organization_id WHERE o.slug = 'north' {} ORDER BY a.id"""
ONE = """
INSERT INTO awards (organization_id, user_id, definition_id, achieved_at, achieved_value)
SELECT u.organization_id, u.id, d.id, now(), 1 FROM users u JOIN award_definitions d USING (organization_id)
JOIN organizations o ON o.id = u.organization_id WHERE o.slug = 'north' AND u.external_id = 'cleo' AND d.slug = 'streak_7'
"""
WAITING = """SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""
MIA: dict[str, Any] = {"person": "mia", "role": "MANAGER"}


async def told(ask: Asker, history: History, since: str | None = None, live: Live | None = None, **who: Any) -> Any:
    """What the subscription answers to a client that has this version."""
    live = live or Live(history, since)
    variables = {"user": who.pop("user", None), "group": who.pop("group", None)}
    context = ask.context(**(who or MIA))
    context.live = live
    result = await graph.ask(graph.operations.prepare(DOCUMENT, None), variables, context)
    if result.errors:
        return [error.extensions["code"] for error in result.errors if error.extensions]
    assert result.data
    return result.data["awardGranted"]


def awards_of(update: dict[str, Any]) -> list[tuple[str, str]]:
    return [(award["key"], award["user"]["externalId"]) for award in update["awards"]]


async def test_the_latest_at_once_and_then_what_is_new(fresh_ask: Asker) -> None:
    history = History()
    nothing = await told(fresh_ask, history)
    assert (nothing["awards"], nothing["isSnapshot"]) == ([], True)
    await look(fresh_ask)
    first = await told(fresh_ask, history, nothing["version"])
    assert awards_of(first) == rows(fresh_ask, TOLD.format("")) != []
    assert {award["__typename"] for award in first["awards"]} == {"PerformanceBadge", "PerformanceMilestone"}
    assert first["isSnapshot"] is False
    again = await told(fresh_ask, history, first["version"])
    assert (again["awards"], again["version"]) == ([], first["version"])
    badge = payload(await give(fresh_ask, "gus", "punctual"))["badge"]
    second = await told(fresh_ask, history, first["version"])
    assert awards_of(second) == [("Punctual", "gus")]
    # What is taken back is no news; given again it is.
    await take(fresh_ask, badge["id"])
    assert (await told(fresh_ask, history, second["version"]))["awards"] == []
    await give(fresh_ask, "gus", "punctual")
    assert awards_of(await told(fresh_ask, history, second["version"])) == [("Punctual", "gus")]
    stranger = await told(fresh_ask, history, "another.1")
    assert stranger["isSnapshot"] is True
    assert awards_of(stranger) == rows(fresh_ask, TOLD.format(""))


async def test_whose_awards_are_told(fresh_ask: Asker) -> None:
    await look(fresh_ask)
    one, group = fresh_ask.id("User", "cleo"), fresh_ask.id("Group", "alg-1")
    everybody = awards_of(await told(fresh_ask, History()))
    cleo = [award for award in everybody if award[1] == "cleo"]
    assert 0 < len(cleo) < len(everybody)
    assert awards_of(await told(fresh_ask, History(), person="cleo", role="STUDENT")) == cleo
    assert awards_of(await told(fresh_ask, History(), user=one, **MIA)) == cleo
    of_group = [award for award in everybody if award[1] in ("ben", "cleo", "fay")]
    assert len(of_group) < len(everybody)
    assert awards_of(await told(fresh_ask, History(), group=group, **MIA)) == of_group
    assert awards_of(await told(fresh_ask, History(), person="ada", role="TEACHER")) == of_group
    assert awards_of(await told(fresh_ask, History(), group=group, person="cleo", role="STUDENT")) == cleo
    south = await told(fresh_ask, History(), person="root", role="ADMIN", organization="south")
    assert [person for _, person in awards_of(south)] == ["ben"]
    assert await told(fresh_ask, History(), user=one, person="ben", role="STUDENT") == ["NOT_FOUND"]
    assert await told(fresh_ask, History(), user=one, group=group, **MIA) == ["VALIDATION"]
    assert await told(fresh_ask, History(), person=None, role="ADMIN") == ["UNAUTHENTICATED"]


@pytest.mark.parametrize(("of", "tag"), [({}, "awards:{organization}"), ({"user": "cleo"}, "awarded:{cleo}")])
async def test_what_wakes_those_who_follow(fresh_ask: Asker, of: dict[str, str], tag: str) -> None:
    live = Live()
    found = {name: fresh_ask.id("User", person) for name, person in of.items()}
    await told(fresh_ask, live.history, live=live, **found, **MIA)
    organization = value(fresh_ask.database, "SELECT id FROM organizations WHERE slug = 'north'")
    wanted = tag.format(organization=organization, cleo=fresh_ask.key("users", "cleo"))
    assert live.tags == {wanted}
    async with fresh_ask.services.changes.listen([wanted]) as wakeups:
        await give(fresh_ask, "cleo", "punctual")
        assert wanted in await asyncio.wait_for(wakeups.next(), 20)


async def test_of_many_at_once_each_is_told_once(fresh_ask: Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than go into one answer, while others are given."""
    monkeypatch.setattr(award_updates, "MOST_AT_ONCE", 5)
    listening = Listening(fresh_ask)
    ear = listening(DOCUMENT)
    heard = awards_of(await ear.data())
    assert heard == []
    execute(fresh_ask.database, MANY)
    await look(fresh_ask)
    await give(fresh_ask, "gus", "punctual")
    wanted = rows(fresh_ask, TOLD.format(""))
    assert len(wanted) > 20
    while len(heard) < len(wanted):
        update = await ear.data()
        assert (update["isSnapshot"], len(update["awards"]) <= 5) == (False, True)
        heard += awards_of(update)
    await listening.settled()
    assert ear.is_silent
    assert heard == wanted
    listening.close()


async def test_no_award_appears_behind_one_that_was_told(fresh_ask: Asker) -> None:
    """Whoever gives one waits for the worker that is at it, whose ids are smaller."""
    history = History()
    nothing = await told(fresh_ask, history)
    with fresh_ask.database.connect(DatabaseRole.WORKER) as worker, worker.transaction():
        worker.execute("SELECT award_turn()")
        worker.execute(ONE)
        giving = asyncio.create_task(give(fresh_ask, "gus", "punctual"))
        await eventually(lambda: bool(value(fresh_ask.database, WAITING)))
        assert awards_of(await told(fresh_ask, history, nothing["version"])) == []
    await giving
    update = await told(fresh_ask, history, nothing["version"])
    assert awards_of(update) == [("7 days in a row", "cleo"), ("Punctual", "gus")]
