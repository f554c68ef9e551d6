"""Connections: one pool of asyncpg connections for reads, one SQLAlchemy engine on psycopg for writes.

Each connects as one of the three roles. A URL whose login is another role (a DATABASE_URL shared by all processes) takes
the role on at connection; a URL that logs in as the role itself needs nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from time import monotonic, perf_counter
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import orjson
from sqlalchemy import URL, event, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from db.entering import Acquaintances
from db.statement_count import count_statement
from db.turns import Ticket, Turns
from settings import DatabaseRole

END = "ROLLBACK"
SILENCE_SECONDS = 1.0
"""How long a server may say nothing after it should have given a statement up: then nobody waits for it any more."""

REST_SECONDS = 1.0
"""For how long nobody asks a server that was silent: everybody would wait for it one after the other."""

LOST = (OSError, asyncpg.InterfaceError, asyncpg.InternalClientError, asyncpg.PostgresConnectionError)
"""What a statement fails with when its connection is lost, or silent."""

ANY_FAILURE = (OSError, asyncpg.InterfaceError, asyncpg.InternalClientError, asyncpg.PostgresError)
"""Whatever a statement fails with, other than by being cancelled. What comes too late is an OSError, too."""

LINGER_SECONDS = 0.01
"""How long a connection that was given back may stay in its transaction."""

FEW = 5
"""How many connections quick requests take turns on: one process keeps no more of them busy, and each that is used by turns
has to remember less.
"""
QUICK_SECONDS = 0.05

StatementListener = Callable[[str, float, BaseException | None], None]
"""Told of each statement when it is done: its text without values, the seconds it took, what it failed with."""


class DatabaseUnavailable(Exception):
    """The database cannot be reached. The message names host and port, never a password."""


def sqlalchemy_url(database_url: str) -> URL:
    """The URL with the psycopg driver named, whatever spelling of ``postgres://`` it came in."""
    return make_url(database_url).set(drivername="postgresql+psycopg")


def place_of(database_url: str) -> str:
    """Host, port and database of a URL, for messages: never the user or the password."""
    url = make_url(database_url)
    return f"{url.host or 'local socket'}:{url.port or 5432}/{url.database or ''}"


def write_engine(
    database_url: str, role: DatabaseRole, *, pool_size: int = 5, listener: StatementListener | None = None
) -> AsyncEngine:
    """The engine for everything that changes data (psycopg 3, asynchronous)."""
    engine = create_async_engine(
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

    event.listen(engine.sync_engine, "before_cursor_execute", _count)
    if listener is not None:
        _tell(engine, listener)
    return engine


def _count(*_: Any) -> None:
    count_statement()


def _tell(engine: AsyncEngine, listener: StatementListener) -> None:
    def begin(connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
        context.scoregraph_began = perf_counter()

    def end(connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
        listener(statement, perf_counter() - context.scoregraph_began, None)

    def fail(failed: Any) -> None:
        # Connecting can fail too, before there is a statement.
        if failed.statement is not None and failed.execution_context is not None:
            listener(
                failed.statement, perf_counter() - failed.execution_context.scoregraph_began, failed.original_exception
            )

    for name, hear in (("before_cursor_execute", begin), ("after_cursor_execute", end), ("handle_error", fail)):
        event.listen(engine.sync_engine, name, hear)


class ReadPool:
    """A lean LIFO pool of asyncpg connections.

    asyncpg's own pool resets a connection by a round trip at each release; here everything a request sets is local to its
    transaction, so that there is nothing to reset but to end that.
    """

    def __init__(
        self,
        database_url: str,
        role: DatabaseRole,
        *,
        size: int,
        statement_timeout: float,
        listener: StatementListener | None = None,
    ) -> None:
        self.size = size
        self._listener = listener
        self._silent_until = 0.0
        self._patience = statement_timeout + SILENCE_SECONDS
        parts = urlsplit(database_url)
        self._dsn = urlunsplit(parts._replace(scheme="postgresql"))
        self._place = place_of(database_url)
        self._settings = {
            "role": str(role),
            "timezone": "UTC",
            "jit": "off",
            # Statements are prepared once per connection, and planning one takes longer than running it.
            "plan_cache_mode": "force_generic_plan",
            "application_name": "scoregraph reads",
            # Of statements that are a transaction of their own.
            "default_transaction_isolation": "repeatable read",
            "default_transaction_read_only": "on",
            "statement_timeout": f"{int(statement_timeout * 1000)}",
            # A gateway that was killed leaves no statement running.
            "client_connection_check_interval": "1000",
        }
        self._idle: list[asyncpg.Connection[asyncpg.Record]] = []
        self._ending: asyncio.Task[None] | None = None
        self._turns = Turns(size, FEW, QUICK_SECONDS)
        self._taken: dict[asyncpg.Connection[asyncpg.Record], Ticket] = {}
        self.acquaintances = Acquaintances()

    @property
    def in_use(self) -> int:
        return len(self._taken)

    @property
    def waiting(self) -> int:
        """Who waits for a connection."""
        return self._turns.waiting

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
        """A connection outside of any transaction. Raises DatabaseUnavailable when none can be made."""
        connection = await self.take()
        try:
            if is_in_transaction(connection):
                await connection.execute(END)
            yield connection
        except TimeoutError as error:
            self.hang_up(connection, error)
            raise
        finally:
            self.give_back(connection)

    async def take(self) -> asyncpg.Connection[asyncpg.Record]:
        """A connection that may still be in a transaction of who had it before: end that with the first word. Give it back.

        Raises DatabaseUnavailable when none can be made.
        """
        turn = await self._turns.take()
        try:
            connection = await self._take()
        except BaseException:
            self._turns.give_back(turn)
            raise
        self._taken[connection] = turn
        return connection

    def give_back(self, connection: asyncpg.Connection[asyncpg.Record]) -> None:
        """Nothing may be running on it. A transaction on it is ended by who takes it next, or in a moment: under load that
        saves every request a round trip.
        """
        self._keep(connection, self._taken.pop(connection))
        if (self._ending is None or self._ending.done()) and is_in_transaction(connection):
            self._ending = asyncio.ensure_future(self._end_transactions())

    def _keep(self, connection: asyncpg.Connection[asyncpg.Record], turn: Ticket) -> None:
        if not connection.is_closed():
            self._idle.append(connection)
        self._turns.give_back(turn)

    async def _end_transactions(self) -> None:
        """Of connections that nobody took for a moment."""
        await asyncio.sleep(LINGER_SECONDS)
        while (left := next(filter(is_in_transaction, self._idle), None)) is not None:
            turn = await self._turns.take()
            if left not in self._idle:
                # Somebody took it meanwhile.
                self._turns.give_back(turn)
                continue
            self._idle.remove(left)
            try:
                await left.execute(END)
            except ANY_FAILURE as error:
                self.hang_up(left, error)
            finally:
                self._keep(left, turn)

    def hang_up(self, connection: asyncpg.Connection[asyncpg.Record], error: BaseException) -> None:
        """After a failure. Whoever took a silent connection next would wait for the same answer."""
        connection.terminate()
        self._heed(error)

    def _heed(self, error: BaseException) -> None:
        """Lets a server rest that was silent."""
        if isinstance(error, TimeoutError):
            self._silent_until = monotonic() + REST_SECONDS

    def forget_idle(self) -> None:
        """Lets go of all connections that nobody uses: what is taken next is made anew."""
        while self._idle:
            self._idle.pop().terminate()

    async def _take(self) -> asyncpg.Connection[asyncpg.Record]:
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed():
                return connection
        if monotonic() < self._silent_until:
            raise DatabaseUnavailable(f"The database at {self._place} does not answer.")
        try:
            connection = await asyncpg.connect(
                self._dsn, server_settings=self._settings, timeout=5, command_timeout=self._patience
            )
            await self._teach(connection)
        except ANY_FAILURE as error:
            self._heed(error)
            raise DatabaseUnavailable(f"The database at {self._place} cannot be reached.") from error
        if self._listener is not None:
            listener = self._listener
            connection.add_query_logger(lambda query: listener(query.query, query.elapsed, query.exception))
        return connection

    @staticmethod
    async def _teach(connection: asyncpg.Connection[asyncpg.Record]) -> None:
        try:
            await connection.set_type_codec(
                "jsonb",
                schema="pg_catalog",
                encoder=lambda value: b"\x01" + orjson.dumps(value),
                decoder=_decode_jsonb,
                format="binary",
            )
        except BaseException:
            # Nobody has it yet who could close it.
            connection.terminate()
            raise

    async def aclose(self) -> None:
        if self._ending is not None:
            self._ending.cancel()
            await asyncio.wait([self._ending])
        while self._idle:
            await self._idle.pop().close()


def is_in_transaction(connection: asyncpg.Connection[asyncpg.Record]) -> bool:
    """Whether a connection is in one that can still be ended."""
    return not connection.is_closed() and connection.is_in_transaction()


def _decode_jsonb(data: bytes) -> Any:
    return orjson.loads(memoryview(data)[1:])
