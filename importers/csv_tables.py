"""Reads one table of a data set, gzipped or plain, and refuses what is broken, with file, line and column."""

from __future__ import annotations

import csv
import gzip
import io
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from operator import itemgetter
from pathlib import Path
from typing import NoReturn

from importers.loader import ImportFailed

_INTEGER = re.compile(r"-?[0-9]{1,9}", re.ASCII)
_KEY = re.compile(r"[0-9]{1,18}", re.ASCII)


class Table:
    """``<name>.csv.gz`` or ``<name>.csv`` in a directory, in UTF-8, the first line naming the columns.

    The columns wanted may stand in any order, among others. Raises ImportFailed, also from every method.
    """

    def __init__(self, directory: Path, name: str, columns: Sequence[str]) -> None:
        found = [path for suffix in (".csv.gz", ".csv") if (path := directory / f"{name}{suffix}").is_file()]
        if not found:
            raise ImportFailed(f"{directory} has neither {name}.csv.gz nor {name}.csv.")
        if len(found) > 1:
            raise ImportFailed(f"{directory} has both {name}.csv.gz and {name}.csv: remove the one that is not meant.")
        self.path = found[0]
        self.columns = columns
        self.line = 1
        self._text = self._read()

    def _read(self) -> str:
        try:
            data = self.path.read_bytes()
            if self.path.suffix == ".gz" and data:
                data = gzip.decompress(data)
            text = data.decode("utf-8-sig")
        except EOFError:
            raise ImportFailed(f"{self.path}: the file is cut off: its compressed data has no end.") from None
        except (gzip.BadGzipFile, zlib.error) as error:
            raise ImportFailed(f"{self.path}: the file is damaged: {error}.") from None
        except UnicodeDecodeError as error:
            line = error.object[: error.start].count(b"\n") + 1
            raise ImportFailed(f"{self.path}, line {line}: the text is not in UTF-8.") from None
        except OSError as error:
            raise ImportFailed(f"{self.path}: {error.strerror}.") from None
        if not text:
            raise ImportFailed(f"{self.path}: the file is empty, even its line of column names is missing.")
        if not text.endswith("\n"):
            # What is cut off within the last number would look like another number.
            raise ImportFailed(
                f"{self.path}, line {text.count(chr(10)) + 1}: the last line has no end, the file is cut off."
            )
        return text

    def rows(self) -> Iterator[tuple[str, ...]]:
        """The rows with the wanted columns, two or more, in the wanted order; ``line`` is where each one ends."""
        reader = csv.reader(io.StringIO(self._text, newline=""), strict=True)
        try:
            header = [name.strip() for name in next(reader)]
            for name in self.columns:
                if header.count(name) != 1:
                    raise ImportFailed(
                        f"{self.path}, line 1: column {name} {'comes twice' if name in header else 'is missing'}"
                        f" (there are: {', '.join(header)})."
                    )
            width = len(header)
            wanted = itemgetter(*(header.index(name) for name in self.columns))
            for row in reader:
                self.line = reader.line_num
                if len(row) != width:
                    if not row:
                        continue
                    raise ImportFailed(
                        f"{self.path}, line {self.line}: {len(row)} cells where there are {width} columns"
                        + (f", {header[len(row)]} is missing." if len(row) < width else ".")
                    )
                yield wanted(row)
        except csv.Error as error:
            raise ImportFailed(f"{self.path}, line {reader.line_num}: {error}.") from None

    def refuse(self, column: str, why: str) -> NoReturn:
        """Refuses the present row because of a column."""
        raise ImportFailed(f"{self.path}, line {self.line}, column {column}: {why}.")

    def integer(self, column: str, value: str, *, low: int, high: int) -> int:
        """A whole number in [low, high]."""
        if not _INTEGER.fullmatch(value) or not low <= int(value) <= high:
            self.refuse(column, f"{shown(value)} is not a whole number from {low} to {high}")
        return int(value)

    def optional_integer(self, column: str, value: str, *, low: int, high: int) -> int | None:
        """A whole number in [low, high], None for an empty cell."""
        return self.integer(column, value, low=low, high=high) if value else None

    def key(self, column: str, value: str) -> str:
        """An id made of digits."""
        if not _KEY.fullmatch(value):
            self.refuse(column, f"{shown(value)} is not an id of digits")
        return value

    def checked(self, column: str, value: str, is_good: Callable[[str], object], what: str) -> str:
        """A text that a test accepts; ``what`` says what it should have been."""
        if not is_good(value):
            self.refuse(column, f"{shown(value)} is not {what}")
        return value


def shown(value: str) -> str:
    """A value as a message shows it: quoted, unprintable characters escaped, cut short."""
    return repr(value if len(value) <= 40 else value[:40] + "…")
