"""Holds a file against its manifest: whether it is the one that was made, and whether all its rows are there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from zipfile import BadZipFile, ZipFile

import orjson

from workers.exports import manifest
from workers.exports.manifest import side_file
from workers.exports.new_file import CHUNK_BYTES, sha256_of

Rows = dict[str, int]
"""Of each table, by its title."""

_SHEETS = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_RELATIONS = "{http://schemas.openxmlformats.org/package/2006/relationships}"


class Unverifiable(Exception):
    """There is nothing to hold a file against. The message says why, for people."""

    code = "EXPORT_UNVERIFIABLE"


@dataclass(frozen=True, slots=True)
class Verification:
    """``manifest`` is what the file says of itself; ``sha256`` and ``rows`` are what was found. It is sound where there are
    no ``problems``, which are sentences for people.
    """

    manifest: dict[str, Any]
    sha256: str
    rows: Rows
    problems: tuple[str, ...]


def verify(path: Path, sha256: str | None = None) -> Verification:
    """Reads a file that was exported as CSV, XLSX or JSON. ``sha256``: what it should be, if that is known from elsewhere.

    Raises Unverifiable, and OSError.
    """
    read = _READERS.get(path.suffix.lower())
    if read is None:
        raise Unverifiable(f"Only {', '.join(_READERS)} files can be verified.")
    try:
        found, stated, rows = read(path)
    except (KeyError, TypeError, ValueError, BadZipFile, ElementTree.ParseError) as error:
        raise Unverifiable("The file or its manifest cannot be read.") from error
    actual = sha256_of(path)
    return Verification(found, actual, rows, tuple(_problems(stated, rows, {found.get("sha256"), sha256}, actual)))


def _problems(stated: Rows, rows: Rows, hashes: set[str | None], actual: str) -> Iterator[str]:
    for title in stated | rows:
        if stated.get(title) != rows.get(title):
            yield f"{title}: {rows.get(title, 'no')} rows, where the manifest says {stated.get(title, 'none')}."
    if hashes - {None, actual}:
        yield "The SHA-256 is another one: this is not the file that was made."


def _stated(about: dict[str, Any]) -> Rows:
    return {table["title"]: table["rows"] for table in about["tables"]}


# --- CSV ----------------------------------------------------------------------------------------------


def _read_csv(path: Path) -> tuple[dict[str, Any], Rows, Rows]:
    if not side_file(path).is_file():
        raise Unverifiable(f"Its manifest is not beside it: {side_file(path).name}")
    about = orjson.loads(side_file(path).read_bytes())
    [(title, rows)] = _stated(about).items()
    return about, {title: rows}, {title: _lines(path) - 1}


def _lines(path: Path) -> int:
    """How many there are, a break within quotes not being one."""
    lines, is_quoted = 0, False
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            first, *others = chunk.split(b'"')
            for part in (first, *others):
                if part is not first:
                    is_quoted = not is_quoted
                lines += 0 if is_quoted else part.count(b"\n")
    return lines


# --- JSON ---------------------------------------------------------------------------------------------


def _read_json(path: Path) -> tuple[dict[str, Any], Rows, Rows]:
    content = orjson.loads(path.read_bytes())
    rows = {sheet["title"]: len(sheet["rows"]) for sheet in content["sheets"]}
    return content["manifest"], _stated(content["manifest"]), rows


# --- XLSX ---------------------------------------------------------------------------------------------


def _read_xlsx(path: Path) -> tuple[dict[str, Any], Rows, Rows]:
    with ZipFile(path) as archive:
        parts = _parts(archive)
        entries = [_texts(row) for row in _rows(archive, parts.pop(manifest.SHEET))][1:]
        rows = {name: sum(1 for _ in _rows(archive, part)) - 1 for name, part in parts.items()}
    about = {entry: value for entry, name, value in entries if not name}
    stated = {name: int(value) for entry, name, value in entries if entry == "rows"}
    return about, stated, rows


def _parts(archive: ZipFile) -> dict[str, str]:
    """Where in the archive each worksheet is, by its name."""
    relations = _xml(archive, "xl/_rels/workbook.xml.rels").iter(f"{_RELATIONS}Relationship")
    targets = {relation.attrib["Id"]: relation.attrib["Target"] for relation in relations}
    sheets = _xml(archive, "xl/workbook.xml").iter(f"{_SHEETS}sheet")
    return {sheet.attrib["name"]: f"xl/{targets[sheet.attrib[_RELATION]]}" for sheet in sheets}


def _xml(archive: ZipFile, part: str) -> ElementTree.Element:
    return ElementTree.fromstring(archive.read(part))  # noqa: S314


def _rows(archive: ZipFile, part: str) -> Iterator[ElementTree.Element]:
    """One at a time: a worksheet may have a million."""
    with archive.open(part) as file:
        for _, element in ElementTree.iterparse(file):  # noqa: S314
            if element.tag == f"{_SHEETS}row":
                yield element
                element.clear()


def _texts(row: ElementTree.Element) -> tuple[str, ...]:
    return tuple("".join(cell.itertext()) for cell in row)


_READERS: dict[str, Callable[[Path], tuple[dict[str, Any], Rows, Rows]]] = {
    ".csv": _read_csv,
    ".json": _read_json,
    ".xlsx": _read_xlsx,
}
