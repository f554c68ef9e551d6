"""What a file says of itself: what it is of, from when, for whom, and how much is in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Any

import orjson

from workers.exports.content import Report, Sheet
from workers.exports.labels import plain

SHEET = "Manifest"
SHEET_HEADINGS = ("Entry", "Name", "Value")


@dataclass(frozen=True, slots=True)
class Table:
    """What became of a sheet: ``title`` is what the file calls it."""

    title: str
    sheet: Sheet
    rows: int

    @property
    def data(self) -> dict[str, Any]:
        return {"title": self.title, "rows": self.rows, "columns": columns_data(self.sheet)}


@dataclass(frozen=True, slots=True)
class Manifest:
    """``format`` is ``csv`` and the like; ``dialect`` is that of a CSV. See ``Written`` for the cells that were changed."""

    report: Report
    format: str
    tables: tuple[Table, ...]
    dialect: str | None = None
    neutralized: int = 0
    truncated: int = 0

    @property
    def data(self) -> dict[str, Any]:
        """As JSON has it. ``asOf`` is an instant in UTC."""
        return {
            **self._about,
            "filters": {plain(name): plain(value) for name, value in self.report.filters.items()},
            "tables": [table.data for table in self.tables],
        }

    @property
    def entries(self) -> Iterator[tuple[str, str, str | int]]:
        """The same as rows of a sheet, under SHEET_HEADINGS."""
        for entry, value in self._about.items():
            yield entry, "", value
        for name, value in self.report.filters.items():
            yield "filter", plain(name), plain(value)
        for table in self.tables:
            yield "rows", table.title, table.rows
            yield "columns", table.title, ", ".join(plain(column.title) for column in table.sheet.columns)

    @property
    def _about(self) -> dict[str, Any]:
        return {
            "title": plain(self.report.title),
            "subtitle": plain(self.report.subtitle),
            "asOf": self.report.as_of.astimezone(UTC).isoformat().replace("+00:00", "Z"),
            "timeZone": self.report.time_zone,
            "requestedBy": plain(self.report.requested_by),
            "format": self.format,
            **({} if self.dialect is None else {"dialect": self.dialect}),
            "neutralizedCells": self.neutralized,
            "truncatedCells": self.truncated,
        }


def columns_data(sheet: Sheet) -> list[dict[str, str]]:
    return [{"name": column.name, "title": column.title, "kind": column.kind.value} for column in sheet.columns]


def side_file(path: Path) -> Path:
    """Where the manifest of a file is that cannot hold one."""
    return path.with_name(f"{path.name}.manifest.json")


def write_side_file(manifest: Manifest, path: Path, sha256: str, size: int) -> None:
    """Beside the file at ``path``, with its hash and its number of bytes."""
    data = {**manifest.data, "bytes": size, "sha256": sha256}
    side_file(path).write_bytes(orjson.dumps(data, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
