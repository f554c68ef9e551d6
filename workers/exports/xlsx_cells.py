"""The cells of a workbook: typed, shown as people write such values, and nothing in them that could act."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from math import isfinite
from zoneinfo import ZoneInfo

from xlsxwriter import Workbook
from xlsxwriter.worksheet import Worksheet

from workers.exports.content import Column, Kind
from workers.exports.labels import cut, fits

MOST_UNITS = 32_767
"""UTF-16 units of a cell."""

EXACT_BELOW = 10**15
"""Spreadsheets keep fifteen digits of a number: larger ones are written as texts."""

YEARS = range(1901, 9999)
"""Those that spreadsheets show as dates, in every zone."""

Write = Callable[[Worksheet, int, int, object], None]


class Cells:
    """How the values of a workbook are written; ``truncated`` counts texts that were cut. None is nobody's to write."""

    def __init__(self, book: Workbook, zone: ZoneInfo) -> None:
        self.truncated = 0
        self._book = book
        self._zone = zone
        self._text = book.add_format({"num_format": "@"})

    def writer(self, column: Column) -> Write:
        """Of the values of a column."""
        if column.kind is Kind.TEXT:
            return self.write_text
        if column.kind is Kind.FLAG:
            return lambda sheet, row, at, value: sheet.write_boolean(row, at, bool(value))
        if column.kind is Kind.INSTANT:
            return self._times("yyyy-mm-dd hh:mm:ss")
        if column.kind is Kind.DATE:
            return self._times("yyyy-mm-dd")
        return self._numbers(column)

    def write_text(self, sheet: Worksheet, row: int, at: int, value: object) -> None:
        """Never as a formula or a link."""
        text = str(value)
        if not fits(text, MOST_UNITS):
            self.truncated += 1
            text = cut(text, MOST_UNITS)
        sheet.write_string(row, at, text, self._text)

    def write_nothing(self, sheet: Worksheet, row: int, at: int) -> None:
        """An empty cell."""
        sheet.write_blank(row, at, None, self._text)

    def _numbers(self, column: Column) -> Write:
        shown = {
            Kind.INTEGER: "0",
            Kind.DECIMAL: f"0.{'0' * column.digits}".rstrip("."),
            Kind.RATIO: "0.0%",
            Kind.SECONDS: "0.0",
        }
        style = self._book.add_format({"num_format": shown[column.kind]})

        def write(sheet: Worksheet, row: int, at: int, value: object) -> None:
            assert isinstance(value, int | float | Decimal)
            if not isfinite(value):
                return
            if not isinstance(value, float) and not -EXACT_BELOW < value < EXACT_BELOW:
                self.write_text(sheet, row, at, f"{value:f}" if isinstance(value, Decimal) else value)
            else:
                sheet.write_number(row, at, float(value), style)

        return write

    def _times(self, shown: str) -> Write:
        style = self._book.add_format({"num_format": shown})

        def write(sheet: Worksheet, row: int, at: int, value: object) -> None:
            assert isinstance(value, date)
            if value.year not in YEARS:
                self.write_text(sheet, row, at, value)
                return
            if isinstance(value, datetime):
                value = value.astimezone(self._zone).replace(tzinfo=None)
            sheet.write_datetime(row, at, value, style)

        return write
