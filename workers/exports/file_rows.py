"""Reads the rows of files that were exported, as texts and one at a time, and what the files say of themselves."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from zipfile import ZipFile

import orjson

from workers.exports import manifest
from workers.exports.content import Dialect
from workers.exports.csv_file import delimiter_of
from workers.exports.manifest import side_file

Row = tuple[str, ...]
Stated = dict[str, int]
"""Rows of each table, by its title."""

LONGEST_CELL = 2**31 - 1

_SHEETS = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_RELATIONS = "{http://schemas.openxmlformats.org/package/2006/relationships}"


@dataclass(frozen=True, slots=True)
class FileRows:
    """``about`` is what is said of the file, and ``stated`` how many rows that says. ``tables`` give rows without their
    headings; None where they cannot be read out of it.
    """

    about: Mapping[str, Any]
    stated: Stated
    tables: Mapping[str, Callable[[], Iterator[Row]]] | None


def read_file(path: Path, known: Mapping[str, Any] | None) -> FileRows:
    """``known`` is the manifest of the file, where that is known from elsewhere; else the one in it or beside it is taken.

    Raises LookupError where there is none, for other kinds of files NotImplementedError, OSError, and what parsers raise.
    """
    read = READERS.get(path.suffix.lower())
    if read is None:
        raise NotImplementedError
    return read(path, known)


def _read_csv(path: Path, known: Mapping[str, Any] | None) -> FileRows:
    about = known or _beside(path)
    [(title, rows)] = _stated(about).items()
    return FileRows(about, {title: rows}, {title: lambda: _csv_rows(path, Dialect(about["dialect"]))})


def _csv_rows(path: Path, dialect: Dialect) -> Iterator[Row]:
    csv.field_size_limit(LONGEST_CELL)
    # What is no UTF-8 is a row as well.
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        lines = csv.reader(file, delimiter=delimiter_of(dialect))
        next(lines, None)
        for line in lines:
            yield tuple(line)


def _read_pdf(path: Path, known: Mapping[str, Any] | None) -> FileRows:
    about = known or _beside(path)
    return FileRows(about, _stated(about), None)


def _read_json(path: Path, known: Mapping[str, Any] | None) -> FileRows:
    content = orjson.loads(path.read_bytes())
    about = known or content["manifest"]
    return FileRows(about, _stated(about), {sheet["title"]: _json_rows(sheet["rows"]) for sheet in content["sheets"]})


def _json_rows(rows: list[list[Any]]) -> Callable[[], Iterator[Row]]:
    return lambda: (tuple("" if value is None else str(value) for value in row) for row in rows)


def _read_xlsx(path: Path, known: Mapping[str, Any] | None) -> FileRows:
    with ZipFile(path) as archive:
        parts = _parts(archive)
        [_, *entries] = map(_texts, _xml_rows(archive, parts.pop(manifest.SHEET)))
    about = known or {entry: value for entry, name, value in entries if not name}
    stated = _stated(known) if known else {name: int(value) for entry, name, value in entries if entry == "rows"}
    return FileRows(about, stated, {name: _sheet_rows(path, part) for name, part in parts.items()})


def _sheet_rows(path: Path, part: str) -> Callable[[], Iterator[Row]]:
    def rows() -> Iterator[Row]:
        with ZipFile(path) as archive:
            lines = _xml_rows(archive, part)
            next(lines, None)
            yield from map(_texts, lines)

    return rows


def _parts(archive: ZipFile) -> dict[str, str]:
    """Where in the archive each worksheet is, by its name."""
    relations = _xml(archive, "xl/_rels/workbook.xml.rels").iter(f"{_RELATIONS}Relationship")
    targets = {relation.attrib["Id"]: relation.attrib["Target"] for relation in relations}
    sheets = _xml(archive, "xl/workbook.xml").iter(f"{_SHEETS}sheet")
    return {sheet.attrib["name"]: f"xl/{targets[sheet.attrib[_RELATION]]}" for sheet in sheets}


def _xml(archive: ZipFile, part: str) -> ElementTree.Element:
    return ElementTree.fromstring(archive.read(part))  # noqa: S314


def _xml_rows(archive: ZipFile, part: str) -> Iterator[ElementTree.Element]:
    """One at a time: a worksheet may have a million."""
    with archive.open(part) as file:
        parsed = ElementTree.iterparse(file, events=("start", "end"))  # noqa: S314
        _, root = next(parsed)
        for event, element in parsed:
            if event == "end" and element.tag == f"{_SHEETS}row":
                yield element
                # The rows that were read hang on what is above them.
                root.clear()


def _texts(row: ElementTree.Element) -> Row:
    return tuple("".join(cell.itertext()) for cell in row)


def _beside(path: Path) -> Mapping[str, Any]:
    if not side_file(path).is_file():
        raise LookupError
    about: Mapping[str, Any] = orjson.loads(side_file(path).read_bytes())
    return about


def _stated(about: Mapping[str, Any]) -> Stated:
    return {table["title"]: table["rows"] for table in about["tables"]}


READERS: dict[str, Callable[[Path, Mapping[str, Any] | None], FileRows]] = {
    ".csv": _read_csv,
    ".json": _read_json,
    ".pdf": _read_pdf,
    ".xlsx": _read_xlsx,
}
