"""A snapshot that loses its connection or its transaction says so, and never that the caller is unknown."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from db.engine import DatabaseUnavailable, ReadPool
from db.entering import Caller, UnknownCaller
from db.snapshot import Snapshot
from db.statement import sql
from settings import DatabaseRole
from tests.conftest import Database

ONE = sql("SELECT 1")
SLEEP = sql("SELECT pg_sleep(5)")
ADMIN = Caller("north", "root", "ADMIN")


@pytest.fixture(scope="module")
async def pool(database: Database) -> AsyncIterator[ReadPool]:
    with database.connect() as owner:
        owner.execute("INSERT INTO organizations (slug, name) VALUES ('north', 'Northwind')")
    # One connection: one that is not given back is missed at once.
    pool = ReadPool(database.url, DatabaseRole.API, size=1, statement_timeout=0.2)
    yield pool
    await pool.aclose()


async def test_a_connection_that_died_while_idle(database: Database, pool: ReadPool) -> None:
    async with pool.connection() as connection:
        key = connection.get_server_pid()
    with database.connect(None) as admin:
        admin.execute("SELECT pg_terminate_backend(%s, 5000)", (key,))
    snapshot = Snapshot(pool, ADMIN)
    assert len(await snapshot.rows(ONE)) == 1
    await snapshot.aclose()


async def test_a_connection_that_dies_in_a_snapshot(database: Database, pool: ReadPool) -> None:
    """What was read from it is gone with it: nobody begins anew in the middle of an answer."""
    snapshot = Snapshot(pool, ADMIN)
    [[key]] = await snapshot.rows(sql("SELECT pg_backend_pid()"))
    with database.connect(None) as admin:
        admin.execute("SELECT pg_terminate_backend(%s, 5000)", (key,))
    for _ in range(2):
        with pytest.raises(DatabaseUnavailable):
            await snapshot.rows(ONE)
    await snapshot.aclose()


async def test_after_a_statement_was_stopped(pool: ReadPool) -> None:
    snapshot = Snapshot(pool, ADMIN)
    with pytest.raises(asyncpg.QueryCanceledError):
        await snapshot.rows(SLEEP)
    with pytest.raises(DatabaseUnavailable):
        await snapshot.rows(ONE)
    await snapshot.aclose()
    again = Snapshot(pool, ADMIN)
    assert len(await again.rows(ONE)) == 1
    await again.aclose()


async def test_an_unknown_caller_stays_unknown(pool: ReadPool) -> None:
    snapshot = Snapshot(pool, Caller("north", "nobody", "STUDENT"))
    for _ in range(2):
        with pytest.raises(UnknownCaller):
            await snapshot.rows(ONE)
    await snapshot.aclose()


COUNT = sql("SELECT count(*) FROM users")
TRANSACTIONS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%'"


async def test_who_comes_next_ends_the_transaction(database: Database, pool: ReadPool) -> None:
    """Nobody reads in a snapshot that was another's, however soon they come."""
    counts = []
    with database.connect() as owner:
        for number in range(3):
            snapshot = Snapshot(pool, ADMIN)
            counts.append(await snapshot.count(COUNT))
            await snapshot.aclose()
            owner.execute(
                """INSERT INTO users (organization_id, external_id, username, display_name, role)
                SELECT id, 'user ' || %(n)s, 'user' || %(n)s, 'User', 'STUDENT' FROM organizations""",
                {"n": number},
            )
    assert counts == [0, 1, 2]
    assert pool.in_use == 0


async def test_nobody_outside_of_snapshots_is_in_one(pool: ReadPool) -> None:
    snapshot = Snapshot(pool, ADMIN)
    await snapshot.rows(ONE)
    await snapshot.aclose()
    async with pool.connection() as connection:
        assert not connection.is_in_transaction()
        assert await connection.fetchval("SELECT coalesce(current_setting('scoregraph.viewer', true), '')") == ""


async def test_a_transaction_that_nobody_takes_over_is_ended(database: Database, pool: ReadPool) -> None:
    snapshot = Snapshot(pool, ADMIN)
    await snapshot.rows(ONE)
    await snapshot.aclose()
    with database.connect(None) as admin:
        for _ in range(500):
            [[left]] = admin.execute(TRANSACTIONS).fetchall()
            if not left:
                break
            await asyncio.sleep(0.01)
    assert left == 0
    assert (pool.in_use, pool.waiting) == (0, 0)
