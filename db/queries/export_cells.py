"""How the cells of a file are written by the database: expressions around the columns of a statement, for COPY."""

from __future__ import annotations

from collections.abc import Callable, Sequence

Cell = Callable[[str], str]
"""Makes of the name of a column what is written of it."""

# In a class of characters, by ranges of code points: the same to PostgreSQL and to Python.
_SPACES = "\x0b\x0c\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_QUOTES = "\"'\u2018-\u201f\u00ab\u00bb\uff02\uff07"
_UNSEEN = "\x01-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff"
_DANGERS = "=+@\t\r\n\u2212\ufe62\ufe63\ufe66\ufe6b\uff0b\uff0d\uff1d\uff20-"
DANGEROUS = f"^[{_SPACES}{_QUOTES}{_UNSEEN}]*[{_DANGERS}]"
"""What a text starts with that a spreadsheet may take for a formula: a sign, after what such programs skip."""


def quoted(text: str) -> str:
    """As a literal. A ``$1`` in it would be taken for a place."""
    return "'" + text.replace("'", "''") + "'"


def as_it_is(column: str) -> str:
    return column


def harmless_text(mark: str) -> Cell:
    """Texts that no program takes for formulas: ``mark``, which stands for an apostrophe, is put before those that some
    would.
    """

    def cell(column: str) -> str:
        column = f"CAST({column} AS text)"
        # Most texts start with a digit or a Latin letter, which is found out sooner than a pattern is tried.
        known = f"ascii({column}) BETWEEN 48 AND 57 OR ascii({column}) BETWEEN 65 AND 122"
        return f"CASE WHEN {known} OR {column} !~ {quoted(DANGEROUS)} THEN {column} ELSE {quoted(mark)} || {column} END"

    return cell


def rounded(digits: int) -> Cell:
    """With exactly so many digits after the point."""
    return lambda column: f"round(CAST({column} AS numeric), {digits})"


def shortened(digits: int) -> Cell:
    """With at most so many digits after the point. That is quicker, and good for what was measured, not counted."""
    fold = 10**digits
    return lambda column: f"round(CAST({column} AS float8) * {fold}) / {fold}"


def with_comma(cell: Cell) -> Cell:
    """A number with a decimal comma."""
    return lambda column: f"replace(CAST({cell(column)} AS text), '.', ',')"


def wall_time(time_zone: str) -> Cell:
    """What clocks showed there, to the second."""
    return lambda column: f"date_trunc('second', {column} AT TIME ZONE {quoted(time_zone)})"


def iso_instant(column: str) -> str:
    """In UTC, to the microsecond."""
    return f"""to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""


def lower_flag(column: str) -> str:
    return f"CAST({column} AS text)"


def upper_flag(column: str) -> str:
    return f"upper(CAST({column} AS text))"


def cells_sql(sql: str, cells: Sequence[Cell], end: str) -> str:
    """The rows of a statement, in its order, its columns written as cells; then a column that is always ``end``."""
    columns = [f"c{number}" for number in range(1, len(cells) + 1)]
    written = ", ".join(cell(column) for cell, column in zip(cells, columns, strict=True))
    return f"SELECT {written}, {quoted(end)} FROM (\n{sql}\n) AS given ({', '.join(columns)})"
