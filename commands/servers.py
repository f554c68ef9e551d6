"""The servers of a command: those of DATABASE_URL and REDIS_URL, or the embedded ones of the data directory."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import psycopg
from sqlalchemy.exc import ProgrammingError

from commands.errors import CommandError
from db.embedded import ADMIN, AlreadyRunning, Embedded, Endpoints, grant_logins, read_endpoints
from db.engine import place_of
from db.migrate import migrate, status_at
from settings import DatabaseRole, Settings

JOIN_SECONDS = 60.0
"""How long another process may take to start the embedded servers of our data directory."""

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Servers:
    """Where the servers are. ``owner_url`` is of a login that may migrate; URLs hold passwords and are not shown."""

    settings: Settings
    owner_url: str = field(repr=False)
    endpoints: Endpoints | None = None
    """The embedded servers; None where PostgreSQL is somebody else's."""

    def settings_for(self, role: DatabaseRole) -> Settings:
        """The settings of a process with this role. A login that is another role takes it on when it connects."""
        if self.endpoints is None:
            return self.settings
        redis_url = self.settings.redis_url or self.endpoints.redis_url
        return self.settings.model_copy(
            update={"database_url": self.endpoints.database_urls[role], "redis_url": redis_url}
        )


@contextmanager
def ready_servers(settings: Settings, progress: Progress = lambda line: None) -> Iterator[Servers]:
    """The servers with a database of this version.

    Somebody else's database is only looked at: migrating it is for `scoregraph migrate`. Ours is migrated.
    Raises CommandError, EmbeddedError, MigrationError and what connecting raises.
    """
    with found_servers(settings, progress) as servers:
        if servers.endpoints is None:
            require_current(servers.owner_url)
        yield servers


@contextmanager
def found_servers(settings: Settings, progress: Progress = lambda line: None) -> Iterator[Servers]:
    """The servers, whatever is in somebody else's database."""
    if settings.database_url is not None:
        yield Servers(settings, settings.database_url)
        return
    endpoints = read_endpoints(settings.data_dir)
    if endpoints is None:
        embedded = Embedded(settings.data_dir, progress=progress)
        try:
            endpoints = embedded.start()
        except AlreadyRunning:
            # Another process was a moment faster.
            endpoints = _endpoints_soon(settings)
            if endpoints is None:
                raise
        else:
            try:
                yield prepared(settings, endpoints, progress)
            finally:
                embedded.stop()
            return
    wait_for_logins(endpoints)
    yield Servers(settings, endpoints.database_urls[ADMIN], endpoints)


def prepared(settings: Settings, endpoints: Endpoints, progress: Progress) -> Servers:
    """Brings embedded servers that this process has just started to the newest version and lets the roles log in."""
    migrate(endpoints.database_urls[ADMIN], progress)
    grant_logins(endpoints)
    return Servers(settings, endpoints.database_urls[ADMIN], endpoints)


def require_current(database_url: str) -> None:
    """Raises CommandError where the database was not migrated to this version."""
    try:
        status = status_at(database_url)
    except ProgrammingError as error:
        if isinstance(error.orig, psycopg.errors.InsufficientPrivilege):
            return  # a login of the API alone may not look
        raise
    if not status.is_current:
        raise CommandError(
            f"The database at {place_of(database_url)} is at revision {status.current or 'none'}, "
            f"this is {status.newest}: run `scoregraph migrate` first."
        )


def wait_for_logins(endpoints: Endpoints) -> None:
    """Waits until whoever runs the embedded servers has migrated them: the logins are given after that."""
    deadline = time.monotonic() + JOIN_SECONDS
    while True:
        try:
            psycopg.connect(endpoints.database_urls[DatabaseRole.API]).close()
            return
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def _endpoints_soon(settings: Settings) -> Endpoints | None:
    """The endpoints of an instance that another process is starting; None if it does not come up."""
    deadline = time.monotonic() + JOIN_SECONDS
    while time.monotonic() < deadline:
        if endpoints := read_endpoints(settings.data_dir):
            return endpoints
        time.sleep(0.1)
    return None
