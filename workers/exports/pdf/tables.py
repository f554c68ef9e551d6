"""The rows that are shown on pages, in words."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from workers.exports.content import Column, Sheet
from workers.exports.pdf.values import written

# Thirty pages or so: nobody reads more on paper, and Typst takes about 0.2 MB for laying out a row.
MOST_ROWS = 1_000
MOST_COLUMNS = 16

# A cell of a page is there to be read; what is longer is for CSV and XLSX.
MOST_CHARACTERS = 300


class Rows(Protocol):
    """Where the rows of a sheet come from."""

    def batches(self, sheet: Sheet) -> AsyncGenerator[list[tuple[Any, ...]], None]:
        """The rows in their order, some at a time."""


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of a sheet that are shown; ``more`` if it has others. ``cut`` counts texts that were too long. ``columns`` are those
    that are shown.
    """

    sheet: Sheet
    columns: tuple[Column, ...]
    rows: list[tuple[str, ...]]
    more: bool
    cut: int


async def read(sheet: Sheet, reader: Rows, zone: ZoneInfo) -> Table:
    """The first MOST_ROWS rows in words; no more are read."""
    places = _places(sheet)
    columns = tuple(sheet.columns[place] for place in places)
    rows: list[tuple[str, ...]] = []
    too_long = 0
    async with aclosing(reader.batches(sheet)) as batches:
        async for batch in batches:
            for row in batch:
                if len(rows) == MOST_ROWS:
                    return Table(sheet, columns, rows, True, too_long)
                cells = [written(row[place], column, zone) for place, column in zip(places, columns, strict=True)]
                too_long += sum(len(cell) > MOST_CHARACTERS for cell in cells)
                rows.append(tuple(map(cut, cells)))
    return Table(sheet, columns, rows, False, too_long)


def _places(sheet: Sheet) -> list[int]:
    """Which columns are shown: all of them, or those that matter most."""
    places = list(range(len(sheet.columns)))
    if len(places) > MOST_COLUMNS:
        places = [place for place in places if not sheet.columns[place].is_minor]
    return places[:MOST_COLUMNS]


def cut(text: str, most: int = MOST_CHARACTERS) -> str:
    """At most so many characters, the last of them … if there were more."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"
