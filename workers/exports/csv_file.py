"""CSV: the database writes it, by COPY."""

from __future__ import annotations

import csv
import io
import re
import secrets
from pathlib import Path

from db.queries.export_cells import (
    DANGEROUS,
    Cell,
    as_it_is,
    harmless_text,
    iso_instant,
    lower_flag,
    rounded,
    shortened,
    upper_flag,
    wall_time,
    with_comma,
)
from workers.exports.content import Column, Dialect, Kind, Options, Report, Sheet, Written
from workers.exports.labels import heading, zone_of
from workers.exports.manifest import Manifest, Table
from workers.exports.new_file import NewFile, new_file
from workers.exports.reading import ReportReader

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
RATIO_DIGITS = 4
SECONDS_DIGITS = 2
_DANGEROUS = re.compile(DANGEROUS)


async def write(report: Report, reader: ReportReader, options: Options, path: Path) -> Written:
    """Writes the first sheet.

    Raises TooLarge, ValueError for an unknown time zone, OSError, and as the reader does; then the file is not there.
    """
    zone_of(report.time_zone)
    async with new_file(path, options.most_bytes) as file:
        lines = _Lines(file, options.dialect)
        rows = await lines.write(report.sheets[0], reader, report.time_zone)
    table = Table(report.sheets[0].title, report.sheets[0], rows)
    manifest = Manifest(report, "csv", (table,), dialect=options.dialect, neutralized=lines.neutralized)
    about = manifest.of_file(file.sha256, file.bytes)
    return Written(rows, file.bytes, file.sha256, about, neutralized=lines.neutralized)


def delimiter_of(dialect: Dialect) -> str:
    return ";" if dialect is Dialect.EXCEL_SEMICOLON else ","


def _as_it_is(cell: Cell) -> Cell:
    return cell


class _Lines:
    """COPY ends its lines with LF, as a text may, too. Marks that nobody can guess tell where a line ends, and where an
    apostrophe was put before a text, so that those can be counted.
    """

    def __init__(self, file: NewFile, dialect: Dialect) -> None:
        self.neutralized = 0
        self._file = file
        self._dialect = dialect
        self._delimiter = delimiter_of(dialect)
        self._apostrophe, self._end = (secrets.token_hex(8) for _ in range(2))

    async def write(self, sheet: Sheet, reader: ReportReader, time_zone: str) -> int:
        """Gives the number of rows, the header not counted."""
        await self._file.write(self._header(sheet, time_zone))
        cells = [self._cell(column, time_zone) for column in sheet.columns]
        return await reader.copy(sheet, cells, self._end, self._add, self._delimiter)

    async def _add(self, lines: bytes) -> None:
        self.neutralized += lines.count(self._apostrophe.encode())
        lines = lines.replace(self._apostrophe.encode(), b"'")
        await self._file.write(lines.replace(f"{self._delimiter}{self._end}\n".encode(), b"\r\n"))

    def _header(self, sheet: Sheet, time_zone: str) -> bytes:
        if self._dialect is Dialect.RFC4180:
            return self._line([column.name for column in sheet.columns])
        return BYTE_ORDER_MARK + self._line([self._harmless(heading(column, time_zone)) for column in sheet.columns])

    def _harmless(self, text: str) -> str:
        if _DANGEROUS.match(text) is None:
            return text
        self.neutralized += 1
        return f"'{text}"

    def _line(self, texts: list[str]) -> bytes:
        line = io.StringIO(newline="")
        csv.writer(line, delimiter=self._delimiter, lineterminator="\r\n").writerow(texts)
        return line.getvalue().encode()

    def _cell(self, column: Column, time_zone: str) -> Cell:
        if self._dialect is Dialect.RFC4180:
            return {Kind.INSTANT: iso_instant, Kind.FLAG: lower_flag}.get(column.kind, as_it_is)
        # Where semicolons stand between cells, a program would take 3.5 for the third of May.
        number = with_comma if self._dialect is Dialect.EXCEL_SEMICOLON else _as_it_is
        return {
            Kind.TEXT: harmless_text(self._apostrophe),
            Kind.DECIMAL: number(rounded(column.digits)),
            Kind.RATIO: number(shortened(RATIO_DIGITS)),
            Kind.SECONDS: number(shortened(SECONDS_DIGITS)),
            Kind.INSTANT: wall_time(time_zone),
            Kind.FLAG: upper_flag,
        }.get(column.kind, as_it_is)
