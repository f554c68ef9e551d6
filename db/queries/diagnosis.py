"""What the doctor asks a database, as whoever DATABASE_URL logs in as."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import class_row

from db.consumer_health import CONSUMERS
from settings import DatabaseRole

SERVER = """
SELECT current_setting('server_version_num')::integer / 10000 AS major, current_setting('server_version') AS version,
  clock_timestamp() AS clock
"""
ROLES = """
SELECT wanted.name, r.rolname IS NOT NULL AS exists, coalesce(r.rolsuper, false) AS is_superuser,
  coalesce(r.rolbypassrls, false) AS bypasses_security
FROM unnest(%(names)s::text[]) AS wanted (name) LEFT JOIN pg_roles r ON r.rolname = wanted.name
"""
UNGUARDED_TABLES = """
SELECT relname FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND relname <> 'alembic_version'
  AND NOT (relrowsecurity AND relforcerowsecurity)
ORDER BY relname
"""
EXTENSIONS = "SELECT extname FROM pg_extension WHERE extname <> 'plpgsql' ORDER BY extname"
WORKERS = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'scoregraph worker' AND datname = current_database()"
PENDING = "SELECT count(*) FROM attempt_deltas"
VIEWS = """
SELECT name, refreshed_at, extract(epoch FROM clock_timestamp() - refreshed_at)::float8 AS age_seconds, last_error
FROM view_refreshes ORDER BY name
"""

DEAD_LETTERS = "SELECT count(*) FROM dead_letters WHERE failed_at IS NOT NULL"
FAILED_JOBS = "SELECT count(*) FROM jobs.procrastinate_jobs WHERE status = 'failed'"


@dataclass(frozen=True, slots=True)
class ServerRow:
    """The server's version and its clock."""

    major: int
    version: str
    clock: datetime


@dataclass(frozen=True, slots=True)
class RoleRow:
    """One of our roles, and whether it could get round row security."""

    name: str
    exists: bool
    is_superuser: bool
    bypasses_security: bool


@dataclass(frozen=True, slots=True)
class ViewRow:
    """How old a materialized view is."""

    name: str
    refreshed_at: datetime | None
    age_seconds: float | None
    last_error: str | None


@dataclass(frozen=True, slots=True)
class ConsumerRow:
    """For how long nobody has listened to a topic of events, and for how long the oldest event of it waits."""

    topic: str
    silent_seconds: float
    waiting_seconds: float


Connection = psycopg.Connection[Any]


def get_server(connection: Connection) -> ServerRow:
    with connection.cursor(row_factory=class_row(ServerRow)) as cursor:
        row = cursor.execute(SERVER).fetchone()
    assert row is not None
    return row


def list_roles(connection: Connection) -> list[RoleRow]:
    with connection.cursor(row_factory=class_row(RoleRow)) as cursor:
        return cursor.execute(ROLES, {"names": list(DatabaseRole)}).fetchall()


def list_unguarded_tables(connection: Connection) -> list[str]:
    """Tables whose row security is not forced: their owner would see everything."""
    return [str(row[0]) for row in connection.execute(UNGUARDED_TABLES)]


def list_foreign_extensions(connection: Connection) -> list[str]:
    return [str(row[0]) for row in connection.execute(EXTENSIONS)]


def count_workers(connection: Connection) -> int:
    """Connections that workers hold to this database."""
    return _number(connection, WORKERS)


def count_pending(connection: Connection) -> int:
    return _number(connection, PENDING)


def list_views(connection: Connection) -> list[ViewRow]:
    with connection.cursor(row_factory=class_row(ViewRow)) as cursor:
        return cursor.execute(VIEWS).fetchall()


def list_consumers(connection: Connection) -> list[ConsumerRow]:
    with connection.cursor(row_factory=class_row(ConsumerRow)) as cursor:
        return cursor.execute(CONSUMERS).fetchall()


def count_dead_letters(connection: Connection) -> int:
    return _number(connection, DEAD_LETTERS)


def count_failed_jobs(connection: Connection) -> int:
    """Of the last week."""
    return _number(connection, FAILED_JOBS)


def _number(connection: Connection, statement: str) -> int:
    row = connection.execute(statement.encode()).fetchone()
    assert row is not None
    return int(row[0])
