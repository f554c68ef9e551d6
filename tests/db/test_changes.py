"""What is told of changes, and whether it is heard."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

import pytest

from db import hearing
from db.changes import CHANNEL, EVERYTHING, Changes
from db.dependencies import tells_time
from tests.conftest import Database
from tests.db.learning import (
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

# Made from other tables in the same transaction, or read by no query.
NOT_TOLD = {
    "attempt_deltas",
    "user_totals",
    "user_lab_totals",
    "user_topic_totals",
    "user_topic_packs",
    "user_days",
    "lab_days",
    "view_refreshes",
    "idempotency_keys",
    "user_event_ids",
    # None of these is in an answer that is kept.
    "audit_entries",
    "dead_letters",
    "webhooks",
    "webhook_deliveries",
}


@pytest.fixture
def owner(database: Database) -> Iterator[Connection]:
    with database.connect() as connection:
        yield connection


class Listener:
    """Hears everything that is told."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._notes: list[str] = []
        connection.add_notify_handler(lambda note: self._notes.append(note.payload))
        connection.execute(f"LISTEN {CHANNEL}")

    def notes(self) -> list[str]:
        """All since the last look."""
        self._connection.execute("SELECT 1")
        notes, self._notes[:] = self._notes[:], []
        return notes


@pytest.fixture
def listener(database: Database) -> Iterator[Listener]:
    with database.connect() as connection:
        yield Listener(connection)


def told(listener: Listener) -> set[str]:
    return {tag for note in listener.notes() for tag in note.split()}


# Telling


def test_every_table_is_told(database: Database) -> None:
    with database.connect(None) as admin:
        rows = admin.execute(
            """SELECT c.relname, coalesce(bit_or(CAST(t.tgtype AS integer)) FILTER (WHERE t.tgname ~ '_told$'), 0)
            FROM pg_class c LEFT JOIN pg_trigger t ON t.tgrelid = c.oid AND t.tgenabled = 'O'
            WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
              AND has_table_privilege('scoregraph_api', c.oid, 'SELECT')
            GROUP BY c.relname"""
        ).fetchall()
    insert_delete_update_truncate = 4 | 8 | 16 | 32
    silent = {str(name) for name, kinds in rows if int(str(kinds)) & 60 != insert_delete_update_truncate}
    assert silent == NOT_TOLD & {str(name) for name, _ in rows}
    assert len(rows) > len(NOT_TOLD)


def test_the_time_is_asked_for_only_where_that_is_accounted_for(database: Database) -> None:
    """Of views and of what they and queries call; what writes may ask."""
    with database.connect(None) as admin:
        rows = admin.execute(
            """SELECT p.proname, p.prosrc FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace
              AND p.provolatile <> 'v' AND has_function_privilege('scoregraph_api', p.oid, 'EXECUTE')
            UNION ALL SELECT viewname, definition FROM pg_views WHERE schemaname = 'public'"""
        ).fetchall()
    asking = {str(name) for name, source in rows if tells_time(re.sub(r"\bm\.", "", str(source)))}
    assert asking <= {"memberships_hold_until", "database_health", "consumer_health", "is_time_zone"}


def test_what_is_told_of_an_attempt(owner: Connection, listener: Listener) -> None:
    north = add_organization(owner)
    person, lab, other_lab = add_user(owner, north), add_lab(owner, north), add_lab(owner, north)
    now, before = add_group(owner, north), add_group(owner, north)
    add_member(owner, north, now, person)
    add_member(owner, north, before, person, days=(-60, -30))
    add_group(owner, north)
    told(listener)
    everything = {f"org:{north}", f"user:{person}", f"group:{now}", f"group:{before}", f"lab:{lab}"}
    key = add_attempt(owner, north, person, lab)
    assert told(listener) == everything
    owner.execute("UPDATE attempts SET lab_id = %s WHERE id = %s", (other_lab, key))
    assert told(listener) == everything | {f"lab:{other_lab}"}
    assert fold(owner) > 0
    assert told(listener) == set(), "no answer is another one"
    owner.execute("DELETE FROM attempts WHERE id = %s", (key,))
    assert told(listener) == everything - {f"lab:{lab}"} | {f"lab:{other_lab}"}
    owner.execute("UPDATE attempts SET score = 1 WHERE false")
    assert told(listener) == set()


def test_what_is_told_of_the_roster(owner: Connection, listener: Listener) -> None:
    north = add_organization(owner)
    assert told(listener) == {f"org:{north}", f"all:{north}"}
    person, group = add_user(owner, north), add_group(owner, north)
    assert told(listener) == {f"org:{north}", f"roster:{north}", f"user:{person}", f"group:{group}"}
    add_member(owner, north, group, person)
    roster = {f"org:{north}", f"roster:{north}", f"user:{person}", f"group:{group}"}
    assert told(listener) == roster
    owner.execute("UPDATE users SET display_name = 'x' WHERE id = %s", (person,))
    assert told(listener) == roster
    other = add_group(owner, north)
    told(listener)
    owner.execute("UPDATE group_memberships SET group_id = %s WHERE group_id = %s", (other, group))
    assert told(listener) == roster | {f"group:{other}"}
    owner.execute("DELETE FROM group_memberships WHERE group_id = %s", (other,))
    assert told(listener) == {f"org:{north}", f"roster:{north}", f"user:{person}", f"group:{other}"}
    lab = add_lab(owner, north)
    assert told(listener) == {f"org:{north}", f"catalogue:{north}", f"lab:{lab}"}
    add_topic(owner, north, [lab])
    assert told(listener) == {f"org:{north}", f"catalogue:{north}", f"lab:{lab}"}
    insert(owner, "assignments", organization_id=north, lab_id=lab, group_id=group)
    assert told(listener) == {f"org:{north}", f"lab:{lab}", f"group:{group}"}
    owner.execute("UPDATE organizations SET name = 'x' WHERE id = %s", (north,))
    assert told(listener) == {f"org:{north}", f"all:{north}"}


def test_what_is_too_much_to_say_is_everything(owner: Connection, listener: Listener) -> None:
    north, south = add_organization(owner), add_organization(owner)
    told(listener)
    many = """INSERT INTO users (organization_id, external_id, username, display_name)
    SELECT %(o)s, %(name)s || n, %(name)s || n, 'x' FROM generate_series(1, %(count)s) AS n"""
    owner.execute(many, {"o": north, "name": "a", "count": 1000})
    notes = listener.notes()
    assert max(map(len, notes)) < 8000
    assert {len(note.split()) for note in notes[:-1]} == {251}
    assert len({tag for note in notes for tag in note.split()}) == 1000 + 2
    assert all(f"org:{north}" in note.split() for note in notes)
    owner.execute(many, {"o": south, "name": "b", "count": 1001})
    assert told(listener) == {f"org:{south}", f"all:{south}"}


def test_nothing_is_told_of_what_was_rolled_back(owner: Connection, listener: Listener) -> None:
    with suppress(ZeroDivisionError), owner.transaction():
        add_organization(owner)
        raise ZeroDivisionError
    assert told(listener) == set()
    with owner.transaction():
        north = add_organization(owner)
        assert told(listener) == set(), "not before it can be read"
    assert told(listener) == {f"org:{north}", f"all:{north}"}


def test_views_and_what_shows_no_rows(database: Database, owner: Connection, listener: Listener) -> None:
    with database.connect(None) as admin:
        admin.execute("SET ROLE scoregraph_worker")
        assert refresh(admin, "lab_stats")
        assert told(listener) == {"views"}
        admin.execute("UPDATE view_refreshes SET checked_at = now()")
        assert told(listener) == set()
    owner.execute("TRUNCATE deadline_extensions")
    assert told(listener) == {EVERYTHING}


# Hearing


class Noted:
    """A watcher."""

    def __init__(self) -> None:
        self.heard: list[frozenset[str]] = []
        self.deafened = asyncio.Event()

    def changed(self, tags: frozenset[str]) -> None:
        self.heard.append(tags)

    def deaf(self) -> None:
        self.deafened.set()


class Door:
    """What a connection to the database goes through, and can be shut."""

    def __init__(self, database: Database) -> None:
        self._to = urlsplit(database.url)
        self.is_open = asyncio.Event()
        self.is_open.set()
        self.refuses = False

    @asynccontextmanager
    async def standing(self) -> AsyncIterator[str]:
        server = await asyncio.start_server(self._pass, "127.0.0.1", 0)
        host, port = server.sockets[0].getsockname()
        try:
            yield self._to._replace(netloc=f"{self._to.username}:{self._to.password}@{host}:{port}").geturl()
        finally:
            server.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refuses:
            writer.close()
            return
        upstream = await asyncio.open_connection(self._to.hostname, self._to.port)
        await asyncio.gather(self._pump(reader, upstream[1]), self._pump(upstream[0], writer), return_exceptions=True)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                await self.is_open.wait()
                writer.write(data)
        finally:
            writer.close()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hearing, "HEARTBEAT_SECONDS", 0.05)
    monkeypatch.setattr(hearing, "PATIENCE_SECONDS", 0.3)
    monkeypatch.setattr(hearing, "TRUST_SECONDS", 0.5)


@asynccontextmanager
async def heard(url: str, watcher: Noted) -> AsyncIterator[Changes]:
    changes = Changes(url, poll_seconds=0.05)
    changes.watch(watcher)
    async with changes.listen(()):
        yield changes
    await changes.aclose()


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0.01)


async def test_whoever_catches_up_has_heard_of_every_commit(database: Database, owner: Connection) -> None:
    watcher = Noted()
    async with heard(database.url, watcher) as changes:
        assert watcher.heard == [{EVERYTHING}]
        assert changes.hears
        for _ in range(50):
            organization = add_organization(owner)
            await changes.catch_up()
            assert watcher.heard[-1] == {f"org:{organization}", f"all:{organization}"}


async def test_several_catch_up_together(database: Database, owner: Connection) -> None:
    watcher = Noted()
    async with heard(database.url, watcher) as changes:

        async def one() -> bool:
            organization = await asyncio.to_thread(add_organization, owner)
            await changes.catch_up()
            return any(f"org:{organization}" in tags for tags in watcher.heard)

        assert all(await asyncio.gather(*(one() for _ in range(20))))


async def test_a_lost_connection_is_known_at_once_and_made_again(database: Database, owner: Connection) -> None:
    watcher = Noted()
    async with heard(database.url, watcher) as changes:
        with database.connect(None) as admin:
            end = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND application_name = 'scoregraph changes'"""
            assert admin.execute(end).fetchall() == [(True,)]
        await asyncio.wait_for(watcher.deafened.wait(), 5)
        assert not changes.hears
        await changes.catch_up()
        await until(lambda: changes.hears)
        assert watcher.heard[-1] == {EVERYTHING}
        organization = add_organization(owner)
        await changes.catch_up()
        assert f"org:{organization}" in watcher.heard[-1]


async def test_a_silent_connection_is_not_trusted(database: Database, impatient: None) -> None:
    door, watcher = Door(database), Noted()
    async with door.standing() as url, heard(url, watcher) as changes:
        assert changes.hears
        door.is_open.clear()
        await asyncio.wait_for(watcher.deafened.wait(), 5)
        assert not changes.hears
        assert not watcher.heard[1:], "nothing was told"
        door.is_open.set()
        await until(lambda: changes.hears)


async def test_who_cannot_hear_looks_now_and_then(database: Database, impatient: None) -> None:
    door, watcher = Door(database), Noted()
    door.refuses = True
    async with door.standing() as url, heard(url, watcher) as changes:
        async with changes.listen(["user:1"]) as wakeups:
            for _ in range(2):
                assert await asyncio.wait_for(wakeups.next(), 5) == {EVERYTHING}
        assert not changes.hears
        door.refuses = False
        await until(lambda: changes.hears)


async def test_a_connection_over_which_nothing_comes_is_not_believed(
    database: Database, impatient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As behind a pooler that lends the server's connection to others in between."""
    monkeypatch.setattr(hearing.Hearing, "_notified", lambda *_: None)
    watcher = Noted()
    changes = Changes(database.url, poll_seconds=0.05)
    changes.watch(watcher)
    await until(lambda: len(watcher.heard) > 2)
    assert not changes.hears
    assert set(watcher.heard) == {frozenset({EVERYTHING})}
    await changes.aclose()


async def test_listeners_are_woken_by_their_tags_alone(database: Database, owner: Connection) -> None:
    organization = add_organization(owner)
    one, other = add_user(owner, organization), add_user(owner, organization)
    lab = add_lab(owner, organization)
    async with heard(database.url, Noted()) as changes, changes.listen([f"user:{one}"]) as wakeups:
        add_attempt(owner, organization, other, lab)
        await changes.catch_up()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(wakeups.next(), 0.05)
        add_attempt(owner, organization, one, lab)
        assert await asyncio.wait_for(wakeups.next(), 5) == {f"user:{one}"}
