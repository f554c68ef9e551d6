"""Materialized views: what they hold, that a refresh is noted, refuses to empty them wrongly, and blocks nobody."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from psycopg import errors

from settings import DatabaseRole
from tests.conftest import Database
from tests.db.learning import (
    MATERIALIZED_VIEWS,
    Connection,
    add_attempt,
    add_group,
    add_lab,
    add_member,
    add_organization,
    add_topic,
    add_user,
    fold,
    insert,
    refresh,
)

PERCENTILES = (0.1, 0.25, 0.5, 0.75, 0.9, 0.95)


@dataclass(frozen=True)
class School:
    """An organization with one lab of one topic and one level, and one group."""

    connection: Connection
    organization_id: int
    lab_id: int
    topic_id: int
    level_id: int
    group_id: int

    def add_learner(self) -> int:
        user_id = add_user(self.connection, self.organization_id)
        add_member(self.connection, self.organization_id, self.group_id, user_id)
        return user_id

    def add_attempt(self, user_id: int, **columns: object) -> int:
        return add_attempt(self.connection, self.organization_id, user_id, self.lab_id, **columns)

    def refresh(self, *names: str) -> None:
        fold(self.connection)
        for name in names:
            assert refresh(self.connection, name)

    def one(self, columns: str, view: str, **key: object) -> tuple[Any, ...]:
        """The row of a materialized view that has the key."""
        rows = self.connection.execute(
            f"SELECT {columns} FROM internal.{view} WHERE {' AND '.join(f'{name} = %({name})s' for name in key)}",
            key,
        ).fetchall()
        assert len(rows) == 1
        return rows[0]


@pytest.fixture
def school(database: Database) -> Iterator[School]:
    with database.connect() as connection:
        organization_id = add_organization(connection)
        level_id = insert(connection, "levels", organization_id=organization_id, position=1, title="one")
        lab_id = add_lab(connection, organization_id, level_id=level_id)
        topic_id = add_topic(connection, organization_id, [lab_id])
        group_id = add_group(connection, organization_id)
        yield School(connection, organization_id, lab_id, topic_id, level_id, group_id)


def percentile(values: list[float], p: float) -> float:
    """percentile_cont: between two values in proportion."""
    ordered = sorted(values)
    place = p * (len(ordered) - 1)
    low, high = ordered[math.floor(place)], ordered[math.ceil(place)]
    return low + (high - low) * (place - math.floor(place))


# --- that it happened ---------------------------------------------------------------------------------

STATE = "SELECT version, refreshed_at, source_version, rows, duration_seconds FROM view_refreshes WHERE name = %s"


def test_every_materialized_view_can_be_refreshed(school: School) -> None:
    found = school.connection.execute(
        "SELECT c.relname, (SELECT count(*) FROM pg_index i WHERE i.indrelid = c.oid AND i.indisunique)"
        " FROM pg_class c WHERE c.relkind = 'm'"
    ).fetchall()
    known = school.connection.execute("SELECT name FROM view_refreshes").fetchall()
    assert sorted(name for name, _ in found) == sorted(name for (name,) in known) == sorted(MATERIALIZED_VIEWS)
    assert all(keys == 1 for _, keys in found), "each has its one unique key"


@pytest.mark.parametrize("name", MATERIALIZED_VIEWS)
def test_version_and_instant_move(school: School, name: str) -> None:
    connection = school.connection
    school.add_attempt(school.add_learner(), difficulty=5)
    fold(connection)
    connection.execute("UPDATE view_refreshes SET last_error = 'broken', failed_at = now()")
    states = []
    for _ in range(2):
        assert refresh(connection, name)
        states.append(connection.execute(STATE, (name,)).fetchone())
    (version, instant, _, _, _), (version_2, instant_2, source_2, rows_2, duration_2) = states
    assert version_2 == version + 1
    assert instant_2 > instant
    assert source_2 == connection.execute("SELECT max(version) FROM user_totals").fetchone()[0]
    assert rows_2 == connection.execute(f"SELECT count(*) FROM internal.{name}").fetchone()[0] > 0
    assert duration_2 > 0
    failure = connection.execute("SELECT last_error, failed_at FROM view_refreshes WHERE name = %s", (name,))
    assert failure.fetchone() == (None, None)


def test_an_unknown_view_is_an_error(school: School) -> None:
    for name in ("leaderboards", "", 'score_ranks"; DROP TABLE attempts; --', "user_totals"):
        with pytest.raises(errors.UndefinedTable):
            refresh(school.connection, name)


# --- the guard against emptiness ----------------------------------------------------------------------

SOURCES = [
    *((view, "user_totals") for view in MATERIALIZED_VIEWS if view.startswith("score_")),
    *((view, "attempts") for view in ("lab_stats", "topic_stats", "level_stats")),
    ("topic_stats", "lab_topics"),
    ("level_stats", "labs"),
    ("group_stats", "group_memberships"),
    ("group_stats", "user_totals"),
    ("organization_stats", "user_totals"),
    ("organization_stats", "users"),
]


@pytest.mark.parametrize(("view", "source"), SOURCES)
def test_a_blind_owner_empties_nothing(school: School, database: Database, view: str, source: str) -> None:
    """Without its policy the owner sees no row of the source: the refresh fails and the old rows stay."""
    school.add_attempt(school.add_learner(), difficulty=5)
    school.refresh(view)
    before = school.connection.execute(f"TABLE internal.{view}").fetchall()
    state = school.connection.execute(STATE, (view,)).fetchone()
    with database.connect(DatabaseRole.WORKER) as worker:
        school.connection.execute(f"ALTER POLICY owner_and_worker ON {source} TO scoregraph_worker")
        try:
            assert school.connection.execute(f"SELECT count(*) FROM {source}").fetchone() == (0,)
            with pytest.raises(errors.DataException, match="would empty it"):
                refresh(worker, view)
            assert school.connection.execute(f"TABLE internal.{view}").fetchall() == before != []
        finally:
            school.connection.execute(
                f"ALTER POLICY owner_and_worker ON {source} TO scoregraph_owner, scoregraph_worker"
            )
        assert school.connection.execute(STATE, (view,)).fetchone() == state
        assert refresh(worker, view)


def test_what_is_rightly_empty_becomes_empty(new_database: Callable[[], Database]) -> None:
    def sizes(connection: Connection) -> list[int]:
        """How many rows each view has after a refresh of all."""
        found = []
        for view in MATERIALIZED_VIEWS:
            assert refresh(connection, view), view
            found += connection.execute(f"SELECT count(*)::int FROM internal.{view}").fetchone() or ()
        return found

    with new_database().connect() as connection:
        assert not any(sizes(connection))
        organization_id = add_organization(connection)
        level_id = insert(connection, "levels", organization_id=organization_id, position=1, title="one")
        lab_id = add_lab(connection, organization_id, level_id=level_id)
        add_topic(connection, organization_id, [lab_id])
        user_id, group_id = add_user(connection, organization_id), add_group(connection, organization_id)
        add_member(connection, organization_id, group_id, user_id)
        add_attempt(connection, organization_id, user_id, lab_id, difficulty=5)
        fold(connection)
        assert all(sizes(connection))
        connection.execute("DELETE FROM attempts")
        connection.execute("UPDATE users SET deactivated_at = now()")
        fold(connection)
        assert not any(sizes(connection))


def test_a_source_that_begins_during_a_refresh_passes(new_database: Callable[[], Database]) -> None:
    """The refresh has its snapshot and waits; the first score of all is folded meanwhile."""
    database = new_database()
    with (
        database.connect() as connection,
        database.connect() as holder,
        database.connect(DatabaseRole.WORKER) as worker,
        ThreadPoolExecutor(1) as pool,
    ):
        organization_id = add_organization(connection)
        user_id, lab_id = add_user(connection, organization_id), add_lab(connection, organization_id)
        with holder.transaction(force_rollback=True):
            holder.execute("CREATE INDEX in_the_way ON internal.score_ranks (user_id)")  # takes the lock it needs
            refreshing = pool.submit(refresh, worker, "score_ranks")
            waits = "SELECT 1 FROM pg_locks WHERE pid = %s AND NOT granted"
            while not connection.execute(waits, (worker.info.backend_pid,)).fetchone():
                assert not refreshing.done()
            add_attempt(connection, organization_id, user_id, lab_id, difficulty=5)
            assert fold(connection) > 0
        assert refreshing.result()
        assert connection.execute("SELECT count(*) FROM internal.score_ranks").fetchone() == (0,)
        assert refresh(worker, "score_ranks")
        assert connection.execute("SELECT count(*) FROM internal.score_ranks").fetchone() == (1,)


# --- at the same time ---------------------------------------------------------------------------------


def test_nobody_waits_for_a_refresh(school: School, database: Database) -> None:
    """One refresh is not committed yet: readers get the old rows, writers write, another refresher gets false."""
    user_id = school.add_learner()
    school.add_attempt(user_id, score=10)
    school.refresh("lab_stats")
    school.add_attempt(user_id, score=90)
    median = "SELECT score_percentiles[3] FROM internal.lab_stats WHERE lab_id = %s"
    with database.connect(DatabaseRole.WORKER) as refresher, database.connect() as reader:
        for connection in (reader, school.connection):
            connection.execute("SET statement_timeout = '60s'")  # only a deadlock ends so
        with refresher.transaction():
            assert refresh(refresher, "lab_stats")
            assert reader.execute(median, (school.lab_id,)).fetchone() == (10,)
            school.add_attempt(user_id, score=91)
            assert fold(school.connection) > 0
            assert refresh(school.connection, "lab_stats") is False
            assert refresh(school.connection, "topic_stats"), "another view is free"
        assert reader.execute(median, (school.lab_id,)).fetchone() == (50,)
        with reader.transaction():  # nor does a refresh wait for its readers
            reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            assert reader.execute(median, (school.lab_id,)).fetchone() == (50,)
            assert refresh(refresher, "lab_stats")
            assert reader.execute(median, (school.lab_id,)).fetchone() == (50,), "its snapshot stays"
        assert reader.execute(median, (school.lab_id,)).fetchone() == (90,)


def test_a_fold_during_a_refresh_is_not_forgotten(school: School, database: Database) -> None:
    """The noted source version is never newer than what the view holds."""
    user_id = school.add_learner()
    school.add_attempt(user_id, difficulty=5)
    school.refresh("score_ranks")
    with database.connect(DatabaseRole.WORKER) as folder:
        school.add_attempt(user_id, completed_at="2025-06-01Z", difficulty=9)
        with folder.transaction():
            assert fold(folder) > 0
            assert refresh(school.connection, "score_ranks")
    held = school.one("ranking_score", "score_ranks", user_id=user_id)
    assert held == (50,)
    row = school.connection.execute(
        "SELECT t.version > v.source_version FROM user_totals t, view_refreshes v"
        " WHERE t.user_id = %s AND v.name = 'score_ranks'",
        (user_id,),
    ).fetchone()
    assert row == (True,), "so that live_ranks() knows whom to correct"


# --- what they hold -----------------------------------------------------------------------------------

ATTEMPT_VIEWS = [("lab_stats", "lab_id"), ("topic_stats", "topic_id"), ("level_stats", "level_id")]


@pytest.mark.parametrize(("view", "key"), ATTEMPT_VIEWS)
def test_percentiles_of_a_lab(school: School, view: str, key: str) -> None:
    durations = [1, 2, 3, 10]
    for duration in durations:
        school.add_attempt(school.add_learner(), duration_seconds=duration, score=duration)
    learner = school.add_learner()
    school.add_attempt(learner, status="FAILED", duration_seconds=30 * 86_400 + 1)  # too long to be work
    school.add_attempt(learner, status="STARTED", duration_seconds=5)
    school.add_attempt(learner, duration_seconds=5, deleted_at="2025-06-03Z")
    school.refresh(view)
    people, successful, seconds, scores = school.one(
        "people, successful_people, duration_percentiles, score_percentiles",
        view,
        **{key: getattr(school, key)},
    )
    assert (people, successful) == (5, 4)
    expected = [percentile([float(duration) for duration in durations], p) for p in PERCENTILES]
    assert seconds == pytest.approx(expected)
    assert scores == pytest.approx(expected)
    assert (seconds[2], seconds[4]) == pytest.approx((2.5, 7.9))


@pytest.mark.parametrize(("view", "key"), ATTEMPT_VIEWS)
def test_common_errors(school: School, view: str, key: str) -> None:
    """An error twice in one attempt counts once; ties stand by code; at most twenty."""
    learner = school.add_learner()
    for codes in (["B", "B", "B"], ["A"], ["C", "A", "C"], ["C"], ["E_10", "C"], []):
        school.add_attempt(learner, status="FAILED", errors=codes)
    school.add_attempt(learner, status="FAILED", errors=["Z"], deleted_at="2025-06-03Z")
    school.refresh(view)
    (found,) = school.one("common_errors", view, **{key: getattr(school, key)})
    assert [(error["code"], error["attempts"]) for error in found] == [
        ("C", 3),
        ("A", 2),
        ("B", 1),
        ("E_10", 1),
    ]
    school.add_attempt(learner, status="FAILED", errors=[f"X{number:02}" for number in range(30)])
    school.refresh(view)
    (found,) = school.one("common_errors", view, **{key: getattr(school, key)})
    assert len(found) == 20
    assert found[-1] == {"code": "X15", "attempts": 1}


def test_a_lab_without_errors_has_an_empty_list(school: School) -> None:
    school.add_attempt(school.add_learner())
    school.refresh("lab_stats")
    assert school.one("common_errors, duration_percentiles", "lab_stats", lab_id=school.lab_id) == ([], None)


def test_spread_of_scores(school: School) -> None:
    """Population deviation, also of a group; the unscored are people without a score, the former are not."""
    connection = school.connection
    for difficulty in (2, 4, 9):
        school.add_attempt(school.add_learner(), difficulty=difficulty)
    school.add_learner()
    gone = school.add_learner()
    school.add_attempt(gone, difficulty=10)
    connection.execute("UPDATE users SET deactivated_at = now() WHERE id = %s", (gone,))
    former = add_user(connection, school.organization_id, role="TEACHER")
    add_member(connection, school.organization_id, school.group_id, former, days=(-9, -1))
    add_member(connection, school.organization_id, school.group_id, former, role="LEAD", days=(-1, None))
    school.refresh("group_stats", "organization_stats")
    for view, key in (("group_stats", "group_id"), ("organization_stats", "organization_id")):
        people, scored, mean, percentiles, deviation, low, high = school.one(
            "people, scored, mean, percentiles, deviation, min, max", view, **{key: getattr(school, key)}
        )
        assert (people, scored, mean, low, high) == (4, 3, 50, 20, 90)
        assert float(deviation) == pytest.approx(math.sqrt((30**2 + 10**2 + 40**2) / 3))
        assert percentiles == pytest.approx([30, 40, 65, 80])


def test_the_deviation_of_one_is_zero(school: School) -> None:
    learner = school.add_learner()
    school.refresh("group_stats", "organization_stats")
    nobody = school.one("people, scored, mean, deviation, min", "group_stats", group_id=school.group_id)
    assert nobody == (1, 0, None, None, None)
    school.add_attempt(learner, difficulty=7)
    school.refresh("group_stats", "organization_stats")
    for view, key in (("group_stats", "group_id"), ("organization_stats", "organization_id")):
        assert school.one("deviation", view, **{key: getattr(school, key)}) == (0,)


def test_edges_of_the_distribution(school: School) -> None:
    """[a, b) and the last one closed; buckets are of the score before it is rounded."""
    for difficulty, skill in (
        (0, None),
        ("1.9999", None),  # 19.999
        (2, None),  # 20
        ("5.9999", None),
        (6, None),
        ("7.9999", None),  # 79.999, shown as 80.0
        (10, 1),  # 100
    ):
        school.add_attempt(school.add_learner(), difficulty=difficulty, skill_match=skill)
    school.add_learner()  # has no score
    school.refresh("score_distribution")
    rows = school.connection.execute(
        "SELECT bucket, people FROM internal.score_distribution WHERE organization_id = %s ORDER BY bucket",
        (school.organization_id,),
    ).fetchall()
    assert rows == [(0, 2), (1, 1), (2, 1), (3, 2), (4, 1)]
    shown = school.connection.execute(
        "SELECT score, ranking_score FROM user_totals WHERE organization_id = %s ORDER BY score DESC OFFSET 1",
        (school.organization_id,),
    ).fetchall()
    assert (Decimal("79.999"), Decimal("80.0")) in shown
