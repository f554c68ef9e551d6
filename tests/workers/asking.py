"""Asks a database for one value."""

from __future__ import annotations

from typing import Any

from settings import DatabaseRole
from tests.conftest import Database


def value(database: Database, statement: str, *parameters: object, role: DatabaseRole | None = None) -> Any:
    with database.connect(role) as connection:
        row = connection.execute(statement.encode(), parameters).fetchone()
    return row[0] if row else None


def execute(database: Database, statement: str) -> None:
    with database.connect(None) as connection:
        connection.execute(statement.encode())
