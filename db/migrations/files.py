"""Reads the frozen SQL that migrations are made of. A file that has landed never changes; its successor is a new one."""

from pathlib import Path

from alembic import op
from sqlalchemy import Connection

DB = Path(__file__).parent.parent


def run_script(connection: Connection, path: Path) -> None:
    """Runs a file of SQL as it stands."""
    run_text(connection, path.read_text())


def run_text(connection: Connection, text: str) -> None:
    """Runs SQL as it stands; the driver takes it without parameters, so that % and : are literal."""
    driver_connection = connection.connection.driver_connection
    assert driver_connection is not None
    driver_connection.execute(text)


def run_sql_file(name: str) -> None:
    """Runs ``db/migrations/sql/<name>.sql``."""
    run_script(op.get_bind(), DB / "migrations" / "sql" / f"{name}.sql")


def create_view(name: str) -> None:
    """Runs ``db/views/<name>.sql``, where ``name`` ends in its version (``_v01``)."""
    run_script(op.get_bind(), DB / "views" / f"{name}.sql")
