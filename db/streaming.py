"""Results that are too large to hold: read from a snapshot in batches, or copied out of it as CSV."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import asyncpg

from db.snapshot import Snapshot
from db.statement_count import count_statement

Sink = Callable[[bytes], Awaitable[None]]
"""Takes whole rows: the server sends each as a message of its own."""

# Such a statement runs once, so that a plan for its values is worth making; and dates are written in one way,
# whatever the server was set up for.
PREPARE = "SET LOCAL plan_cache_mode = force_custom_plan; SET LOCAL datestyle = 'ISO, YMD'"


class _SinkFailed(Exception):
    """A disk that is full is no database that is lost."""

    def __init__(self, why: Exception) -> None:
        super().__init__()
        self.why = why


async def batches(
    snapshot: Snapshot, sql: str, values: Sequence[Any], size: int
) -> AsyncIterator[list[asyncpg.Record]]:
    """The rows of a statement with ``$1``-style places, at most ``size`` at a time; the last batch may be empty.

    Others may ask the snapshot for something between two batches. Raises as ``Snapshot.turn`` does, and what the
    statement fails with.
    """
    async with snapshot.turn() as connection:
        count_statement()
        await connection.execute(PREPARE)
        cursor = await connection.cursor(sql, *values)
    while True:
        async with snapshot.turn():
            rows: list[asyncpg.Record] = await cursor.fetch(size)
        yield rows
        if len(rows) < size:
            return


async def copy_csv(snapshot: Snapshot, sql: str, values: Sequence[Any], sink: Sink, delimiter: str) -> int:
    """Copies the rows of a statement to ``sink`` as lines of CSV that end with LF, and gives their number.

    Raises as ``Snapshot.turn`` does, what the statement fails with, and what ``sink`` raises; after that the snapshot is
    over.
    """

    async def pour(data: bytes) -> None:
        try:
            await sink(data)
        except Exception as error:
            raise _SinkFailed(error) from error

    try:
        async with snapshot.turn() as connection:
            count_statement()
            await connection.execute(PREPARE)
            status = await connection.copy_from_query(
                sql, *values, output=pour, format="csv", delimiter=delimiter, encoding="UTF8"
            )
    except _SinkFailed as failed:
        raise failed.why from None
    return int(status.removeprefix("COPY "))
