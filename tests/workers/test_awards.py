"""Badges and milestones: by the rules, once, whatever order things come in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import errors
from sqlalchemy.ext.asyncio import AsyncEngine

from db.engine import write_engine
from db.queries.award_grants import Granted
from db.queries.award_rules import mark_all, settle_awards, take_marked
from settings import DatabaseRole
from tests.conftest import Database
from tests.db.learning import add_attempt, add_group, add_lab, add_member, add_organization, add_user, fold, insert
from tests.workers.award_oracle import Awards, Connection, Person, awarded
from workers.awards import award_some

SMALL = """
UPDATE award_definitions SET revocable = true, threshold = CASE slug WHEN 'first_task' THEN 1 WHEN '10_tasks' THEN 3
  WHEN '100_tasks' THEN 6 WHEN 'perfect_week' THEN 2 WHEN 'streak_7' THEN 2 WHEN 'streak_30' THEN 4 WHEN 'punctual' THEN 2 ELSE 90 END
WHERE organization_id = %s
"""
MONDAY = datetime(2025, 3, 3, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
async def engine(database: Database) -> AsyncIterator[AsyncEngine]:
    engine = write_engine(database.url, DatabaseRole.WORKER)
    yield engine
    await engine.dispose()


@pytest.fixture(scope="module")
def owner(database: Database) -> Iterator[Connection]:
    with database.connect(None) as connection:
        yield connection


class Learner:
    """A person in an organization of their own with so many labs."""

    def __init__(self, owner: Connection, labs: int = 8, time_zone: str = "UTC") -> None:
        self.owner = owner
        self.organization = add_organization(owner, time_zone)
        self.id = add_user(owner, self.organization)
        self.labs = [add_lab(owner, self.organization) for _ in range(labs)]

    def does(self, lab: int, at: str | datetime, **columns: object) -> int:
        return add_attempt(self.owner, self.organization, self.id, self.labs[lab], **{"completed_at": at, **columns})

    def given(self, lab: int, due_at: str, **whom: int) -> int:
        return insert(
            self.owner,
            "assignments",
            organization_id=self.organization,
            lab_id=self.labs[lab],
            due_at=due_at,
            assigned_at="2025-01-01Z",
            **(whom or {"user_id": self.id}),
        )

    def define(self, key: str, **columns: object) -> None:
        changes = ", ".join(f"{name} = %({name})s" for name in columns)
        self.owner.execute(
            f"UPDATE award_definitions SET {changes} WHERE organization_id = %(organization)s AND slug = %(key)s".encode(),
            {**columns, "organization": self.organization, "key": key},
        )

    def only(self, key: str) -> None:
        """All but one definition are out of use."""
        self.owner.execute(
            "UPDATE award_definitions SET is_active = (slug = %s) WHERE organization_id = %s", (key, self.organization)
        )

    @property
    def has(self) -> Awards:
        return awarded(self.owner, self.id)

    def rows(self, columns: str) -> list[tuple[Any, ...]]:
        return self.owner.execute(
            f"SELECT {columns} FROM awards WHERE user_id = %s ORDER BY id".encode(), (self.id,)
        ).fetchall()


async def look(engine: AsyncEngine, owner: Connection, at: datetime | None = None) -> list[Granted]:
    """What a worker does after a fold, at some instant."""
    fold(owner)
    at = at or datetime.now(UTC)
    async with engine.begin() as connection:
        return await settle_awards(connection, await take_marked(connection, 1000, at, wait=False), at)


# --- once ---------------------------------------------------------------------------------------------


async def test_the_hundredth_task_is_awarded_at_its_instant(engine: AsyncEngine, owner: Connection) -> None:
    learner = Learner(owner, labs=101)
    learner.only("100_tasks")
    for lab in range(99):
        learner.does(lab, MONDAY + lab * HOUR)
        learner.does(lab, MONDAY + (lab + 200) * HOUR)  # done again, it is the same task
    assert await look(engine, owner) == []
    deciding = learner.does(99, MONDAY + 500 * HOUR)
    learner.does(100, MONDAY + 600 * HOUR)
    [granted] = await look(engine, owner)
    assert (granted.slug, granted.achieved_at) == ("100_tasks", MONDAY + 500 * HOUR)
    assert learner.has == {("100_tasks", None): (MONDAY + 500 * HOUR, deciding)}
    # One that comes late moves it to where it was reached: that is not another one.
    learner.owner.execute("UPDATE attempts SET completed_at = %s WHERE id = %s", (MONDAY, deciding))
    assert await look(engine, owner) == []
    assert learner.has["100_tasks", None][0] == MONDAY + 98 * HOUR


def test_rules_that_come_together_mark_everybody_once(owner: Connection) -> None:
    learner = Learner(owner)
    owner.execute("DELETE FROM award_marks")
    owner.execute(
        """
        INSERT INTO award_definitions (organization_id, slug, kind, name, rule, threshold, revocable)
        SELECT organization_id, 'rule_' || n, 'BADGE', 'Rule', 'TASKS', n, false FROM users, generate_series(2, 4) AS n WHERE id = %s
        """,
        (learner.id,),
    )
    assert owner.execute("SELECT count(*) FROM award_marks WHERE user_id = %s", (learner.id,)).fetchone() == (1,)


async def test_an_award_is_told_once(engine: AsyncEngine, owner: Connection) -> None:
    learner = Learner(owner)
    learner.only("first_task")
    first = learner.does(0, MONDAY)
    assert [granted.user_id for granted in await look(engine, owner)] == [learner.id]
    owner.execute("UPDATE attempts SET deleted_at = now() WHERE id = %s", (first,))
    assert await look(engine, owner) == []
    assert learner.rows("revoked_at IS NOT NULL, note IS NOT NULL") == [(True, True)]
    owner.execute("UPDATE attempts SET deleted_at = NULL WHERE id = %s", (first,))
    assert await look(engine, owner) == []
    assert learner.rows("revoked_at, note") == [(None, None)]


async def test_what_is_not_committed_is_done_again(engine: AsyncEngine, owner: Connection) -> None:
    """A worker that dies has taken no mark away; one that dies later finds the award there."""
    learner = Learner(owner)
    learner.only("first_task")
    learner.does(0, MONDAY)
    fold(owner)
    now = datetime.now(UTC)
    async with engine.connect() as connection:
        people = await take_marked(connection, 10, now, wait=False)
        assert len(await settle_awards(connection, people, now)) == 1
        # Never committed: the connection is lost.
        await connection.invalidate()
    assert learner.has == {}
    assert len(await look(engine, owner)) == 1
    owner.execute(
        "INSERT INTO award_marks (organization_id, user_id) VALUES (%s, %s)", (learner.organization, learner.id)
    )
    assert await look(engine, owner) == []
    assert len(learner.rows("id")) == 1


async def test_a_change_that_leaves_every_sum_as_it_was(engine: AsyncEngine, owner: Connection) -> None:
    learner = Learner(owner)
    learner.only("first_task")
    first = learner.does(0, MONDAY)
    await look(engine, owner)
    owner.execute("UPDATE attempts SET completed_at = %s WHERE id = %s", (MONDAY + HOUR, first))
    await look(engine, owner)
    assert learner.has == {("first_task", None): (MONDAY + HOUR, first)}


async def test_others_are_told_once(engine: AsyncEngine, owner: Connection) -> None:
    learner = Learner(owner)
    learner.only("first_task")
    learner.does(0, MONDAY)
    for _ in range(2):
        fold(owner)
        await award_some(engine)
        owner.execute("UPDATE attempts SET score = 50 WHERE user_id = %s", (learner.id,))
    told = owner.execute(
        "SELECT type, subject, data FROM outbox WHERE organization_id = %s", (learner.organization,)
    ).fetchall()
    [person] = owner.execute("SELECT external_id FROM users WHERE id = %s", (learner.id,)).fetchone() or [""]
    said = {"userId": person, "award": "first_task", "kind": "MILESTONE", "week": None}
    when = {"achievedAt": "2025-03-03T00:00:00+00:00", "achievedValue": 1.0}
    assert told == [("AwardGranted", f"users/{person}", said | when)]


async def test_two_workers_award_once(engine: AsyncEngine, owner: Connection) -> None:
    learners = [Learner(owner) for _ in range(3)]
    for learner in learners:
        learner.only("first_task")
        learner.does(0, MONDAY)
    fold(owner)
    await asyncio.gather(*(award_some(engine, wait=True) for _ in range(3)))
    organizations = [learner.organization for learner in learners]
    told = owner.execute(
        "SELECT organization_id FROM outbox WHERE organization_id = ANY (%s) ORDER BY 1", (organizations,)
    )
    assert told.fetchall() == [(organization,) for organization in sorted(organizations)]
    assert [len(learner.rows("id")) for learner in learners] == [1, 1, 1]
    # The worker is an honest one, but the table would not have it either.
    with pytest.raises(errors.UniqueViolation):
        owner.execute(
            "INSERT INTO awards (organization_id, user_id, definition_id, achieved_at, achieved_value)"
            " SELECT organization_id, user_id, definition_id, achieved_at, achieved_value FROM awards WHERE user_id = %s",
            (learners[0].id,),
        )


async def test_a_present_is_kept_with_a_note(engine: AsyncEngine, owner: Connection) -> None:
    learner = Learner(owner)
    learner.only("full_marks")
    best = learner.does(0, MONDAY, score=100)
    await look(engine, owner)
    owner.execute("UPDATE attempts SET score = 99 WHERE id = %s", (best,))
    await look(engine, owner)
    assert learner.rows("revoked_at, note") == [(None, "What it was awarded for is no longer there.")]
    learner.define("full_marks", revocable=True)
    await look(engine, owner)
    assert learner.has == {}


async def test_a_rule_out_of_use_takes_nothing_back(engine: AsyncEngine, owner: Connection) -> None:
    learner = Learner(owner)
    learner.only("first_task")
    first = learner.does(0, MONDAY)
    await look(engine, owner)
    learner.define("first_task", is_active=False)
    owner.execute("UPDATE attempts SET deleted_at = now() WHERE id = %s", (first,))
    await look(engine, owner)
    assert set(learner.has) == {("first_task", None)}


# --- days and weeks -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "instants", "is_streak"),
    [
        # 23 and 25 hours from midnight to midnight, done late on one day and early on the other
        ("Europe/Madrid", ["2025-03-29 22:59Z", "2025-03-29 23:00Z", "2025-03-30 22:00Z"], True),
        ("Europe/Madrid", ["2025-10-25 21:59Z", "2025-10-25 22:00Z", "2025-10-26 23:00Z"], True),
        ("Europe/Madrid", ["2025-10-25 21:59Z", "2025-10-25 22:00Z", "2025-10-26 22:59Z"], False),
        # 24 hours later is the day after the next where a day has 23
        ("Europe/Madrid", ["2025-03-29 22:30Z", "2025-03-30 22:30Z", "2025-03-31 21:00Z"], False),
        # Lord Howe's clocks go by half an hour; there was no 30 December on Apia
        ("Australia/Lord_Howe", ["2025-04-05 12:59Z", "2025-04-05 13:00Z", "2025-04-06 13:30Z"], True),
        ("Pacific/Apia", ["2011-12-29 12:00Z", "2011-12-30 09:59Z", "2011-12-30 10:00Z"], False),
    ],
)
async def test_streaks_go_by_the_calendar(
    zone: str, instants: list[str], is_streak: bool, engine: AsyncEngine, owner: Connection
) -> None:
    learner = Learner(owner, time_zone=zone)
    learner.only("streak_7")
    learner.define("streak_7", threshold=3)
    for instant in instants:
        learner.does(0, instant, status="FAILED")
    await look(engine, owner)
    assert bool(learner.has) is is_streak
    assert Person(owner, learner.id).awards(datetime.now(UTC)) == learner.has


async def test_a_move_takes_no_day_away(engine: AsyncEngine, owner: Connection) -> None:
    """Done at ten in the evening in Tokyo, then, after the move, at ten in Lima: no day without it, wherever one looks from."""
    learner = Learner(owner, time_zone="Asia/Tokyo")
    learner.only("streak_7")
    learner.define("streak_7", threshold=4)
    for instant in ("2025-06-01 15:30Z", "2025-06-03 14:30Z"):  # the 2nd at 00:30 and the 3rd at 23:30 in Tokyo
        learner.does(0, instant)
    for instant in ("2025-06-05 04:30Z", "2025-06-05 06:00Z"):  # the 4th at 23:30 and the 5th at 01:00 in Lima
        learner.does(1, instant)
    owner.execute("UPDATE users SET time_zone = 'America/Lima' WHERE id = %s", (learner.id,))
    await look(engine, owner)
    assert learner.has == {}, "all of it was done in Tokyo, says the roster"
    owner.execute("UPDATE user_zone_changes SET lived_until = '2025-06-04Z' WHERE user_id = %s", (learner.id,))
    owner.execute(
        "INSERT INTO award_marks (organization_id, user_id) VALUES (%s, %s)", (learner.organization, learner.id)
    )
    await look(engine, owner)
    assert set(learner.has) == {("streak_7", None)}


WEEK = date(2025, 3, 24)  # until the night in which the clocks go forward
END = datetime(2025, 3, 30, 22, tzinfo=UTC)


def good_week(learner: Learner) -> list[int]:
    """Three tasks by their deadlines, the last of which is the end of the week."""
    learner.only("perfect_week")
    learner.given(0, "2025-03-25 12:00Z")
    learner.given(1, "2025-03-30 21:59:59Z")
    return [
        learner.does(0, "2025-03-25 12:00Z", due_at="2025-03-25 12:00Z"),
        learner.does(1, "2025-03-30 21:59:59Z", due_at="2025-03-30 21:59:59Z"),
        learner.does(2, "2025-03-24 00:00+01"),
    ]


async def test_a_perfect_week_is_decided_an_hour_after_its_end(engine: AsyncEngine, owner: Connection) -> None:
    learner = Learner(owner, time_zone="Europe/Madrid")
    good_week(learner)
    assert await look(engine, owner, END + HOUR - timedelta(microseconds=1)) == []
    # Time alone brings it.
    [granted] = await look(engine, owner, END + HOUR)
    assert granted.achieved_at == END
    assert learner.has == {("perfect_week", WEEK): (END, None)}
    assert await look(engine, owner, END + DAY) == []


@pytest.mark.parametrize(
    "change",
    [
        lambda learner, ids: learner.given(3, "2025-03-30 21:59:59Z"),  # due on Sunday at 23:59:59, and not done
        lambda learner, ids: learner.does(3, "2025-03-28Z", due_at="2025-03-27Z"),  # late
        lambda learner, ids: owner_of(learner, "DELETE FROM attempts WHERE id = %s", ids[2]),  # two are too few
        lambda learner, ids: owner_of(
            learner, "UPDATE attempts SET due_at = NULL WHERE id = ANY(%s)", ids
        ),  # no deadline
        lambda learner, ids: owner_of(
            learner, "UPDATE attempts SET completed_at = '2025-03-30 22:00Z' WHERE id = %s", ids[1]
        ),
        lambda learner, ids: with_group(learner, (-9999, None)),
    ],
)
@pytest.mark.parametrize("before", [True, False])
async def test_what_spoils_a_perfect_week(
    change: Callable[[Learner, list[int]], object], before: bool, engine: AsyncEngine, owner: Connection
) -> None:
    """Also when it comes to light later."""
    learner = Learner(owner, time_zone="Europe/Madrid")
    ids = good_week(learner)
    if not before:
        await look(engine, owner)
        assert learner.has
    change(learner, ids)
    await look(engine, owner)
    assert learner.has == {} == Person(owner, learner.id).awards(datetime.now(UTC))


def owner_of(learner: Learner, statement: str, *values: object) -> None:
    learner.owner.execute(statement.encode(), values)


def with_group(learner: Learner, days: tuple[int, int | None]) -> None:
    """Something was due in a group that the person was in."""
    group = add_group(learner.owner, learner.organization)
    learner.given(4, "2025-03-28Z", group_id=group)
    add_member(learner.owner, learner.organization, group, learner.id, days=days)


@pytest.mark.parametrize(
    "change",
    [
        lambda learner, ids: with_group(learner, (-30, None)),  # joined afterwards
        lambda learner, ids: learner.given(3, "2025-03-30 22:00Z"),  # due in the next week
        lambda learner, ids: (learner.does(3, "2025-03-20Z"), learner.given(3, "2025-03-28Z")),  # done before
        lambda learner, ids: owner_of(
            learner,
            "INSERT INTO deadline_extensions (assignment_id, organization_id, user_id, due_at) VALUES (%s, %s, %s, '2025-05-01Z')",
            learner.given(3, "2025-03-28Z"), learner.organization, learner.id,
        ),
        lambda learner, ids: owner_of(
            learner, "DELETE FROM assignments WHERE id = %s", learner.given(3, "2025-03-28Z")
        ),
    ],
)  # fmt: skip
async def test_what_does_not(
    change: Callable[[Learner, list[int]], object], engine: AsyncEngine, owner: Connection
) -> None:
    learner = Learner(owner, time_zone="Europe/Madrid")
    change(learner, good_week(learner))
    await look(engine, owner)
    assert set(learner.has) == {("perfect_week", WEEK)}
    assert Person(owner, learner.id).awards(datetime.now(UTC)) == learner.has


# --- whatever happens ---------------------------------------------------------------------------------

INSTANTS = st.integers(0, 24 * 12).map(lambda hours: MONDAY + 20 * DAY + hours * HOUR)
LEEWAY = st.none() | st.integers(-3, 48)
ZONE_NAMES = st.sampled_from(["Europe/Madrid", "America/Lima", "Asia/Tokyo", "Pacific/Kiritimati"])
LABS, PLACES, SCORES = st.integers(0, 7), st.integers(0, 30), st.integers(85, 95)
ADD = st.tuples(st.just("add"), LABS, INSTANTS, LEEWAY, st.sampled_from(["SUCCEEDED"] * 5 + ["FAILED"]), SCORES)
STEPS = st.one_of(
    ADD,
    st.tuples(st.just("move"), PLACES, INSTANTS),
    st.tuples(st.just("nudge"), PLACES),
    st.tuples(st.just("judge"), PLACES, st.sampled_from(["SUCCEEDED", "FAILED"]), SCORES),
    st.tuples(st.just("delete"), PLACES),
    st.tuples(st.just("restore"), PLACES),
    st.tuples(st.just("remove"), PLACES),
    st.tuples(st.just("give"), LABS, INSTANTS, st.booleans()),
    st.tuples(st.just("zone"), ZONE_NAMES | st.none()),
    st.tuples(st.just("look")),
)


def step(learner: Learner, group: int, ids: list[int], name: str, *values: Any) -> None:
    owner = learner.owner
    if name == "add":
        lab, at, leeway, status, score = values
        due_at = None if leeway is None else at + leeway * HOUR
        ids.append(learner.does(lab, at, due_at=due_at, status=status, score=score))
    elif name == "give":
        lab, due_at, to_group = values
        learner.given(lab, due_at, **({"group_id": group} if to_group else {"user_id": learner.id}))
    elif name == "zone":
        owner.execute("UPDATE users SET time_zone = %s WHERE id = %s", (values[0], learner.id))
    elif ids:
        place, *said = values
        id = ids[place % len(ids)]
        statement = {
            "move": "UPDATE attempts SET completed_at = %s WHERE id = %s",
            "nudge": "UPDATE attempts SET completed_at = completed_at + interval '1 hour' WHERE id = %s",
            "judge": "UPDATE attempts SET status = %s, score = %s WHERE id = %s",
            "delete": "UPDATE attempts SET deleted_at = now() WHERE id = %s",
            "restore": "UPDATE attempts SET deleted_at = NULL WHERE id = %s",
            "remove": "DELETE FROM attempts WHERE id = %s",
        }[name]
        owner.execute(statement.encode(), (*said, id))
        if name == "remove":
            ids.remove(id)


@given(
    zone=ZONE_NAMES,
    moves=st.lists(st.tuples(INSTANTS, ZONE_NAMES | st.none()), max_size=2, unique_by=lambda move: move[0]),
    history=st.lists(ADD, min_size=4, max_size=16),
    steps=st.lists(STEPS, min_size=1, max_size=12),
)
@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
async def test_awards_are_those_of_the_history_as_it_is(
    zone: str,
    moves: list[tuple[datetime, str | None]],
    history: list[Any],
    steps: list[Any],
    engine: AsyncEngine,
    owner: Connection,
) -> None:
    learner = Learner(owner, time_zone=zone)
    owner.execute(SMALL, (learner.organization,))
    group = add_group(owner, learner.organization)
    add_member(owner, learner.organization, group, learner.id, days=(-9999, None))
    for lived_until, name in moves:
        owner.execute(
            "INSERT INTO user_zone_changes (organization_id, user_id, lived_until, time_zone) VALUES (%s, %s, %s, %s)",
            (learner.organization, learner.id, lived_until, name),
        )
    ids: list[int] = []
    for name, *values in [*history, ("look",), *steps]:
        if name == "look":
            await look(engine, owner)
        else:
            step(learner, group, ids, name, *values)
    await look(engine, owner)
    found = learner.has
    assert found == Person(owner, learner.id).awards(datetime.now(UTC))
    owner.execute("DELETE FROM award_marks")
    before = learner.rows("*")
    async with engine.begin() as connection:
        await mark_all(connection)
    await look(engine, owner)
    assert learner.rows("*") == before, "from scratch it is the same"
