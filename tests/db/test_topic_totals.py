"""Topics follow their labs: who changes which labs a topic has, and who folds, take turns, and nothing is lost or doubled. What
is packed of them follows them in turn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass

import pytest
from psycopg import errors, sql

from settings import DatabaseRole
from tests.conftest import Database
from tests.db.exactness import Reader
from tests.db.learning import (
    Connection,
    add_attempt,
    add_lab,
    add_organization,
    add_topic,
    add_user,
    become,
    fold,
    read_totals,
)


@dataclass(frozen=True)
class Shelf:
    """Two people who have done both labs, and two topics: the first has both labs, the second has none."""

    database: Database
    connection: Connection
    reader: Reader
    organization_id: int
    user_ids: list[int]
    labs: list[int]
    topics: list[int]

    def record(self, connection: Connection | None = None) -> None:
        for user_id in self.user_ids:
            for number, lab_id in enumerate(self.labs):
                add_attempt(
                    connection or self.connection, self.organization_id, user_id, lab_id, difficulty=number, score=7
                )

    def put(self, connection: Connection, lab_id: int, topic_id: int) -> int:
        """How many rows were new."""
        return connection.execute(
            "INSERT INTO lab_topics VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
            (self.organization_id, lab_id, topic_id),
        ).rowcount

    def attempts(self, topic: int) -> list[int]:
        """Of each person in one of the topics, as the rollup has them; 0 is left out."""
        rows = self.connection.execute(
            "SELECT attempts::int FROM user_topic_totals WHERE topic_id = %s AND attempts <> 0 ORDER BY user_id",
            (self.topics[topic],),
        )
        return [attempts for (attempts,) in rows]

    def fold(self) -> None:
        while fold(self.connection):
            pass


@pytest.fixture(scope="module")
def reader(database: Database) -> Iterator[Reader]:
    with closing(Reader(database)) as reader:
        yield reader


@pytest.fixture
def shelf(database: Database, reader: Reader) -> Iterator[Shelf]:
    """Folded, with as much again pending."""
    with database.connect(DatabaseRole.WORKER) as connection:
        id = add_organization(connection)
        users = [add_user(connection, id) for _ in range(2)]
        labs = [add_lab(connection, id) for _ in range(2)]
        shelf = Shelf(
            database, connection, reader, id, users, labs, [add_topic(connection, id, labs), add_topic(connection, id)]
        )
        shelf.record()
        shelf.fold()
        shelf.record()
        yield shelf
        reader.check()
        shelf.fold()
        reader.check()
        assert read_totals(connection, "user_topic_totals") == read_totals(connection, "user_topic_totals_live")
        assert packs(connection) == packs(connection, "user_topic_packs_live")


@pytest.fixture
def other(shelf: Shelf) -> Iterator[Connection]:
    """A second connection, as the worker, that gives up after half a minute."""
    with shelf.database.connect(DatabaseRole.WORKER) as connection:
        connection.execute("SET lock_timeout = '30s'")
        yield connection


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


def packs(connection: Connection, relation: str = "user_topic_packs") -> list[tuple[object, ...]]:
    """Of those who have done anything in a topic."""
    return connection.execute(f"SELECT * FROM {relation} WHERE topic_id <> '' ORDER BY user_id").fetchall()


def topics_in_order(
    shelf: Shelf, relation: str = "user_topic_packs", connection: Connection | None = None
) -> list[list[int]]:
    """Of each person."""
    rows = (connection or shelf.connection).execute(
        f"SELECT ARRAY(SELECT unpack_ids(topic_id)) FROM {relation} WHERE user_id = ANY (%s) ORDER BY user_id",
        (shelf.user_ids,),
    )
    return [ids for (ids,) in rows]


def wait_until_blocked(watcher: Connection, connection: Connection, task: Future[object]) -> None:
    blocked = "SELECT 1 FROM pg_locks WHERE pid = %s AND NOT granted"
    while not watcher.execute(blocked, (connection.info.backend_pid,)).fetchone():
        assert not task.done(), "it did not wait"


# --- what a topic has ---------------------------------------------------------------------------------

COMING_AND_GOING = {
    "comes": ("INSERT INTO lab_topics VALUES ({organization}, {lab}, {other})", [2, 2], [1, 1]),
    "leaves": ("DELETE FROM lab_topics WHERE lab_id = {lab}", [1, 1], []),
    "goes over": ("UPDATE lab_topics SET topic_id = {other} WHERE lab_id = {lab}", [1, 1], [1, 1]),
    "all leave": ("DELETE FROM lab_topics WHERE topic_id = {topic}", [], []),
    "all go over": ("UPDATE lab_topics SET topic_id = {other} WHERE topic_id = {topic}", [], [2, 2]),
    "nothing": ("UPDATE lab_topics SET topic_id = topic_id WHERE topic_id = {topic}", [2, 2], []),
    "nobody": ("DELETE FROM lab_topics WHERE false", [2, 2], []),
    "in one statement": (
        "WITH gone AS (DELETE FROM lab_topics WHERE lab_id = {lab} RETURNING *)"
        " INSERT INTO lab_topics SELECT organization_id, lab_id, {other} FROM gone",
        [1, 1],
        [1, 1],
    ),
    "merge": (
        "MERGE INTO lab_topics t USING (VALUES ({lab}, {topic}), ({lab}, {other})) AS n (lab_id, topic_id)"
        " ON t.lab_id = n.lab_id AND t.topic_id = n.topic_id WHEN MATCHED THEN DELETE"
        " WHEN NOT MATCHED THEN INSERT VALUES ({organization}, n.lab_id, n.topic_id)",
        [1, 1],
        [1, 1],
    ),
    "takes the place": (
        "INSERT INTO lab_topics VALUES ({organization}, {lab}, {topic})"
        " ON CONFLICT (lab_id, topic_id) DO UPDATE SET topic_id = {other}",
        [1, 1],
        [1, 1],
    ),
}


@pytest.mark.parametrize("role", [DatabaseRole.API, DatabaseRole.WORKER])
@pytest.mark.parametrize("how", COMING_AND_GOING)
def test_a_lab_brings_what_was_done_at_it(shelf: Shelf, how: str, role: DatabaseRole) -> None:
    statement, first, second = COMING_AND_GOING[how]
    assert (shelf.attempts(0), shelf.attempts(1)) == ([2, 2], [])
    ids = {"organization": shelf.organization_id, "lab": shelf.labs[0]}
    ids |= {"topic": shelf.topics[0], "other": shelf.topics[1]}
    with shelf.database.connect(role) as connection:
        become(connection, shelf.organization_id, role="ADMIN")
        connection.execute(sql.SQL(statement).format(**ids))
    assert (shelf.attempts(0), shelf.attempts(1)) == (first, second)
    shelf.reader.check()
    shelf.fold()
    assert shelf.attempts(0) == [2 * attempts for attempts in first], "what was pending comes by the same labs"


def test_a_copy_is_followed(shelf: Shelf) -> None:
    with (
        shelf.database.connect(None) as superuser,  # nobody else may copy into a table with row security
        superuser.cursor().copy("COPY lab_topics FROM STDIN") as copy,
    ):
        for lab_id in shelf.labs:
            copy.write_row((shelf.organization_id, lab_id, shelf.topics[1]))
    assert shelf.attempts(1) == [2, 2]


@pytest.mark.parametrize("statement", ["TRUNCATE lab_topics", "TRUNCATE topics CASCADE"])
def test_topics_cannot_be_truncated(shelf: Shelf, statement: str) -> None:
    refused = pytest.raises(errors.FeatureNotSupported, match="lab_topics cannot be truncated")
    with shelf.database.connect(None) as superuser, refused:
        superuser.execute(statement)
    assert shelf.attempts(0) == [2, 2]


# --- packs --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", [DatabaseRole.API, DatabaseRole.WORKER])
def test_packs_are_in_the_order_of_titles(shelf: Shelf, role: DatabaseRole) -> None:
    first, second = shelf.topics
    shelf.put(shelf.connection, shelf.labs[0], second)
    with shelf.database.connect(role) as connection:
        become(connection, shelf.organization_id, role="ADMIN")
        for titles, order in (
            (("B", "a"), [first, second]),
            (("b", "a"), [second, first]),
            (("a", "a"), [first, second]),
        ):
            connection.execute(
                "UPDATE topics t SET title = n.title FROM unnest(%s::bigint[], %s::text[]) AS n (id, title) WHERE t.id = n.id",
                (shelf.topics, list(titles)),
            )
            assert topics_in_order(shelf) == [order] * 2
            assert topics_in_order(shelf, "user_topic_packs_live") == [order] * 2
            shelf.reader.check()


def test_what_is_changed_by_hand_is_packed(shelf: Shelf) -> None:
    [user_id, other_id], [topic_id, _] = shelf.user_ids, shelf.topics
    of_both = topics_in_order(shelf)
    with shelf.database.connect() as owner, owner.transaction(force_rollback=True):
        for statement, order in (
            (f"DELETE FROM user_topic_totals WHERE user_id = {user_id}", [[], of_both[1]]),
            (f"UPDATE user_topic_totals SET user_id = {user_id} WHERE user_id = {other_id}", [of_both[1], []]),
            (f"UPDATE user_topic_totals SET attempts = 0 WHERE topic_id = {topic_id}", [[], []]),
            ("TRUNCATE user_topic_totals", []),
        ):
            owner.execute(statement)
            assert topics_in_order(shelf, connection=owner) == order, statement


def test_who_has_nothing_left_has_nothing(shelf: Shelf) -> None:
    """What is packed of them is not what is shown, while it waits that all was taken back."""
    shelf.connection.execute("UPDATE attempts SET deleted_at = now() WHERE user_id = %s", (shelf.user_ids[0],))
    [topic_id, _] = shelf.topics
    assert topics_in_order(shelf, "user_topic_packs_live") == [[], [topic_id]]
    shelf.reader.check()
    shelf.fold()
    assert topics_in_order(shelf) == [[], [topic_id]]


# --- turns --------------------------------------------------------------------------------------------


def test_a_writer_of_topics_waits_for_the_fold_and_sees_it(
    shelf: Shelf, other: Connection, pool: ThreadPoolExecutor
) -> None:
    """What is folded while it waits is moved, too, though its statement began before."""
    with shelf.connection.transaction():
        assert fold(shelf.connection)
        waiting = pool.submit(shelf.put, other, shelf.labs[0], shelf.topics[1])
        with shelf.database.connect() as watcher:
            wait_until_blocked(watcher, other, waiting)
    assert waiting.result() == 1
    assert (shelf.attempts(0), shelf.attempts(1)) == ([4, 4], [2, 2])


def test_a_fold_passes_while_topics_change(shelf: Shelf, other: Connection) -> None:
    """And nobody waits who records attempts; the labs change again in the same transaction, in both directions."""
    lab, (topic, other_topic) = shelf.labs[0], shelf.topics
    with other.transaction():
        other.execute("DELETE FROM lab_topics WHERE lab_id = %s", (lab,))
        assert fold(shelf.connection) == 0
        shelf.record()
        shelf.reader.check()
        shelf.put(other, lab, other_topic)
        other.execute("DELETE FROM lab_topics WHERE topic_id = %s", (other_topic,))
        shelf.put(other, lab, topic)
        shelf.put(other, lab, other_topic)
        assert fold(shelf.connection) == 0
        shelf.reader.check()
    assert (shelf.attempts(0), shelf.attempts(1)) == ([2, 2], [1, 1])
    shelf.reader.check()
    assert fold(shelf.connection) > 0
    assert (shelf.attempts(0), shelf.attempts(1)) == ([6, 6], [3, 3])


def test_a_fold_passes_while_titles_change(shelf: Shelf, other: Connection) -> None:
    """It would pack by the old ones."""
    with other.transaction():
        other.execute("UPDATE topics SET title = 'another' WHERE id = %s", (shelf.topics[0],))
        assert fold(shelf.connection) == 0
        shelf.reader.check()
    shelf.reader.check()
    assert fold(shelf.connection) > 0


def test_a_fold_in_the_transaction_of_a_change(shelf: Shelf, other: Connection) -> None:
    with other.transaction():
        shelf.put(other, shelf.labs[0], shelf.topics[1])
        assert fold(other) > 0
        other.execute("DELETE FROM lab_topics WHERE topic_id = %s", (shelf.topics[0],))
        shelf.reader.check()
    assert (shelf.attempts(0), shelf.attempts(1)) == ([], [2, 2])


def test_writers_of_topics_take_turns_before_the_first_row(
    shelf: Shelf, other: Connection, pool: ThreadPoolExecutor
) -> None:
    """Neither holds a row that the other one wants while it waits: that would be a deadlock."""
    first, second = shelf.labs
    with shelf.connection.transaction():
        shelf.put(shelf.connection, first, shelf.topics[1])
        waiting = pool.submit(shelf.put, other, second, shelf.topics[1])
        with shelf.database.connect() as watcher:
            wait_until_blocked(watcher, other, waiting)
        assert shelf.put(shelf.connection, second, shelf.topics[1]) == 1
    assert waiting.result() == 0
    assert shelf.attempts(1) == [2, 2]


@pytest.mark.parametrize("is_first", [True, False])
def test_what_is_taken_back_is_taken_back(shelf: Shelf, other: Connection, is_first: bool) -> None:
    """A savepoint that is rolled back leaves neither sums nor, if it took it, the lock."""
    with other.transaction():
        if not is_first:
            shelf.put(other, shelf.labs[0], shelf.topics[1])
        with other.transaction(force_rollback=True):
            other.execute("DELETE FROM lab_topics WHERE lab_id = ANY (%s)", (shelf.labs,))
            assert fold(shelf.connection) == 0
        assert bool(fold(shelf.connection)) is is_first
        shelf.reader.check()
    assert shelf.attempts(0) == ([4, 4] if is_first else [2, 2])


def test_a_writer_that_dies_leaves_nothing(shelf: Shelf) -> None:
    with shelf.database.connect() as dying, shelf.database.connect(None) as superuser:
        dying.execute("BEGIN")
        dying.execute("DELETE FROM lab_topics WHERE lab_id = ANY (%s)", (shelf.labs,))
        superuser.execute("SELECT pg_terminate_backend(%s, 30000)", (dying.info.backend_pid,))
        with pytest.raises(errors.AdminShutdown):
            dying.execute("COMMIT")
        dying.close()
    assert shelf.attempts(0) == [2, 2]
    assert fold(shelf.connection) > 0, "the lock is gone, too"


WRITES: dict[str, Callable[[Shelf, Connection], object]] = {
    "insert": lambda shelf, connection: shelf.put(connection, shelf.labs[0], shelf.topics[1]),
    "update": lambda shelf, connection: connection.execute("UPDATE lab_topics SET topic_id = topic_id"),
    "delete": lambda shelf, connection: connection.execute("DELETE FROM lab_topics"),
    "rename": lambda shelf, connection: connection.execute("UPDATE topics SET title = 'another'"),
    "fold": lambda shelf, connection: fold(connection),
}


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("isolation", ["REPEATABLE READ", "SERIALIZABLE"])
def test_snapshots_older_than_the_lock_are_refused(shelf: Shelf, other: Connection, write: str, isolation: str) -> None:
    other.execute(f"SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL {isolation}")
    with pytest.raises(errors.InvalidTransactionState, match="READ COMMITTED"):
        WRITES[write](shelf, other)
    assert shelf.attempts(0) == [2, 2]
