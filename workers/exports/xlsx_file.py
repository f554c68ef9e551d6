"""XLSX: every sheet with typed cells, written in constant memory."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from workers.exports.content import Options, Report, Written
from workers.exports.in_thread import in_thread
from workers.exports.new_file import sha256_of, too_large, whole_or_gone
from workers.exports.reading import ReportReader
from workers.exports.xlsx_book import Book, SheetWriter

WORKING_FOLD = 32
"""How many times as much room as a file may have its parts may take, which are compressed at the end. Rows are compressed
to about a tenth.
"""


async def write(report: Report, reader: ReportReader, options: Options, path: Path) -> Written:
    """Writes every sheet, and a manifest as the last. Needs room for its parts in a folder beside ``path``.

    Raises TooLarge, ValueError for an unknown time zone, OSError, and as the reader does; then the file is not there.
    """
    with whole_or_gone(path), TemporaryDirectory(dir=path.parent) as folder:
        with LimitedFile(path, options.most_bytes) as file:
            book = Book(file, Path(folder), report)
            try:
                await _add_sheets(book, report, reader, Path(folder), options.most_bytes)
                await in_thread(book.finish)
            finally:
                book.abandon()
            if file.is_over:
                raise too_large(options.most_bytes)
            size = file.tell()
        sha256 = await in_thread(sha256_of, path)
    rows = sum(table.rows for table in book.tables if table.sheet is report.sheets[0])
    return Written(rows, size, sha256, book.manifest.of_file(sha256, size), truncated=book.cells.truncated)


class LimitedFile(io.FileIO):
    """Takes no more than ``most_bytes``. Of more it only notes that they came: what writes archives does not stop well."""

    def __init__(self, path: Path, most_bytes: int) -> None:
        super().__init__(path, "w")
        self.is_over = False
        self._most_bytes = most_bytes

    def write(self, data: Any) -> int:
        size = memoryview(data).nbytes
        self.is_over = self.is_over or self.tell() + size > self._most_bytes
        return size if self.is_over else super().write(data)


async def _add_sheets(book: Book, report: Report, reader: ReportReader, folder: Path, most_bytes: int) -> None:
    for sheet in report.sheets:
        writer = book.sheet(sheet)
        async for rows in reader.batches(sheet):
            if await in_thread(_add, writer, rows, folder) > most_bytes * WORKING_FOLD:
                raise too_large(most_bytes)
        writer.finish()


def _add(writer: SheetWriter, rows: Sequence[tuple[Any, ...]], folder: Path) -> int:
    """Gives how many bytes the parts have."""
    writer.add(rows)
    return sum(part.stat().st_size for part in folder.iterdir())
