"""Brings a database to the newest version: roles first, then the migrations, one migrator at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import NullPool

from db.engine import sqlalchemy_url
from db.migrations.files import run_script
from settings import DatabaseRole

HERE = Path(__file__).parent
SUPPORTED_MAJORS = (16, 17, 18)
CONNECT_SECONDS = 5


class MigrationError(Exception):
    """The database cannot be migrated; the message says why and what to do."""


@dataclass(frozen=True)
class MigrationStatus:
    """The revision that a database is at (None: never migrated) and the newest one of this code."""

    current: str | None
    newest: str

    @property
    def is_current(self) -> bool:
        return self.current == self.newest


def migration_config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(HERE / "migrations"))
    config.attributes["connection"] = connection
    return config


@cache
def newest_revision() -> str:
    head = ScriptDirectory.from_config(migration_config()).get_current_head()
    assert head is not None
    return head


@cache
def known_revisions() -> frozenset[str]:
    return frozenset(script.revision for script in ScriptDirectory.from_config(migration_config()).walk_revisions())


def status_of(connection: Connection) -> MigrationStatus:
    return MigrationStatus(MigrationContext.configure(connection).get_current_revision(), newest_revision())


def status_at(database_url: str) -> MigrationStatus:
    """The status of the database at a URL."""
    engine = create_engine(
        sqlalchemy_url(database_url), poolclass=NullPool, connect_args={"connect_timeout": CONNECT_SECONDS}
    )
    try:
        with engine.connect() as connection:
            return status_of(connection)
    finally:
        engine.dispose()


def migrate(database_url: str, progress: Callable[[str], None] = lambda line: None) -> MigrationStatus:
    """Creates the roles where they are missing and runs the migrations that are due.

    ``database_url`` must be of a login that may create roles, or that is a member of all three. A second migrator waits
    on an advisory lock; statements wait at most 5 s for a lock that readers hold, so a busy database is never blocked.
    Raises MigrationError for an unsupported server or a database that is newer than this code.
    """
    engine = create_engine(
        sqlalchemy_url(database_url), poolclass=NullPool, connect_args={"connect_timeout": CONNECT_SECONDS}
    )
    try:
        with engine.connect() as connection:
            major = connection.dialect.server_version_info[0] if connection.dialect.server_version_info else 0
            if major not in SUPPORTED_MAJORS:
                raise MigrationError(f"PostgreSQL {major} is not supported; use 16, 17 or 18.")
            connection.execute(text("SELECT pg_advisory_lock(hashtext('scoregraph.migrate'))"))
            connection.execute(text("SET lock_timeout = '5s'"))
            before = status_of(connection)
            if before.current is not None and before.current not in known_revisions():
                raise MigrationError(
                    f"The database is at revision {before.current}, which this version does not know: "
                    "it was migrated by a newer Scoregraph. Install that version or restore a backup."
                )
            if before.is_current:
                return before
            progress(f"Migrating the database from {before.current or 'empty'} to {before.newest} …")
            run_script(connection, HERE / "roles.sql")
            connection.execute(text(f"SET ROLE {DatabaseRole.OWNER}"))
            connection.commit()
            command.upgrade(migration_config(connection), "head")
            connection.commit()
            return status_of(connection)
    finally:
        engine.dispose()
