"""Holds a file against its manifest: whether it is the one that was made, and whether all its rows are there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from zipfile import BadZipFile

from workers.exports.file_rows import READERS, FileRows, Stated, read_file
from workers.exports.manifest import side_file
from workers.exports.new_file import sha256_of


class Unverifiable(Exception):
    """There is nothing to hold a file against. The message says why, for people."""

    code = "EXPORT_UNVERIFIABLE"


@dataclass(frozen=True, slots=True)
class Verification:
    """``about`` is what is said of the file. It is sound where there are no ``problems``, which are sentences for people.
    ``rows`` of each table were found, by its title; None of a PDF, whose hash has to do.
    """

    about: Mapping[str, Any]
    sha256: str
    rows: Stated | None
    problems: tuple[str, ...]


def verify(path: Path, known: Mapping[str, Any] | None = None) -> Verification:
    """Reads a file that was exported. ``known`` is the manifest that was kept of it; without, the one in the file or beside it
    has to do.

    Raises Unverifiable, and OSError.
    """
    try:
        file = read_file(path, known)
        rows = _counted(file)
    except NotImplementedError:
        raise Unverifiable(f"Only {', '.join(READERS)} files can be verified.") from None
    except (KeyError, TypeError, ValueError, BadZipFile, ElementTree.ParseError) as error:
        raise Unverifiable("The file or its manifest cannot be read.") from error
    except LookupError:
        raise Unverifiable(
            f"Nothing is known of it, and its manifest is not beside it: {side_file(path).name}"
        ) from None
    actual = sha256_of(path)
    return Verification(file.about, actual, rows, tuple(_problems(file, rows, actual)))


def _counted(file: FileRows) -> Stated | None:
    if file.tables is None:
        return None
    return {title: sum(1 for _ in rows()) for title, rows in file.tables.items()}


def _problems(file: FileRows, rows: Stated | None, actual: str) -> Iterator[str]:
    for title in file.stated | (rows or {}):
        if rows is not None and file.stated.get(title) != rows.get(title):
            yield f"{title}: {rows.get(title, 'no')} rows, where the manifest says {file.stated.get(title, 'none')}."
    if file.about.get("sha256", actual) != actual:
        yield "The SHA-256 is another one: this is not the file that was made."
