"""JSON: every sheet as it is read, numbers with all their digits, instants in UTC; a row a line. The figures and trends of the
first page are in it as they are on that page.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson

from workers.exports.content import Chart, Options, Report, Sheet, Written
from workers.exports.manifest import Manifest, Table, columns_data
from workers.exports.new_file import NewFile, new_file
from workers.exports.reading import ReportReader


async def write(report: Report, reader: ReportReader, options: Options, path: Path) -> Written:
    """Writes ``{"summary": [{"label", "value", "note"}], "trends": [{"title", "unit", "points": [[…]]}], "sheets": [{"title",
    "columns", "rows": [[…]]}], "manifest": {…}}``: the manifest counts the rows, and so comes after them.

    Raises TooLarge, OSError, and as the reader does; then the file is not there.
    """
    tables: list[Table] = []
    async with new_file(path, options.most_bytes) as file:
        await file.write(orjson.dumps(_first_page(report)).removesuffix(b"}") + b',"sheets":[')
        for sheet in report.sheets:
            await file.write(b",\n" if tables else b"\n")
            tables.append(Table(sheet.title, sheet, await _write_sheet(sheet, reader, file)))
        manifest = Manifest(report, "json", tuple(tables))
        await file.write(b'\n],"manifest":' + orjson.dumps(manifest.data) + b"}\n")
    return Written(tables[0].rows, file.bytes, file.sha256, manifest.of_file(file.sha256, file.bytes))


def _first_page(report: Report) -> dict[str, Any]:
    return {"summary": report.cards, "trends": [_trend(chart) for chart in report.charts]}


def _trend(chart: Chart) -> dict[str, Any]:
    return {"title": chart.title, "unit": chart.unit, "points": chart.points}


async def _write_sheet(sheet: Sheet, reader: ReportReader, file: NewFile) -> int:
    rows = 0
    start = orjson.dumps({"title": sheet.title, "columns": columns_data(sheet)})
    await file.write(start.removesuffix(b"}") + b',"rows":[')
    async for batch in reader.batches(sheet):
        if batch:
            await file.write((b",\n" if rows else b"\n") + b",\n".join(map(_row, batch)))
        rows += len(batch)
    await file.write(b"\n]}")
    return rows


def _row(values: tuple[Any, ...]) -> bytes:
    return orjson.dumps(values, default=_number, option=orjson.OPT_UTC_Z)


def _number(value: object) -> orjson.Fragment | None:
    if not isinstance(value, Decimal):
        raise TypeError(f"a {type(value).__name__} has no place in a file")
    return orjson.Fragment(str(value)) if value.is_finite() else None
