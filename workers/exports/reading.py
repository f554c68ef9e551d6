"""Reads what goes into a file, as the person who asked for it, all from one instant."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Any

from db.queries.export_cells import Cell, cells_sql
from db.snapshot import Snapshot
from db.streaming import Sink, batches, copy_csv
from workers.exports.content import Sheet

BATCH_ROWS = 1_000


class ReportReader:
    """Of a snapshot that its owner opens as the requester, and closes. ``rows_read`` of all sheets so far.

    All of it raises UnknownCaller, DatabaseUnavailable, and asyncpg.PostgresError where a statement fails.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self.rows_read = 0

    async def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """All rows of a statement with ``$1``-style places, for what is small."""
        async with self._snapshot.turn() as connection:
            return [tuple(row) for row in await connection.fetch(sql, *values)]

    async def batches(self, sheet: Sheet) -> AsyncGenerator[list[tuple[Any, ...]], None]:
        """The rows of a sheet, as many at a time as fit into memory easily."""
        async for rows in batches(self._snapshot, sheet.sql, sheet.values, BATCH_ROWS):
            self.rows_read += len(rows)
            yield [tuple(row) for row in rows]

    async def copy(self, sheet: Sheet, cells: Sequence[Cell], end: str, sink: Sink, delimiter: str) -> int:
        """Copies a sheet as lines of CSV, each with ``end`` in one more column, and gives the number of its rows."""
        sql = cells_sql(sheet.sql, cells, end)
        ending = end.encode()

        async def count(lines: bytes) -> None:
            self.rows_read += lines.count(ending)
            await sink(lines)

        return await copy_csv(self._snapshot, sql, sheet.values, count, delimiter)
