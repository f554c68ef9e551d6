"""Under concurrent writes, folds, refreshes and killed workers all numbers are those of one snapshot."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from psycopg import errors

from settings import DatabaseRole
from tests.conftest import Database
from tests.db.exactness import SNAPSHOT, WRONG, Reader
from tests.db.learning import (
    LIVE_VIEWS,
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
    read_totals,
    refresh,
)

SNAPSHOTS = 5_000
COMMITS = 600
FOLDS = 100


@pytest.fixture(scope="module")
def reader(database: Database) -> Iterator[Reader]:
    with closing(Reader(database)) as reader:
        yield reader


class Population:
    """Six people, five labs and three topics in Kathmandu."""

    def __init__(self, connection: Connection) -> None:
        self.organization_id = add_organization(connection, "Asia/Kathmandu")
        self.user_ids = [add_user(connection, self.organization_id) for _ in range(6)]
        self.lab_ids = [add_lab(connection, self.organization_id) for _ in range(5)]
        self.topic_ids = [add_topic(connection, self.organization_id, self.lab_ids[n : n + 2]) for n in range(3)]
        group_id = add_group(connection, self.organization_id)
        for user_id in self.user_ids[:3]:
            add_member(connection, self.organization_id, group_id, user_id)


@pytest.fixture(scope="module")
def population(database: Database) -> Population:
    with database.connect(None) as connection:
        name = connection.info.dbname
        # Writers that block each other are told so soon, and try again.
        connection.execute(f"ALTER DATABASE {name} SET deadlock_timeout = '20ms'")
        return Population(connection)


class Writer:
    """Writes random attempts; keeps a hundred or so."""

    def __init__(self, database: Database, population: Population, seed: int) -> None:
        self.connection = database.connect(DatabaseRole.WORKER)
        self.population = population
        self.random = random.Random(seed)
        self.done: Counter[str] = Counter()

    def step(self) -> None:
        """One transaction of one to three changes; a deadlock or a concurrent first success undoes it."""
        changes = self.random.choices(
            (self.insert, self.update, self.delete, self.restore, self.erase, self.move, self.retopic, self.archive),
            (6, 4, 3, 3, 3, 1, 2, 1),
            k=self.random.randint(1, 3),
        )
        try:
            with self.connection.transaction():
                for change in changes:
                    change()
        except (errors.UniqueViolation, errors.DeadlockDetected, errors.SerializationFailure) as error:
            self.done[type(error).__name__] += 1
        else:
            self.done["commits"] += 1
            self.done.update(change.__name__ for change in changes)

    def insert(self) -> None:
        pick = self.random.choice
        rows = [
            self.attempt(pick(self.population.user_ids), pick(self.population.lab_ids))
            for _ in range(self.random.randint(1, 4))
        ]
        self.connection.cursor().executemany(
            "INSERT INTO attempts (organization_id, user_id, lab_id, status, completed_at, due_at,"
            " duration_seconds, score, accuracy, skill_match, difficulty, hints_used)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            rows,
        )

    def attempt(self, user_id: int, lab_id: int) -> tuple[Any, ...]:
        pick = self.random.choice
        status = pick(("SUCCEEDED", "SUCCEEDED", "FAILED", "ABANDONED", "STARTED"))
        return (
            *(self.population.organization_id, user_id, lab_id, status),
            None if status == "STARTED" else self.moment(),
            pick((None, self.moment())),
            *(pick((None, 0, 61.5, 2_592_001)), pick((None, 0, 33.3333)), pick((None, 0.333333))),
            *(pick((None, 0.5, 1)), pick((None, 0, 7.5)), pick((None, 0, 3))),
        )

    def moment(self) -> datetime:
        return datetime(2025, 6, 2, tzinfo=UTC) + timedelta(hours=self.random.randrange(0, 100))

    def change(self, assignment: str, condition: str = "true") -> None:
        """Up to three random attempts."""
        self.connection.execute(
            f"UPDATE attempts SET {assignment} WHERE id IN (SELECT id FROM attempts"
            f" WHERE organization_id = %s AND {condition} ORDER BY random() LIMIT %s)",
            (self.population.organization_id, self.random.randint(1, 3)),
        )

    def update(self) -> None:
        self.change(
            self.random.choice(
                (
                    f"completed_at = '{self.moment()}'",
                    "status = CASE status WHEN 'SUCCEEDED' THEN 'FAILED' ELSE 'SUCCEEDED' END",
                    "duration_seconds = 7, score = 12.5, hints_used = 1",
                    "skill_match = 0.25, difficulty = NULL, due_at = completed_at",
                )
            ),
            "status <> 'STARTED'",
        )

    def delete(self) -> None:
        self.change("deleted_at = now()", "deleted_at IS NULL")

    def restore(self) -> None:
        self.change("deleted_at = NULL", "deleted_at IS NOT NULL")

    def move(self) -> None:
        self.change(f"lab_id = {self.random.choice(self.population.lab_ids)}")

    def retopic(self) -> None:
        """A lab comes into a topic, leaves one, or goes from one to another; also without any effect."""
        lab_id, other = self.random.choice(self.population.lab_ids), self.random.choice(self.population.lab_ids)
        topic_id, new = self.random.choice(self.population.topic_ids), self.random.choice(self.population.topic_ids)
        statement = self.random.choice(
            (
                "INSERT INTO lab_topics SELECT %(organization)s, lab_id, %(topic)s"
                " FROM unnest(ARRAY[%(lab)s, %(other)s]::bigint[]) AS lab_id ON CONFLICT DO NOTHING",
                "DELETE FROM lab_topics WHERE lab_id = %(lab)s AND topic_id = %(topic)s",
                "UPDATE lab_topics SET topic_id = %(new)s WHERE lab_id IN (%(lab)s, %(other)s) AND topic_id = %(topic)s",
            )
        )
        ids = {"lab": lab_id, "other": other, "topic": topic_id, "new": new}
        self.connection.execute(statement, ids | {"organization": self.population.organization_id})

    def archive(self) -> None:
        self.connection.execute(
            "UPDATE labs SET archived_at = CASE WHEN archived_at IS NULL THEN now() END WHERE id = %s",
            (self.random.choice(self.population.lab_ids),),
        )

    def erase(self) -> None:
        """For good, and down to about a hundred."""
        self.connection.execute(
            "DELETE FROM attempts WHERE id IN (SELECT id FROM attempts ORDER BY random()"
            " LIMIT greatest(1, (SELECT count(*) FROM attempts) - 100))"
        )


def at_once(tasks: list[Callable[[threading.Event], None]]) -> None:
    """Runs each until the event is set, which the first to end or to fail sets; raises what failed."""
    stop = threading.Event()

    def run(task: Callable[[threading.Event], None]) -> None:
        try:
            task(stop)
        finally:
            stop.set()

    with ThreadPoolExecutor(len(tasks)) as pool:
        for future in [pool.submit(run, task) for task in tasks]:
            future.result()


def test_every_snapshot_is_exact(
    request: pytest.FixtureRequest, database: Database, population: Population, reader: Reader
) -> None:
    writers = [Writer(database, population, seed) for seed in (1, 2, 3)]
    for writer in writers:
        request.addfinalizer(writer.connection.close)
    folded: list[int] = []
    refreshed: Counter[str] = Counter()
    snapshots: list[tuple[int, ...]] = []

    def write(writer: Writer) -> Callable[[threading.Event], None]:
        def loop(stop: threading.Event) -> None:
            while not stop.is_set():
                writer.step()
                stop.wait(0.01)

        return loop

    def fold_often(stop: threading.Event) -> None:
        with database.connect(DatabaseRole.WORKER) as connection:
            while not stop.is_set():
                folded.append(fold(connection, random.choice((1, 10, 50_000))))
                stop.wait(0.02)

    def refresh_often(stop: threading.Event) -> None:
        with database.connect(DatabaseRole.WORKER) as connection:
            while not stop.is_set():
                for name in MATERIALIZED_VIEWS:
                    refreshed[name] += refresh(connection, name)
                    stop.wait(0.25)

    def read(stop: threading.Event) -> None:
        while not stop.is_set() and not (
            len(snapshots) >= SNAPSHOTS
            and sum(writer.done["commits"] for writer in writers) >= COMMITS
            and sum(map(bool, folded)) >= FOLDS
            and len(refreshed) == len(MATERIALIZED_VIEWS)
        ):
            snapshots.append(reader.check())

    at_once([*map(write, writers), fold_often, refresh_often, read])

    assert len(snapshots) >= SNAPSHOTS
    for writer in writers:
        kinds = ("insert", "update", "delete", "restore", "erase", "move", "retopic", "archive")
        assert all(writer.done[kind] for kind in kinds)
    assert sum(map(bool, folded)) >= FOLDS
    assert all(refreshed[name] for name in MATERIALIZED_VIEWS)
    assert len(set(snapshots)) >= COMMITS // 2, "the snapshots were of many different states"
    check_folded(database, reader)


def check_folded(database: Database, reader: Reader) -> None:
    """Once everything is folded the rollups alone say what the attempts give."""
    with database.connect() as connection:
        while fold(connection):
            pass
        reader.check()
        assert connection.execute("SELECT count(*) FROM attempt_deltas").fetchone() == (0,)
        for view in LIVE_VIEWS:
            assert read_totals(connection, view) == read_totals(connection, view.removesuffix("_live"))


def test_concurrent_first_successes_are_counted_once(database: Database, reader: Reader) -> None:
    """Everyone is the first in the same pair at the same moment."""
    with database.connect() as connection:
        ids = Population(connection)
        barrier = threading.Barrier(4)

        def compete(number: int) -> None:
            with database.connect(DatabaseRole.WORKER) as mine:
                for lab_id in ids.lab_ids:
                    barrier.wait()
                    add_attempt(
                        mine,
                        ids.organization_id,
                        ids.user_ids[0],
                        lab_id,
                        completed_at=f"2025-06-02 12:0{number}Z",
                    )

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(compete, range(4)))
        counted = connection.execute(
            "SELECT lab_id, extract(minute FROM completed_at)::int FROM attempts WHERE counted AND user_id = %s",
            (ids.user_ids[0],),
        ).fetchall()
        assert sorted(counted) == [(lab_id, 0) for lab_id in ids.lab_ids]
    check_folded(database, reader)


CHANGES = {
    "delete": "DELETE FROM attempts WHERE id = {id}",
    "soft delete": "UPDATE attempts SET deleted_at = now() WHERE id = {id}",
    "fail": "UPDATE attempts SET status = 'FAILED' WHERE id = {id}",
    "postpone": "UPDATE attempts SET completed_at = '2025-06-30Z' WHERE id = {id}",
    "move": "UPDATE attempts SET lab_id = {other_lab} WHERE id = {id}",
    "touch": "UPDATE attempts SET score = 1 WHERE id = {id}",
}


@pytest.mark.parametrize("theirs", CHANGES)
@pytest.mark.parametrize("mine", CHANGES)
def test_the_next_in_line_goes_at_the_same_moment(database: Database, reader: Reader, mine: str, theirs: str) -> None:
    """One takes the mark from the first success while another, not committed yet, changes the second."""
    with (
        database.connect() as watcher,
        database.connect(DatabaseRole.WORKER) as one,
        database.connect(DatabaseRole.WORKER) as another,
    ):
        ids = Population(watcher)
        pair = (ids.organization_id, ids.user_ids[0], ids.lab_ids[0])
        first, second, _ = [add_attempt(watcher, *pair, completed_at=f"2025-06-0{day}Z") for day in (1, 2, 3)]

        def change(connection: Connection, how: str, id: int) -> None:
            connection.execute(CHANGES[how].format(id=id, other_lab=ids.lab_ids[1]))

        with ThreadPoolExecutor(1) as pool, another.transaction():
            change(another, theirs, second)
            waiting = pool.submit(change, one, mine, first)
            blocked = "SELECT 1 FROM pg_locks WHERE pid = %s AND NOT granted"
            while not waiting.done():
                if watcher.execute(blocked, (one.info.backend_pid,)).fetchone():
                    break
        waiting.result()
        try:
            reader.check()
        finally:
            watcher.execute("DELETE FROM attempts WHERE organization_id = %s", (ids.organization_id,))


# --- workers that die ---------------------------------------------------------------------------------

# Says what it does, folds (as soon as nobody changes the topics of labs), and waits for its end with the transaction open.
WORKER = """
import sys, psycopg
connection = psycopg.connect(sys.argv[1], options="-c role=scoregraph_worker")
print("pid", connection.info.backend_pid, flush=True)
while not (folded := connection.execute("SELECT folded FROM fold_attempt_deltas()").fetchone()):
    pass
print("folded", folded[0], flush=True)
sys.stdin.read()
"""


@pytest.fixture
def worker_process(database: Database) -> Iterator[Callable[[], tuple[subprocess.Popen[str], int]]]:
    """Starts a worker, and gives it with the process id of its backend as soon as it is connected."""
    processes: list[subprocess.Popen[str]] = []

    def start() -> tuple[subprocess.Popen[str], int]:
        process = subprocess.Popen(
            [sys.executable, "-c", WORKER, database.url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        processes.append(process)
        assert process.stdout is not None
        return process, int(process.stdout.readline().split()[1])

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def wait_until_gone(connection: Connection, backend: int) -> None:
    while connection.execute("SELECT 1 FROM pg_stat_activity WHERE pid = %s", (backend,)).fetchone():
        pass


@pytest.mark.parametrize("moment", ["after the fold", "in the fold"])
@pytest.mark.parametrize("means", ["kill -9", "pg_terminate_backend"])
def test_a_killed_fold_loses_and_doubles_nothing(
    request: pytest.FixtureRequest,
    database: Database,
    reader: Reader,
    worker_process: Callable[[], tuple[subprocess.Popen[str], int]],
    means: str,
    moment: str,
) -> None:
    with database.connect(None) as connection:
        ids = Population(connection)
        writer = Writer(database, ids, seed=len(means) * len(moment))
        request.addfinalizer(writer.connection.close)
        killed: list[bool] = []

        def kill_workers(stop: threading.Event) -> None:
            for _ in range(4):
                process, backend = worker_process()
                assert process.stdout is not None
                if moment == "after the fold":
                    assert int(process.stdout.readline().removeprefix("folded ")) > 0
                if means == "kill -9":
                    process.send_signal(signal.SIGKILL)
                else:
                    connection.execute("SELECT pg_terminate_backend(%s)", (backend,))
                wait_until_gone(connection, backend)
                killed.append(True)
                reader.check()

        def write(stop: threading.Event) -> None:
            while not stop.is_set():
                writer.step()

        # A backlog, so that a fold takes its time and always has something to do.
        connection.execute(
            "INSERT INTO attempts (organization_id, user_id, lab_id, status, completed_at)"
            " SELECT %s, u, l, 'SUCCEEDED', timestamptz '2025-06-02Z' + make_interval(days => d)"
            " FROM unnest(%s::bigint[]) u, unnest(%s::bigint[]) l, generate_series(1, 60) d",
            (ids.organization_id, ids.user_ids, ids.lab_ids),
        )
        at_once([kill_workers, write])
        assert len(killed) == 4
        assert writer.done["commits"]
    check_folded(database, reader)


def test_two_folds_do_not_wait_for_each_other(database: Database, population: Population, reader: Reader) -> None:
    ids = (population.organization_id, population.user_ids[0], population.lab_ids[0])
    with database.connect(DatabaseRole.WORKER) as first, database.connect(DatabaseRole.WORKER) as second:
        add_attempt(first, *ids)
        with first.transaction():
            assert fold(first) > 0
            second.execute("SET statement_timeout = '60s'")
            assert fold(second) == 0
            reader.check()
        reader.check()
        add_attempt(second, *ids)
        assert fold(second) > 0


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE user_totals SET hinted = hinted + 1 WHERE user_id = (SELECT min(user_id) FROM user_totals)",
        "UPDATE user_lab_totals SET task_early_seconds = task_early_seconds + 0.000001",
        "UPDATE user_topic_totals SET scored = scored + 1",
        "UPDATE user_topic_totals SET topic_id = topic_id + 10000",
        "DELETE FROM user_topic_totals",
        "UPDATE user_topic_packs SET attempts = tasks || attempts",
        "UPDATE user_topic_packs SET attempts = substr(attempts, 9)",
        "UPDATE user_topic_packs SET successes = overlay(successes PLACING int8send(-1) FROM 1) WHERE successes <> ''",
        "DELETE FROM user_topic_packs",
        "DELETE FROM lab_topics",
        "UPDATE user_days SET day = day + 10000",
        "DELETE FROM lab_days",
        "UPDATE lab_days SET successes = successes - 1",
        "UPDATE attempts SET counted = false",
        "UPDATE attempts SET completed_at = completed_at + interval '2 days'",
        "DELETE FROM attempts WHERE id = (SELECT max(id) FROM attempts WHERE status <> 'STARTED')",
    ],
)
def test_the_comparison_can_fail(database: Database, population: Population, damage: str) -> None:
    """What is put wrong by hand, without triggers, is found."""
    with database.connect(None) as connection:
        ids = (population.organization_id, population.user_ids[0], population.lab_ids[0])
        add_attempt(connection, *ids)
        connection.execute(
            "INSERT INTO lab_topics VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
            (population.organization_id, population.lab_ids[0], population.topic_ids[0]),
        )
        while fold(connection):
            pass
        with connection.transaction(force_rollback=True):
            connection.execute("SET LOCAL session_replication_role = replica")
            connection.execute(damage)
            row = connection.execute(SNAPSHOT).fetchone()
            assert row is not None
            assert any(row[WRONG])
