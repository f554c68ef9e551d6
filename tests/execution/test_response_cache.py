"""Answers that are given again: to whom, for how long, and when not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import orjson
import pytest

from db.entering import UnknownCaller
from execution.response_cache import Computed, Kept, question_of, request_of
from execution.viewers import KnownViewers
from tests.conftest import Database, Servers
from tests.execution.keeping import ADA, BEN, MIA, ROOT, TOM, Keeper, Who
from tests.school import build_school, fold_and_refresh

LEARNER = """query($id: ID!) { user(by: {id: $id}) {
  displayName performance { score tasksCompleted } performanceTrend(period: {lastDays: 30}) { points { performanceScore } } } }"""
GROUP = """query($id: ID!) { group(id: $id) { name members(first: 50) { nodes {
  displayName performance { score tasksCompleted trend { symbol } } topicStats { topic { title } score measures { attempts } } } } } }"""
BOARD = """{ leaderboard { top(first: 100) { rank value user {
  displayName memberships(first: 1) { nodes { group { name } } } } } } }"""


@pytest.fixture
async def keeper(new_database: Callable[[], Database], servers: Servers) -> AsyncIterator[Keeper]:
    database = new_database()
    with database.connect() as owner:
        build_school(owner)
    with database.connect(None) as admin:
        admin.execute("SET ROLE scoregraph_worker")
        fold_and_refresh(admin)
    keeper = Keeper(database, servers)
    await keeper.hearing()
    yield keeper
    await keeper.aclose()


def execute(keeper: Keeper, statement: str, *values: object) -> None:
    with keeper.database.connect() as owner:
        owner.execute(statement, values)


async def change(keeper: Keeper, statement: str, *values: object) -> None:
    """By hand, and heard of."""
    execute(keeper, statement, *values)
    await keeper.cache.catch_up()


async def eventually(keeper: Keeper, condition: str) -> None:
    """Waits until something is so by the clock of the database."""
    with keeper.database.connect() as owner:
        for _ in range(500):
            if owner.execute(condition).fetchone() == (True,):
                return
            await asyncio.sleep(0.01)
    raise AssertionError(condition)


def group(keeper: Keeper, key: str) -> dict[str, Any]:
    return {"id": keeper.id("Group", key)}


def user(keeper: Keeper, key: str) -> dict[str, Any]:
    return {"id": keeper.id("User", key)}


# Given again


@pytest.mark.parametrize("who", [MIA, ADA])
async def test_the_pages_are_kept(keeper: Keeper, who: Who) -> None:
    for document, variables in ((LEARNER, user(keeper, "ben")), (GROUP, group(keeper, "alg-1")), (BOARD, None)):
        first = await keeper.ask(document, who, variables)
        assert "errors" not in orjson.loads(first)
        executed = keeper.executed
        assert await keeper.is_kept(document, who, variables)
        assert await keeper.ask(document, who, variables) == first == await keeper.ask_anew(document, who, variables)
        assert keeper.executed == executed


async def test_those_who_see_all_share_by_role_what_others_have_alone(keeper: Keeper) -> None:
    await keeper.ask(BOARD, MIA)
    assert await keeper.is_kept(BOARD, Who("root", "MANAGER"))
    assert not await keeper.is_kept(BOARD, ROOT), "another role may do other things"
    await keeper.ask(BOARD, ADA)
    assert not await keeper.is_kept(BOARD, TOM)
    assert not await keeper.is_kept(BOARD, Who("mia", "MANAGER", "south"))


async def test_what_depends_on_who_asks_is_theirs_alone(keeper: Keeper) -> None:
    for document in (
        "{ viewer { user { displayName } } }",
        "{ leaderboard { me { rank } } }",
        '{ user(by: {externalId: "mia"}) { email } }',
        "{ viewer { groups { name } } }",
    ):
        mine = await keeper.ask(document, MIA)
        assert await keeper.is_kept(document, MIA)
        hers = await keeper.ask(document, Who("root", "MANAGER"))
        assert hers == await keeper.ask_anew(document, Who("root", "MANAGER"))
        assert await keeper.ask(document, MIA) == mine


async def test_a_token_that_names_groups_sees_no_more(keeper: Keeper) -> None:
    everything = await keeper.ask(GROUP, ADA, group(keeper, "alg-1"))
    nothing = await keeper.ask(GROUP, Who("ada", "TEACHER", group_ids=()), group(keeper, "alg-1"))
    assert orjson.loads(nothing)["data"] == {"group": None}
    assert await keeper.ask(GROUP, ADA, group(keeper, "alg-1")) == everything


async def test_equal_questions_are_one_question(keeper: Keeper) -> None:
    assert question_of("{a}", None, {"a": 1, "b": [2]}) == question_of("{a}", None, {"b": [2], "a": 1})
    different = {
        question_of("{a}", None, None),
        question_of("{a}", "a", None),
        question_of("{b}", None, None),
        question_of("{a}", None, {"a": 1}),
        question_of("{a}", None, {"a": "1"}),
        question_of("{a}", None, {"a": None}),
        question_of('{a}","b', None, None),
    }
    assert len(different) == 7


# Not kept


@pytest.mark.parametrize(
    "document",
    [
        "{ viewer { tokenExpiresAt } }",
        "{ organization { stats { freshness { asOf } } } }",
        '{ user(by: {externalId: "nobody"}) { id } }',
        "{ viewer { role } user(by: {}) { id } }",
    ],
)
async def test_what_is_true_for_this_instant_or_is_a_mistake_is_not_kept(keeper: Keeper, document: str) -> None:
    await keeper.ask(document, MIA)
    assert not await keeper.is_kept(document, MIA)
    assert len(keeper.cache.store) == 0


async def test_without_memory_nothing_is_kept(keeper: Keeper, servers: Servers) -> None:
    off = Keeper(keeper.database, servers, most_bytes=0)
    await off.ask(BOARD, MIA)
    assert not await off.is_kept(BOARD, MIA)
    assert not off.services.changes.is_wanted
    await off.aclose()


# Dropped


async def test_a_changed_member_drops_the_pages_of_their_groups_and_of_no_others(keeper: Keeper) -> None:
    pages = [(GROUP, group(keeper, "alg-1")), (GROUP, group(keeper, "alg-2"))]
    for who in (MIA, ROOT):
        for document, variables in pages:
            await keeper.ask(document, who, variables)
    await keeper.ask(GROUP, ADA, group(keeper, "alg-1"))
    await keeper.ask(GROUP, TOM, group(keeper, "alg-2"))
    changes = (
        ("UPDATE attempts SET score = 31, skill_match = 0.1 WHERE source_id = 'ben-2'", "what they did"),
        ("UPDATE users SET display_name = 'Benno' WHERE external_id = 'ben' AND organization_id = 1", "who they are"),
        ("UPDATE group_memberships SET valid_from = valid_from - interval '1 day' WHERE user_id = %s", "since when"),
        ("DELETE FROM attempts WHERE source_id = 'ben-1'", "what they did not"),
        ("UPDATE users SET deactivated_at = now() WHERE external_id = 'ben' AND organization_id = 1", "that they left"),
    )
    for statement, what in changes:
        await change(keeper, statement, *([keeper.key("users", "ben")] if "%s" in statement else []))
        for who in (MIA, ROOT):
            assert not await keeper.is_kept(GROUP, who, group(keeper, "alg-1")), what
            assert await keeper.is_kept(GROUP, who, group(keeper, "alg-2")), what
        assert not await keeper.is_kept(GROUP, ADA, group(keeper, "alg-1")), what
        assert await keeper.is_kept(GROUP, TOM, group(keeper, "alg-2")), what
        assert await keeper.ask(GROUP, ADA, group(keeper, "alg-1")) == await keeper.ask_anew(
            GROUP, ADA, group(keeper, "alg-1")
        )


async def test_a_card_outlives_what_others_do(keeper: Keeper) -> None:
    await keeper.ask(LEARNER, MIA, user(keeper, "ben"))
    await change(keeper, "UPDATE attempts SET score = 1 WHERE source_id IN ('cleo-1', 'dan-1')")
    assert await keeper.is_kept(LEARNER, MIA, user(keeper, "ben"))
    await change(keeper, "UPDATE attempts SET score = 1 WHERE source_id = 'ben-1'")
    assert not await keeper.is_kept(LEARNER, MIA, user(keeper, "ben"))


async def test_a_refresh_drops_what_was_read_from_views(keeper: Keeper) -> None:
    document = "{ labs { nodes { title stats { commonErrors { code } } } } }"
    spread = "{ organization { scoreStatistics { median } } }"
    titles = "{ labs { nodes { title } } }"
    for one in (document, spread, titles):
        await keeper.ask(one, MIA)
    with keeper.database.connect(None) as admin:
        admin.execute("SET ROLE scoregraph_worker")
        admin.execute("SELECT refresh_view('lab_stats')")
    await keeper.cache.catch_up()
    assert not await keeper.is_kept(document, MIA)
    assert not await keeper.is_kept(spread, MIA)
    assert await keeper.is_kept(titles, MIA)
    await change(keeper, "UPDATE labs SET title = 'Lab one' WHERE type = 'l1'")
    assert not await keeper.is_kept(titles, MIA)


async def test_a_change_while_an_answer_is_made_keeps_it_from_being_kept(keeper: Keeper) -> None:
    context = keeper.context_of(MIA)

    async def compute() -> Computed:
        computed = await keeper.computed(LEARNER, user(keeper, "ben"), context)
        await change(keeper, "UPDATE attempts SET score = 2 WHERE source_id = 'ben-1'")
        return computed

    assert context.claims is not None
    question = question_of(LEARNER, None, user(keeper, "ben"))
    old = await keeper.cache.answer(question, context.claims, compute)
    assert isinstance(old, Kept)
    assert not old.entry.kept
    assert not await keeper.is_kept(LEARNER, MIA, user(keeper, "ben"))


async def test_who_is_deactivated_or_loses_a_role_gets_nothing_more(keeper: Keeper) -> None:
    manager = Who("root", "MANAGER")
    for who in (MIA, manager, ADA):
        await keeper.ask(BOARD, who)
    await change(keeper, "UPDATE users SET deactivated_at = now() WHERE external_id = 'mia' AND organization_id = 1")
    refused = orjson.loads(await keeper.ask(BOARD, MIA))
    assert refused["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert await keeper.ask(BOARD, manager) == await keeper.ask_anew(BOARD, manager)
    await change(
        keeper,
        "UPDATE group_memberships SET valid_to = now() WHERE role = 'LEAD' AND user_id = %s",
        keeper.key("users", "ada"),
    )
    assert orjson.loads(await keeper.ask(BOARD, ADA))["data"]["leaderboard"] == {"top": []}


# Time


async def test_an_answer_ends_when_a_membership_begins_or_ends(keeper: Keeper) -> None:
    await change(
        keeper,
        """UPDATE group_memberships SET valid_to = now() + interval '700 ms' WHERE user_id = %s""",
        keeper.key("users", "cleo"),
    )
    variables = group(keeper, "alg-1")
    for who in (MIA, ADA):
        first = await keeper.ask(GROUP, who, variables)
        assert b"Cleo" in first
        assert await keeper.is_kept(GROUP, who, variables)
    await eventually(keeper, "SELECT count(*) = 1 FROM group_memberships WHERE valid_to < clock_timestamp()")
    for who in (MIA, ADA):
        assert b"Cleo" not in await keeper.ask(GROUP, who, variables)


async def test_a_trend_ends_when_what_lies_ahead_comes_to_pass(keeper: Keeper) -> None:
    await change(
        keeper,
        """INSERT INTO attempts (organization_id, user_id, lab_id, status, completed_at, skill_match)
        SELECT u.organization_id, u.id, l.id, 'SUCCEEDED', now() + interval '700 ms', 0
        FROM users u JOIN labs l USING (organization_id)
        WHERE u.external_id = 'ben' AND l.type = 'l3' AND organization_id = 1""",
    )
    document = '{ user(by: {externalId: "ben"}) { performance { trend { change } } } }'
    first = await keeper.ask(document, BEN)
    assert await keeper.is_kept(document, BEN)
    await eventually(keeper, "SELECT count(*) = 0 FROM attempts WHERE completed_at >= clock_timestamp()")
    assert await keeper.ask(document, BEN) == await keeper.ask_anew(document, BEN) != first


# Once for all


async def test_a_hundred_who_ask_the_same_at_once_are_answered_by_one_execution(keeper: Keeper) -> None:
    answers = await asyncio.gather(*(keeper.ask(BOARD, MIA) for _ in range(100)))
    assert keeper.executed == 1
    assert len(set(answers)) == 1
    assert (keeper.cache.hits, keeper.cache.misses) == (99, 1)


async def test_who_goes_first_may_leave(keeper: Keeper) -> None:
    first = asyncio.create_task(keeper.ask(BOARD, MIA))
    others = [asyncio.create_task(keeper.ask(BOARD, MIA)) for _ in range(3)]
    await keeper.begun.wait()
    first.cancel()
    others[0].cancel()
    assert len({*await asyncio.gather(*others[1:])}) == 1
    assert keeper.executed == 1
    for gone in (first, others[0]):
        with pytest.raises(asyncio.CancelledError):
            await gone


async def test_an_execution_ends_with_the_last_who_waits_for_it(keeper: Keeper) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def forever() -> Computed:
        begun.set()
        try:
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(0.1)
            ended.set()
        raise AssertionError

    claims = keeper.context_of(MIA).claims
    assert claims is not None
    question = question_of(BOARD, None, None)
    waiting = [asyncio.create_task(keeper.cache.answer(question, claims, forever)) for _ in range(2)]
    await begun.wait()
    waiting[0].cancel()
    await asyncio.sleep(0.01)
    assert not ended.is_set()
    waiting[1].cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    # Whoever comes now does not join what is being ended.
    assert b"leaderboard" in await keeper.ask(BOARD, MIA)
    await asyncio.wait_for(ended.wait(), 5)


async def test_a_failure_is_not_shared(keeper: Keeper) -> None:
    tries = 0

    async def fail_first() -> Computed:
        nonlocal tries
        tries += 1
        mine = tries
        await asyncio.sleep(0.01)
        if mine == 1:
            raise ConnectionError("lost")
        return Computed(b"{}")

    claims = keeper.context_of(MIA).claims
    assert claims is not None
    asked = [keeper.cache.answer(b"question", claims, fail_first) for _ in range(4)]
    outcomes = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [ConnectionError, Computed, Computed, Computed]
    assert tries == 4


async def test_an_answer_with_errors_is_given_to_nobody_else(keeper: Keeper) -> None:
    document = '{ user(by: {externalId: "nobody"}) { id } }'
    answers = await asyncio.gather(*(keeper.ask(document, MIA) for _ in range(5)))
    assert len(set(answers)) == 1
    assert keeper.executed == 5


async def test_who_asks_after_a_change_does_not_get_what_was_begun_before_it(keeper: Keeper) -> None:
    variables = user(keeper, "ben")
    context = keeper.context_of(MIA)
    read, go_on = asyncio.Event(), asyncio.Event()

    async def slow() -> Computed:
        computed = await keeper.computed(LEARNER, variables, context)
        read.set()
        await go_on.wait()
        return computed

    assert context.claims is not None
    question = question_of(LEARNER, None, variables)
    first = asyncio.create_task(keeper.cache.answer(question, context.claims, slow))
    await read.wait()
    early = asyncio.create_task(keeper.kept(LEARNER, MIA, variables))
    await asyncio.sleep(0.01)
    await change(keeper, "UPDATE attempts SET skill_match = 0.01 WHERE source_id = 'ben-2'")
    late = asyncio.create_task(keeper.kept(LEARNER, MIA, variables))
    await asyncio.sleep(0.01)
    go_on.set()
    old, also_old, new = await asyncio.gather(first, early, late)
    assert isinstance(old, Kept)
    assert isinstance(also_old, Kept)
    assert isinstance(new, Kept)
    assert also_old.entry is old.entry
    assert new.entry.body == await keeper.ask_anew(LEARNER, MIA, variables) != old.entry.body


# While changes are not heard


async def test_without_a_feed_nothing_is_kept_and_afterwards_it_begins_anew(keeper: Keeper) -> None:
    variables = user(keeper, "ben")
    await keeper.ask(LEARNER, MIA, variables)
    changes = keeper.services.changes
    changes._poll_seconds = 0.2
    with keeper.database.connect(None) as admin:
        admin.execute(
            """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND application_name = 'scoregraph changes'"""
        )
    async with asyncio.timeout(5):
        while changes.hears:  # noqa: ASYNC110 - the loss is no event here
            await asyncio.sleep(0.001)
    assert not keeper.cache.is_on
    assert len(keeper.cache.store) == 0
    execute(keeper, "UPDATE attempts SET skill_match = 0.01 WHERE source_id = 'ben-2'")
    for _ in range(2):
        answered = await keeper.kept(LEARNER, MIA, variables)
        assert isinstance(answered, Computed)
        assert answered.body == await keeper.ask_anew(LEARNER, MIA, variables)
    async with asyncio.timeout(5):
        while not changes.hears:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert not await keeper.is_kept(LEARNER, MIA, variables)
    assert await keeper.is_kept(LEARNER, MIA, variables)


async def test_what_was_begun_before_the_feed_was_lost_is_not_kept(keeper: Keeper) -> None:
    context = keeper.context_of(MIA)

    async def compute() -> Computed:
        computed = await keeper.computed(BOARD, None, context)
        keeper.cache.deaf()
        return computed

    assert context.claims is not None
    await keeper.cache.answer(question_of(BOARD, None, None), context.claims, compute)
    assert len(keeper.cache.store) == 0


# Known viewers


async def test_a_hit_asks_the_database_nothing(keeper: Keeper) -> None:
    await keeper.ask(BOARD, ADA)
    keeper.pool.statements.clear()
    assert await keeper.is_kept(BOARD, ADA)
    assert keeper.pool.statements == []


async def test_a_viewer_is_looked_up_once_for_many(keeper: Keeper) -> None:
    viewers = KnownViewers(keeper.services.read_pool)
    claims = keeper.context_of(ADA).claims
    assert claims is not None
    found = await asyncio.gather(*(viewers.find(claims) for _ in range(10)))
    assert len({id(viewer) for viewer in found}) == 1
    assert found[0].holds
    viewers.forget(found[0].organization_id + 1)
    assert await viewers.find(claims) is found[0]
    viewers.forget(found[0].organization_id)
    assert not found[0].holds
    assert (await viewers.find(claims)).holds


async def test_a_viewer_that_is_looked_up_while_the_roster_changes_is_not_known(keeper: Keeper) -> None:
    viewers = KnownViewers(keeper.services.read_pool)
    claims = keeper.context_of(ADA).claims
    assert claims is not None
    looked_up = asyncio.create_task(viewers.find(claims))
    # First it is asked, then it begins.
    for _ in range(2):
        await asyncio.sleep(0)
    viewers.forget(99)
    assert not (await looked_up).holds
    assert (await viewers.find(claims)).holds


async def test_who_is_not_known_is_asked_for_each_time(keeper: Keeper) -> None:
    viewers = KnownViewers(keeper.services.read_pool)
    claims = keeper.context_of(Who("stranger", "STUDENT")).claims
    assert claims is not None
    for _ in range(2):
        with pytest.raises(UnknownCaller):
            await viewers.find(claims)
    await change(
        keeper,
        """INSERT INTO users (organization_id, external_id, username, display_name)
        VALUES (1, 'stranger', 'stranger', 'No stranger now')""",
    )
    assert (await viewers.find(claims)).holds


async def test_it_remembers_so_many_viewers(keeper: Keeper) -> None:
    viewers = KnownViewers(keeper.services.read_pool, most=1)
    for who in (ADA, TOM, ADA):
        claims = keeper.context_of(who).claims
        assert claims is not None
        assert (await viewers.find(claims)).holds
    assert len(viewers._known) == 1


def test_requests_are_told_apart_by_every_byte() -> None:
    def named(
        method: str = "POST", query: bytes = b"", body: bytes = b"{}", headers: dict[bytes, bytes] | None = None
    ) -> bytes:
        return request_of({"method": method, "query_string": query}, headers or {}, body)

    token, accept = {b"authorization": b"Bearer x"}, {b"accept": b"*/*"}
    different = {
        named(),
        named("GET"),
        named(query=b"{}", body=b""),
        named(body=b"{} "),
        named(headers=token),
        named(headers={b"authorization": b"Bearer y"}),
        named(headers=token | accept),
        named(headers=accept),
        named(headers={b"content-type": b"*/*"}),
        named(headers={b"accept-encoding": b"*/*"}),
        named(body=b"*/*\n\n\n{}"),
        named(body=b"\n{}"),
    }
    assert len(different) == 12
    assert named(headers=token | accept) == named(headers={b"x-request-id": b"1"} | accept | token | {b"host": b"h"})
