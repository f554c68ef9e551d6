"""Connections: one pool of asyncpg connections for reads, one SQLAlchemy engine on psycopg for writes.

Each connects as one of the three roles. A URL whose login is another role (a DATABASE_URL shared by all processes) takes
the role on at connection; a URL that logs in as the role itself needs nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import orjson
from sqlalchemy import URL, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from settings import DatabaseRole


class DatabaseUnavailable(Exception):
    """The database cannot be reached. The message names host and port, never a password."""


def sqlalchemy_url(database_url: str) -> URL:
    """The URL with the psycopg driver named, whatever spelling of ``postgres://`` it came in."""
    return make_url(database_url).set(drivername="postgresql+psycopg")


def place_of(database_url: str) -> str:
    """Host, port and database of a URL, for messages: never the user or the password."""
    url = make_url(database_url)
    return f"{url.host or 'local socket'}:{url.port or 5432}/{url.database or ''}"


def write_engine(database_url: str, role: DatabaseRole, *, pool_size: int = 5) -> AsyncEngine:
    """The engine for everything that changes data (psycopg 3, asynchronous)."""
    return create_async_engine(
        sqlalchemy_url(database_url),
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_pre_ping=True,
        # Values may be personal: they belong in no error and no log.
        hide_parameters=True,
        connect_args={
            "options": f"-c role={role} -c timezone=UTC -c jit=off",
            "application_name": f"scoregraph {role.name.lower()}",
            "connect_timeout": 5,
        },
    )


class ReadPool:
    """A lean LIFO pool of asyncpg connections.

    asyncpg's own pool resets a connection by a round trip at each release; here everything a request sets is local to its
    transaction, so there is nothing to reset.
    """

    def __init__(self, database_url: str, role: DatabaseRole, *, size: int, statement_timeout: float) -> None:
        parts = urlsplit(database_url)
        self._dsn = urlunsplit(parts._replace(scheme="postgresql"))
        self._place = place_of(database_url)
        self._settings = {
            "role": str(role),
            "timezone": "UTC",
            "jit": "off",
            "application_name": "scoregraph reads",
            "statement_timeout": f"{int(statement_timeout * 1000)}",
        }
        self._idle: list[asyncpg.Connection[asyncpg.Record]] = []
        self._free = asyncio.Semaphore(size)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
        """A connection outside of any transaction; closed instead of kept if it is left in one.

        Raises DatabaseUnavailable when none can be made.
        """
        async with self._free:
            connection = await self._take()
            try:
                yield connection
            finally:
                if connection.is_closed() or connection.is_in_transaction():
                    connection.terminate()
                else:
                    self._idle.append(connection)

    async def _take(self) -> asyncpg.Connection[asyncpg.Record]:
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed():
                return connection
        try:
            connection = await asyncpg.connect(self._dsn, server_settings=self._settings, timeout=5)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise DatabaseUnavailable(f"The database at {self._place} cannot be reached.") from error
        await connection.set_type_codec(
            "jsonb",
            schema="pg_catalog",
            encoder=lambda value: b"\x01" + orjson.dumps(value),
            decoder=_decode_jsonb,
            format="binary",
        )
        return connection

    async def aclose(self) -> None:
        while self._idle:
            await self._idle.pop().close()


def _decode_jsonb(data: bytes) -> Any:
    return orjson.loads(memoryview(data)[1:])
