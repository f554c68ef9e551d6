"""What one statement can answer is asked by that statement alone, and never believed when something was not as expected."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.batch import read_together
from db.entering import Misjudged
from db.parts import Part
from db.queries.users import users_by_id
from db.single_read import SingleRead
from db.snapshot import Snapshot
from db.statement import sql
from execution.compiled.plan import REST, KeptPlans
from resolvers.calendar import Found
from resolvers.periods import CalendarPeriod, Grain, PeriodSpec, Weekday, buckets, holds_until, resolve_period
from schema.graph import graph
from tests.asking import Answer, Asker
from tests.conftest import Database, Servers
from tests.school import new_school

CARD = """query Card($id: ID!) { user(by: {id: $id}) { displayName performance { score tasksCompleted }
  performanceTrend(period: {lastDays: 30}, fill: CARRY_FORWARD) { points { bucket { date } performanceScore } } } }"""
NAME = "query Name($id: ID!) { user(by: {id: $id}) { displayName } }"


NUMBERS = itertools.count()


@pytest.fixture
async def ask(new_database: Callable[[], Database], servers: Servers) -> AsyncIterator[Asker]:
    asker = Asker(new_school(new_database, is_folded=True), servers)
    yield asker
    await asker.aclose()


def fresh(document: str) -> str:
    """The same document, as nobody has asked it yet."""
    return f"{document} # {next(NUMBERS)}"


def as_manager(ask: Asker) -> dict[str, Any]:
    """A manager asks about ben."""
    return {"variables": {"id": ask.id("User", "ben")}, "person": "mia", "role": "MANAGER"}


async def settled_in(ask: Asker, document: str, **asked: Any) -> Answer:
    """The answer, when it was asked for often enough to take one statement."""
    for _ in range(2):
        await ask(document, **asked)
    answer = await ask(document, **asked)
    assert is_single(answer)
    return answer


def is_single(answer: Answer) -> bool:
    return len(answer.statements) == 1 and "entered AS MATERIALIZED" in answer.statements[0]


async def test_the_second_time_one_statement_enters_and_reads(ask: Asker) -> None:
    document = fresh(CARD)
    for person, role in (("mia", "MANAGER"), ("ada", "TEACHER"), ("ben", "STUDENT")):
        asked: dict[str, Any] = {"variables": {"id": ask.id("User", "ben")}, "person": person, "role": role}
        first = await ask(document, **asked)
        again = await settled_in(ask, document, **asked)
        assert first.errors == again.errors == []
        assert again.data == first.data
    assert ask.pool.in_use == 0


async def test_each_sees_their_own_on_the_same_connection(ask: Asker) -> None:
    cleo, document = {"id": ask.id("User", "cleo")}, fresh(NAME)
    for _ in range(3):
        seen = await ask(document, cleo, person="mia", role="MANAGER")
        assert seen.data == {"user": {"displayName": "Cleo Cruz"}}
        for person, role in (("ben", "STUDENT"), ("tom", "TEACHER")):
            hidden = await ask(document, cleo, person=person, role=role)
            assert hidden.codes == ["NOT_FOUND"]
        elsewhere = await ask(document, cleo, person="mia", role="MANAGER", organization="south")
        assert elsewhere.codes == ["NOT_FOUND"]
    assert is_single(elsewhere)


async def test_who_leads_a_group_no_more_sees_it_no_more(ask: Asker) -> None:
    asked = as_manager(ask) | {"person": "ada", "role": "TEACHER"}
    document = fresh(NAME)
    assert (await settled_in(ask, document, **asked)).errors == []
    with ask.database.connect(None) as admin:
        admin.execute("UPDATE group_memberships SET valid_to = now() WHERE role = 'LEAD'")
    assert (await ask(document, **asked)).codes == ["NOT_FOUND"]
    with ask.database.connect(None) as admin:
        admin.execute("UPDATE group_memberships SET valid_to = NULL WHERE role = 'LEAD'")
    assert (await ask(document, **asked)).errors == []


async def test_who_is_deactivated_is_unknown_at_once(ask: Asker) -> None:
    asked = as_manager(ask) | {"person": "ben", "role": "STUDENT"}
    document = fresh(NAME)
    assert (await settled_in(ask, document, **asked)).errors == []
    with ask.database.connect(None) as admin:
        admin.execute("UPDATE users SET deactivated_at = now() WHERE external_id = 'ben'")
    unknown = await ask(document, **asked)
    assert unknown.codes == ["UNAUTHENTICATED"]
    with ask.database.connect(None) as admin:
        admin.execute("UPDATE users SET deactivated_at = NULL WHERE external_id = 'ben'")
    assert (await ask(document, **asked)).errors == []


async def test_days_are_those_of_the_zone_that_is(ask: Asker) -> None:
    with ask.database.connect(None) as admin:
        admin.execute(
            """INSERT INTO organizations (slug, name, time_zone) VALUES ('east', 'Eastgate', 'Europe/Madrid');
            INSERT INTO users (organization_id, external_id, username, display_name, role)
            SELECT id, 'kai', 'kai', 'Kai Kato', 'STUDENT' FROM organizations WHERE slug = 'east'"""
        )
        document = fresh(
            """query($id: ID!) { user(by: {id: $id}) {
            performanceTrend(period: {dates: {from: "2026-03-02", to: "2026-04-01"}}) { period { from } } } }"""
        )
        asked: dict[str, Any] = {
            "variables": {"id": ask.id("User", "kai", "east")},
            "person": "kai",
            "role": "STUDENT",
            "organization": "east",
        }
        assert (await settled_in(ask, document, **asked)).data == {
            "user": {"performanceTrend": {"period": {"from": "2026-03-01T23:00:00.000Z"}}}
        }
        admin.execute("UPDATE organizations SET time_zone = 'Asia/Tokyo' WHERE slug = 'east'")
    for _ in range(2):
        assert (await ask(document, **asked)).data == {
            "user": {"performanceTrend": {"period": {"from": "2026-03-01T15:00:00.000Z"}}}
        }


async def test_what_waits_to_be_folded_counts_at_once(ask: Asker) -> None:
    def tasks(answer: Answer) -> int:
        assert answer.data is not None
        return int(answer.data["user"]["performance"]["tasksCompleted"])

    document, asked, ben = fresh(CARD), as_manager(ask), ask.key("users", "ben")
    with ask.database.connect(None) as admin:
        for is_folded in (False, True, False):
            assert tasks(await settled_in(ask, document, **asked)) == 3
            admin.execute("UPDATE attempts SET deleted_at = now() WHERE user_id = %s", (ben,))
            assert tasks(await ask(document, **asked)) == 0
            if is_folded:
                admin.execute("SELECT fold_attempt_deltas()")
            assert tasks(await settled_in(ask, document, **asked)) == 0
            admin.execute("UPDATE attempts SET deleted_at = NULL WHERE user_id = %s", (ben,))
            assert tasks(await ask(document, **asked)) == 3


async def test_the_end_of_history_is_the_instant_of_the_answer(ask: Asker) -> None:
    """What was completed a moment ago is part of what stands now, however often that was asked."""
    document = fresh(
        "query($id: ID!) { user(by: {id: $id}) { performance { trend(period: {lastDays: 3}) { endScore } } } }"
    )
    gus = as_manager(ask) | {"variables": {"id": ask.id("User", "gus")}}
    seen = []
    with ask.database.connect(None) as admin:
        for lab, skill in (("l1", 1), ("l2", 0.5), ("l3", 0.1)):
            admin.execute(
                """INSERT INTO attempts (
                  organization_id, user_id, lab_id, status, completed_at, due_at, skill_match, difficulty, source
                )
                SELECT u.organization_id, u.id, l.id, 'SUCCEEDED', clock_timestamp(), clock_timestamp(), %s, 5, 'API'
                FROM users u JOIN labs l USING (organization_id) WHERE u.id = %s AND l.type = %s""",
                (skill, ask.key("users", "gus"), lab),
            )
            answer = await ask(document, **gus)
            assert answer.data is not None
            seen.append(answer.data["user"]["performance"]["trend"]["endScore"])
    assert seen == sorted(seen, reverse=True)
    assert len(set(seen)) == 3


async def test_connections_that_died_are_made_anew(ask: Asker) -> None:
    document, asked = fresh(CARD), as_manager(ask)
    before = await settled_in(ask, document, **asked)
    for _ in range(2):
        with ask.database.connect(None) as admin:
            admin.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'scoregraph reads'"
            )
        assert (await ask(document, **asked)).data == before.data
    assert (await settled_in(ask, document, **asked)).data == before.data


async def test_who_stops_waiting_leaves_nothing_behind(ask: Asker) -> None:
    document, asked = fresh(CARD), as_manager(ask)
    before = await settled_in(ask, document, **asked)
    for steps in range(1, 12):
        running = asyncio.ensure_future(ask(document, **asked))
        for _ in range(steps):
            await asyncio.sleep(0)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert ask.pool.in_use == 0
    assert (await ask(document, **asked)).data == before.data


# Clocks of three of the zones change meanwhile.
INSTANTS = st.integers(0, 14 * 24 * 60).map(
    lambda minutes: datetime(2026, 3, 25, tzinfo=UTC) + timedelta(minutes=minutes)
)
SPECS = st.one_of(
    st.builds(PeriodSpec, last_days=st.integers(1, 400)),
    st.builds(PeriodSpec, calendar=st.sampled_from(CalendarPeriod)),
    st.just(PeriodSpec(all_time=True)),
    st.builds(
        lambda start, hours: PeriodSpec(range=(start, start + timedelta(hours=hours))),
        INSTANTS,
        st.integers(1, 1000),
    ),
)


@given(
    SPECS,
    st.sampled_from(["Europe/Madrid", "Asia/Kathmandu", "America/St_Johns", "Australia/Lord_Howe"]),
    st.lists(INSTANTS, min_size=1, max_size=8),
    st.lists(st.timedeltas(timedelta(hours=-1), timedelta(hours=2)), max_size=8),
)
def test_a_period_that_was_found_is_that_of_the_instant(
    spec: PeriodSpec, zone: str, instants: list[datetime], steps: list[timedelta]
) -> None:
    """In whatever order instants come: the same buckets, of which the same are over."""
    found = Found(spec, zone, Weekday.MONDAY)
    for now in [*instants, *(instants[-1] + step for step in steps)]:
        period, anew = found.at(now), resolve_period(spec, time_zone=zone, now=now)
        assert replace(period, now=now) == anew
        assert found.until(period) == holds_until(spec, anew)
        assert period.now
        assert period.now <= now
        grain = Grain.HOUR if period.end - period.start < timedelta(days=60) else Grain.YEAR
        assert buckets(period, grain) == buckets(anew, grain)


@pytest.mark.parametrize("is_first", [True, False])
async def test_who_asked_for_more_is_told_nothing(ask: Asker, is_first: bool) -> None:
    """Whichever came first: what could be read so, or what could not."""
    caller = ask.context("mia", "MANAGER").caller
    snapshot = Snapshot(ask.pool, caller)
    await snapshot.viewer()
    await snapshot.aclose()
    expected = ask.pool.acquaintances.expected(caller)
    assert expected is not None
    single = SingleRead(ask.pool, caller, lambda: None, expected)
    reads = [read_together(single, [Part.of_keys(users_by_id(None), [1])]), single.rows(sql("SELECT 1"))]
    for read in reads if is_first else reversed(reads):
        with suppress(Misjudged):
            await read
    assert not single.conclude()
    await single.aclose()
    assert ask.pool.in_use == 0


async def test_what_takes_too_long_is_told_to_nobody_who_is_unknown(ask: Asker) -> None:
    document = fresh("query($id: ID!) { viewer { role } user(by: {id: $id}) { performance { score } } }")
    asked = as_manager(ask) | {"person": "ben", "role": "STUDENT"}
    await settled_in(ask, document, **asked)
    await ask.pool.aclose()
    ask.pool._settings["statement_timeout"] = "100"
    for codes in (["UNAVAILABLE"], ["UNAUTHENTICATED"]):
        with ask.database.connect(None) as admin, admin.transaction():
            admin.execute("LOCK TABLE user_totals")
            answer = await ask(document, **asked)
        assert set(answer.codes) == set(codes)
        with ask.database.connect(None) as admin:
            admin.execute("UPDATE users SET deactivated_at = now() WHERE external_id = 'ben'")


def test_a_plan_that_disappoints_is_spared_for_a_while() -> None:
    operation = graph.operations.prepare(fresh("{ viewer { role } }"))
    plans = KeptPlans(graph.schema).of(operation, graph.executor.variables(operation, {}))
    assert not plans.may_read_once()
    plans.reads_once = True
    for _ in range(2):
        plans.did_read_once(well=False)
        assert plans.may_read_once()
    plans.did_read_once(well=False)
    assert [plans.may_read_once() for _ in range(REST + 2)] == [False] * (REST + 1) + [True]
    plans.did_read_once(well=True)
    plans.did_read_once(well=False)
    assert plans.may_read_once()
