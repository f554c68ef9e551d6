"""Reports made of any SELECT."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from db.entering import Caller
from workers.exports.content import Column, Kind, Report, Sheet

ROOT = Caller("north", "root", "ADMIN")


def report_of(*sheets: Sheet, **changes: Any) -> Report:
    return Report(
        **{
            "title": "Algebra 1",
            "subtitle": "Spring",
            "as_of": datetime(2026, 3, 1, 11, 30, tzinfo=UTC),
            "time_zone": "Europe/Madrid",
            "requested_by": "Ada Abel",
            "filters": {"Group": "Algebra 1"},
            "sheets": sheets,
        }
        | changes
    )


def names_sheet(names: list[str], title: str = "Names") -> Sheet:
    """A number and a name a row."""
    columns = (Column("number", "Number", Kind.INTEGER), Column("name", "Name", Kind.TEXT))
    sql = "SELECT n, name FROM unnest($1::text[]) WITH ORDINALITY AS t (name, n) ORDER BY n"
    return Sheet(title, columns, sql, (names,))


def numbers_sheet(rows: int, title: str = "Rows") -> Sheet:
    columns = (
        Column("id", "Id", Kind.TEXT),
        Column("name", "Name", Kind.TEXT),
        Column("number", "Number", Kind.INTEGER),
        Column("score", "Score", Kind.DECIMAL),
        Column("at", "Completed", Kind.INSTANT),
    )
    sql = """SELECT CAST(n AS text), 'Ada Abel ' || n, n, n / 7.0, timestamptz '2026-01-01Z' + n * interval '1 minute'
        FROM generate_series(1, CAST($1 AS int)) AS n"""
    return Sheet(title, columns, sql, (rows,))


def naughty_names(shared_data: Path) -> list[str]:
    """Strings that broke something somewhere, without NUL, which no text in PostgreSQL has."""
    strings = json.loads((shared_data / "corpora/blns.json").read_text())["data"]
    return [string for string in strings if "\0" not in string]


def left(folder: Path) -> set[str]:
    """The names of all that is in a folder."""
    return {path.name for path in folder.iterdir()}
