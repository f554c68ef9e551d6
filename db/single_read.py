"""A snapshot for what is read by one statement."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, NoReturn, TypeVar

import asyncpg

from db.engine import END, LOST, ReadPool, is_in_transaction
from db.entering import ENTER_WIDTH, Caller, Entered, Misjudged
from db.reading import Reading
from db.snapshot import Snapshot
from db.statement import Enterable, Runnable
from db.statement_count import count_statement

T = TypeVar("T")


class SingleRead(Snapshot):
    """The statement is a transaction of its own and enters by the way, which spares two round trips of three.

    Before it, all goes by what is ``expected``; with its row comes what is so. Where that is something else, or where more is
    asked of it, Misjudged is raised, and the same is to be read in an ordinary snapshot. ``conclude`` says whether what came of
    it may be told.
    """

    def __init__(self, pool: ReadPool, caller: Caller, noted: Callable[[], None], expected: Entered) -> None:
        super().__init__(pool, caller, noted)
        self._noted_in = self._reading
        self._reading = self._reading and Reading()
        self._entered = self._expected = expected
        self._viewer = expected.viewer(self._note_who)
        self._found: list[tuple[Callable[[datetime], Any], Any]] = []
        # Whether more was asked of it: then nothing of it is right any more, whatever comes after.
        self._is_given_up = False
        self._stands = False

    async def instant(self) -> datetime:
        self._ask_no_more()

    async def lasting(self, find: Callable[[datetime], T], until: Callable[[T], datetime | None]) -> T:
        found = await super().lasting(find, until)
        self._found.append((find, found))
        return found

    async def rows(self, statement: Runnable, **values: Any) -> list[asyncpg.Record]:
        self._ask_no_more()

    async def only_row(self, statement: Enterable, **values: Any) -> asyncpg.Record:
        self._only_rows += 1
        if self._only_rows > 1 or self._is_given_up:
            self._ask_no_more()
        if statement.asks_who:
            self._note_who()
        self.note(statement, values)
        begun = time.monotonic()
        rows = await self._run(statement, values)
        self._judge(rows[0][-ENTER_WIDTH:] if rows else None, begun)
        if not self._stands:
            raise Misjudged
        return rows[0]

    def conclude(self) -> bool:
        """Whether what came of it may be told. What it was read from is noted then, and otherwise never was."""
        stands = self._stands and not self._is_given_up
        if stands and self._reading is not None and self._noted_in is not None:
            self._noted_in.add(self._reading)
        return stands

    def _ask_no_more(self) -> NoReturn:
        self._is_given_up = True
        raise Misjudged

    def _judge(self, row: Sequence[Any] | None, begun: float) -> None:
        """Whether all is as expected."""
        entered = Entered.of(row)
        self._learn(entered, begun)
        self._stands = (
            entered is not None
            and entered.allows(self._expected)
            and all(find(entered.at) == found for find, found in self._found)
        )

    async def _run(self, statement: Enterable, values: dict[str, Any]) -> list[asyncpg.Record]:
        text = statement.entering_sql(settled=self._expected.is_settled)
        connection = self._connection = await self._pool.take()
        self._is_doubtful = True
        try:
            if is_in_transaction(connection):
                await connection.execute(END)
            count_statement()
            rows: list[asyncpg.Record] = await connection.fetch(
                text, *statement.arguments(values), *self._caller.arguments
            )
        except asyncpg.QueryCanceledError:
            # It would take as long again. What needs no rows is told nevertheless, if it is right.
            begun = time.monotonic()
            try:
                self._judge(await self._set_viewer(connection), begun)
            except (*LOST, asyncpg.PostgresError) as error:
                raise Misjudged from error
            self._is_doubtful = False
            raise
        except LOST as error:
            self._pool.hang_up(connection, error)
            raise Misjudged from error
        except asyncpg.PostgresError as error:
            self._is_doubtful = False
            raise Misjudged from error
        self._is_doubtful = False
        self._give_back()
        return rows
