"""One read transaction per request: every number of a response comes from the same instant, seen by one viewer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, TypeVar

import asyncpg

from db.engine import ANY_FAILURE, END, LOST, DatabaseUnavailable, ReadPool, is_in_transaction
from db.entering import ENTER, Caller, Entered, Misjudged, UnknownCaller, Viewer
from db.reading import current_reading
from db.statement import Enterable, Runnable
from db.statement_count import count_statement

T = TypeVar("T")

FATAL = (UnknownCaller, DatabaseUnavailable, asyncpg.QueryCanceledError, Misjudged)
"""What ends a request: nothing more can be read in the same snapshot."""

# Everything after it can be taken back without losing the snapshot.
BEGIN = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SAVEPOINT begun"
GO_BACK = "ROLLBACK TO SAVEPOINT begun"


class Snapshot:
    """A lazily opened REPEATABLE READ, READ ONLY transaction with the viewer set.

    Loaders of one request share it and take turns, since a connection does one thing at a time. Close it when the response
    is complete. ``noted`` is called when what is read depends on which person the viewer is.
    """

    def __init__(self, pool: ReadPool, caller: Caller, noted: Callable[[], None] = lambda: None) -> None:
        self._pool = pool
        self._caller = caller
        self._noted = noted
        self._reading = current_reading()
        self._turn = asyncio.Lock()
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None
        self._entered: Entered | None = None
        self._viewer: Viewer | None = None
        # How many statements, how many of them by `only_row`, and whether somebody asked for the instant.
        self._reads = 0
        self._only_rows = 0
        self._told_at = False
        self._is_over = False
        # Whether a statement did not end as it should, so that the connection may not be what it seems.
        self._is_doubtful = False

    async def viewer(self) -> Viewer:
        """Raises UnknownCaller."""
        await self._enter()
        assert self._viewer is not None
        return self._viewer

    async def time_zone(self) -> str:
        """The organization's, whose days the rollups keep."""
        return (await self._enter()).time_zone

    async def at(self) -> datetime:
        """The instant of the snapshot. An answer that depends on it is not kept; see ``lasting``."""
        at = await self.instant()
        if self._reading is not None:
            self._reading.forget("it tells the time")
        return at

    async def instant(self) -> datetime:
        """The same, for who finds out until when an answer holds that depends on it, and says so; see ``hold_until``."""
        self._told_at = True
        return (await self._enter()).at

    async def lasting(self, find: Callable[[datetime], T], until: Callable[[T], datetime | None]) -> T:
        """What ``find`` makes of the instant of the snapshot. ``until`` says for how long it would make the same of it (None:
        for ever): so long may the answer be kept.
        """
        found = find((await self._enter()).at)
        if self._reading is not None:
            self._reading.hold_until(until(found))
        return found

    @property
    def is_single(self) -> bool:
        """Whether what was read could have been read by a ``SingleRead``."""
        return self._reads == self._only_rows == 1 and not self._told_at

    @property
    def is_recorded(self) -> bool:
        """Whether the answer may be kept, so that it matters until when it holds."""
        return self._reading is not None

    def hold_until(self, instant: datetime | None) -> None:
        """Notes until when what was read holds, if nothing changes it before; None: time does not."""
        if self._reading is not None:
            self._reading.hold_until(instant)

    def note(self, statement: Runnable, values: Mapping[str, Any]) -> None:
        """Notes what an answer depends on that is made of the rows of a statement, run with these values."""
        if self._reading is None:
            return
        assert self._entered is not None
        if statement.tells_time:
            self._reading.forget("a statement asks for the time")
        for dependency in statement.dependencies:
            self._reading.tags.update(dependency.tags(values, self._entered.organization_id))

    async def rows(self, statement: Runnable, **values: Any) -> list[asyncpg.Record]:
        """Runs a statement as the viewer.

        Raises UnknownCaller, DatabaseUnavailable, and asyncpg.QueryCanceledError at the statement timeout, which ends the
        request: what is asked afterwards is DatabaseUnavailable, too. A statement that fails otherwise fails alone.
        """
        self._reads += 1
        if statement.asks_who:
            self._note_who()
        async with self._turn:
            connection = await self._open()
            assert self._entered is not None
            self.note(statement, values)
            count_statement()
            self._is_doubtful = True
            try:
                text = statement.settled_sql if self._entered.is_settled else statement.sql
                rows: list[asyncpg.Record] = await connection.fetch(text, *statement.arguments(values))
                self._is_doubtful = False
                return rows
            except LOST as error:
                self._pool.hang_up(connection, error)
                raise DatabaseUnavailable("The database connection was lost.") from error
            except asyncpg.InFailedSQLTransactionError as error:
                raise DatabaseUnavailable("Another part of this request failed.") from error
            except asyncpg.PostgresError as error:
                if not isinstance(error, asyncpg.QueryCanceledError):
                    await self._go_back(connection)
                raise

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
        """The connection, for who streams from it (see ``db.streaming``): nobody else asks anything meanwhile, and what is
        read is noted nowhere.

        Raises UnknownCaller and DatabaseUnavailable. After a failure in the block the snapshot is over.
        """
        async with self._turn:
            connection = await self._open()
            self._is_doubtful = True
            try:
                yield connection
                self._is_doubtful = False
            except LOST as error:
                self._pool.hang_up(connection, error)
                raise DatabaseUnavailable("The database connection was lost.") from error
            except asyncpg.InFailedSQLTransactionError as error:
                raise DatabaseUnavailable("Another part of this request failed.") from error
            except asyncpg.PostgresError:
                raise
            except BaseException as error:
                # What still comes is not waited for.
                self._pool.hang_up(connection, error)
                raise

    async def only_row(self, statement: Enterable, **values: Any) -> asyncpg.Record:
        """The row of a statement that gives exactly one."""
        self._only_rows += 1
        [row] = await self.rows(statement, **values)
        return row

    async def row(self, statement: Runnable, **values: Any) -> asyncpg.Record | None:
        """The first row, if there is one."""
        rows = await self.rows(statement, **values)
        return rows[0] if rows else None

    async def count(self, statement: Runnable, **values: Any) -> int:
        """The number that a statement with one row and column gives."""
        [[count]] = await self.rows(statement, **values)
        return int(count)

    async def aclose(self) -> None:
        """Gives the connection back, whose transaction ends with that. Who still asks afterwards is refused."""
        self._is_over = True
        if self._turn.locked() or self._is_doubtful:
            await self._close()
        else:
            self._give_back()

    async def _enter(self) -> Entered:
        # No turn is taken once it is known: those who wait for one go on one after the other, and what they load next
        # would miss each other's batch.
        if self._entered is None:
            async with self._turn:
                await self._open()
        assert self._entered is not None
        return self._entered

    async def _open(self) -> asyncpg.Connection[asyncpg.Record]:
        if self._is_over:
            raise DatabaseUnavailable("The request is over.")
        if self._connection is None:
            begun = time.monotonic()
            try:
                connection, row = await self._take()
            except DatabaseUnavailable:
                # A server that was restarted has hung up on all that were idle; nothing was read yet.
                self._pool.forget_idle()
                connection, row = await self._take()
            self._connection = connection
            self._learn(Entered.of(row), begun)
        if self._entered is None:
            raise UnknownCaller
        return self._connection

    def _learn(self, entered: Entered | None, begun: float) -> None:
        """``begun`` is from before it was so, on the monotonic clock."""
        self._pool.acquaintances.note(self._caller, entered)
        if entered is None:
            return
        self._entered = entered
        if self._viewer is None:
            self._viewer = entered.viewer(self._note_who)
        if self._reading is not None:
            self._reading.enter(self._viewer, entered.at, begun)

    async def _take(self) -> tuple[asyncpg.Connection[asyncpg.Record], asyncpg.Record | None]:
        """A connection in a transaction, and the viewer as the roster knows them."""
        connection = await self._pool.take()
        try:
            await connection.execute(f"{END}; {BEGIN}" if is_in_transaction(connection) else BEGIN)
            return connection, await self._set_viewer(connection)
        except BaseException as error:
            # Nobody was told who is asking yet: who asks next begins anew.
            self._pool.hang_up(connection, error)
            self._pool.give_back(connection)
            if isinstance(error, LOST):
                raise DatabaseUnavailable("The database connection was lost.") from error
            raise

    async def _go_back(self, connection: asyncpg.Connection[asyncpg.Record]) -> None:
        """To before a statement that failed."""
        try:
            await connection.execute(GO_BACK)
            await self._set_viewer(connection)
        except ANY_FAILURE as error:
            raise DatabaseUnavailable("The database connection was lost.") from error

    async def _set_viewer(self, connection: asyncpg.Connection[asyncpg.Record]) -> asyncpg.Record | None:
        return await connection.fetchrow(ENTER.sql, *self._caller.arguments)

    def _note_who(self) -> None:
        self._noted()
        if self._reading is not None:
            self._reading.is_personal = True

    async def _close(self) -> None:
        """Waits for what is still running, and makes sure that the connection is good for others."""
        try:
            async with self._turn:
                if self._connection is not None and not self._connection.is_closed():
                    await self._connection.execute(END)
        except ANY_FAILURE as error:
            self._hang_up(error)
        except BaseException as error:
            # Cancelled meanwhile: what still runs on the connection is not waited for.
            self._hang_up(error)
            raise
        finally:
            self._give_back()

    def _hang_up(self, error: BaseException) -> None:
        if self._connection is not None:
            self._pool.hang_up(self._connection, error)

    def _give_back(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            self._pool.give_back(connection)
