"""A workbook that is kept on disk while it grows: the sheets of a report, and its manifest as the last."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC
from pathlib import Path
from typing import Any, BinaryIO

from xlsxwriter import Workbook
from xlsxwriter.exceptions import FileCreateError
from xlsxwriter.worksheet import Worksheet

from workers.exports import manifest
from workers.exports.content import Column, Kind, Report, Sheet
from workers.exports.labels import heading, plain, sheet_name, zone_of
from workers.exports.manifest import Manifest, Table
from workers.exports.xlsx_cells import Cells

MOST_ROWS = 1_048_576
"""Of a worksheet, with its header."""

WIDTHS = {Kind.TEXT: 28, Kind.INSTANT: 20}
LEAST_WIDTH = 12
MOST_WIDTH = 60
MANIFEST_WIDTHS = (20, 28, 60)


class Book:
    """``tables`` are the worksheets so far that are full or at their end. All of it blocks, and raises OSError."""

    def __init__(self, file: BinaryIO, folder: Path, report: Report) -> None:
        self.tables: list[Table] = []
        self._report = report
        self._book = Workbook(file, {"constant_memory": True, "tmpdir": str(folder)})
        self._book.use_zip64()
        as_of = report.as_of.astimezone(UTC).replace(tzinfo=None)
        self._book.set_properties({"title": plain(report.title), "created": as_of})
        self._bold = self._book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
        self.cells = Cells(self._book, zone_of(report.time_zone))

    @property
    def names(self) -> list[str]:
        """Of its worksheets."""
        return [worksheet.get_name() for worksheet in self._book.worksheets()]

    def sheet(self, sheet: Sheet) -> SheetWriter:
        titles = [heading(column, self._report.time_zone) for column in sheet.columns]
        return SheetWriter(self, sheet, titles)

    def worksheet(self, name: str, headings: Sequence[str], widths: Iterable[int]) -> Worksheet:
        """A new one, with a header that stays in sight."""
        worksheet = self._book.add_worksheet(name)
        for at, width in enumerate(widths):
            worksheet.set_column(at, at, width)
        for at, text in enumerate(headings):
            worksheet.write_string(0, at, text, self._bold)
        worksheet.freeze_panes(1, 0)
        # Long ids are texts on purpose.
        worksheet.ignore_errors({"number_stored_as_text": "A1:XFD1048576"})
        return worksheet

    def finish(self) -> None:
        """Adds the manifest, and packs everything into the file."""
        self._add_manifest()
        try:
            self._book.close()
        except FileCreateError as error:
            [reason] = error.args
            raise reason from error

    def abandon(self) -> None:
        """Lets go of the files that rows are kept in."""
        for worksheet in self._book.worksheets():
            worksheet.row_data_fh.close()

    @property
    def manifest(self) -> Manifest:
        """Of what is in it so far."""
        return Manifest(self._report, "xlsx", tuple(self.tables), truncated=self.cells.truncated)

    def _add_manifest(self) -> None:
        about = self.manifest
        worksheet = self.worksheet(manifest.SHEET, manifest.SHEET_HEADINGS, MANIFEST_WIDTHS)
        for row, (entry, name, value) in enumerate(about.entries, start=1):
            self.cells.write_text(worksheet, row, 0, entry)
            self.cells.write_text(worksheet, row, 1, name)
            if isinstance(value, int):
                worksheet.write_number(row, 2, value)
            else:
                self.cells.write_text(worksheet, row, 2, value)


class SheetWriter:
    """A sheet of a report: one worksheet, and further ones where it is full. Finish it."""

    def __init__(self, book: Book, sheet: Sheet, headings: Sequence[str]) -> None:
        self._book = book
        self._sheet = sheet
        self._headings = headings
        self._writers = [book.cells.writer(column) for column in sheet.columns]
        self._begin()

    def add(self, rows: Iterable[tuple[Any, ...]]) -> None:
        for values in rows:
            if self._row == MOST_ROWS:
                self.finish()
                self._begin()
            for at, (write, value) in enumerate(zip(self._writers, values, strict=True)):
                if value is not None:
                    write(self._worksheet, self._row, at, value)
                elif at == 0:
                    # A row without any value is a row.
                    self._book.cells.write_nothing(self._worksheet, self._row, at)
            self._row += 1

    def finish(self) -> None:
        self._worksheet.autofilter(0, 0, self._row - 1, len(self._headings) - 1)
        self._book.tables.append(Table(self._worksheet.get_name(), self._sheet, self._row - 1))

    def _begin(self) -> None:
        name = sheet_name(self._sheet.title, [manifest.SHEET, *self._book.names])
        widths = map(_width, self._sheet.columns, self._headings)
        self._worksheet = self._book.worksheet(name, self._headings, widths)
        self._row = 1


def _width(column: Column, title: str) -> int:
    # The button of the filter takes room, too.
    return max(WIDTHS.get(column.kind, LEAST_WIDTH), min(len(title) + 3, MOST_WIDTH))
