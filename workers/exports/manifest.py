"""What a file says of itself: what it is of, from when, for whom, and how much is in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Any

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

    def of_file(self, sha256: str, size: int) -> dict[str, Any]:
        """The same, with the hash of the file and its number of bytes: what is kept of it, and can lie beside it."""
        return {**self.data, "bytes": size, "sha256": sha256}

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
            **({} if self.report.export_id is None else {"export": self.report.export_id}),
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
    """Where somebody who has a file and its manifest has the manifest."""
    return path.with_name(f"{path.name}.manifest.json")
