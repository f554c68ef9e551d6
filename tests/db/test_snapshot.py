"""A snapshot that loses its connection or its transaction says so, and never that the caller is unknown."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest

from db.engine import DatabaseUnavailable, ReadPool
from db.snapshot import Caller, Snapshot, UnknownCaller
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
