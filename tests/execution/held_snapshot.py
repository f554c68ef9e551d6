"""A pool whose requests all read one snapshot, also the same `now()`: two executions of an operation can be compared."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import asyncpg

from db.engine import END, ReadPool

SAVEPOINT = "one_request"
T = TypeVar("T")


def relations_of(statement: str) -> set[str]:
    """What a statement reads from, names of its own subqueries included. Packs stand for a statement that reads the titles that
    they are in the order of.
    """
    found = set(re.findall(r"\b(?:FROM|JOIN)\s+([a-z_]+)", statement))
    return found | {"topics"} if found & {"user_topic_packs", "user_topic_packs_live"} else found


class HeldPool(ReadPool):
    """While ``held()``, each request is a savepoint of one REPEATABLE READ, READ ONLY transaction. Statements that read the
    relation ``broken`` then fail.
    """

    broken: str | None = None
    _held: asyncpg.Connection[asyncpg.Record] | None = None

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        async with super().connection() as connection:
            await connection.execute(f"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SAVEPOINT {SAVEPOINT}")
            self._held = connection
            self._turn = asyncio.Lock()
            try:
                yield
            finally:
                self._held = None
                async with self._turn:
                    await connection.execute("ROLLBACK")

    async def take(self) -> Any:
        return await super().take() if self._held is None else _Part(self, self._held, self._turn)

    def give_back(self, connection: Any) -> None:
        if not isinstance(connection, _Part):
            super().give_back(connection)


class _Part:
    """What a snapshot asks of its connection, with a savepoint where it begins and ends a transaction.

    The standard executor cancels what it needs no more. A statement is finished nevertheless: asyncpg would close the
    connection, and with it the snapshot that the next execution is to read.
    """

    def __init__(self, pool: HeldPool, connection: asyncpg.Connection[asyncpg.Record], turn: asyncio.Lock) -> None:
        self._pool = pool
        self._connection = connection
        self._turn = turn
        self.is_closed = connection.is_closed
        self.terminate = connection.terminate

    def is_in_transaction(self) -> bool:
        return False

    async def fetch(self, statement: str, *values: Any) -> list[asyncpg.Record]:
        if self._pool.broken in relations_of(statement):
            return await self._finished(self._connection.fetch("SELECT 1 / 0"))
        return await self._finished(self._connection.fetch(statement, *values))

    async def fetchrow(self, *query: Any) -> asyncpg.Record | None:
        return await self._finished(self._connection.fetchrow(*query))

    async def execute(self, statement: str) -> None:
        if statement.startswith("BEGIN"):
            statement = f"ROLLBACK TO SAVEPOINT {SAVEPOINT}; SAVEPOINT begun"
        elif statement == END:
            statement = f"ROLLBACK TO SAVEPOINT {SAVEPOINT}"
        await self._finished(self._connection.execute(statement))

    async def _finished(self, running: Awaitable[T]) -> T:
        async def run() -> T:
            async with self._turn:
                return await running

        return await asyncio.shield(asyncio.ensure_future(run()))
