"""Rows that came as JSON, as rows of the database: so they are typed and written like all others."""

from __future__ import annotations

from collections.abc import Sequence

TYPES = {
    "text": "text",
    "integer": "bigint",
    "decimal": "double precision",
    "flag": "boolean",
    "instant": "timestamptz",
    "date": "date",
}


def rows_sql(kinds: Sequence[str]) -> str:
    """Of $1, a JSON array of rows, each an array of values of these kinds. What is no scalar is shown as JSON."""
    values = ", ".join(f"CAST(line ->> {place} AS {TYPES[kind]})" for place, kind in enumerate(kinds))
    return f"SELECT {values} FROM jsonb_array_elements(CAST(CAST($1 AS text) AS jsonb)) WITH ORDINALITY AS page (line, place) ORDER BY place"
