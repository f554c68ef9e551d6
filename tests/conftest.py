"""Real servers for every test: PostgreSQL and Valkey from wheels, one migrated database copied for each test module.

``SCOREGRAPH_TEST_DATABASE_URL`` (a superuser login) runs the suite on another PostgreSQL server instead, for example 16.
"""

from __future__ import annotations

import io
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from shutil import disk_usage, rmtree

import psycopg
import pytest
import structlog
from sqlalchemy import make_url

from db.embedded import Embedded
from db.migrate import migrate
from logs import configure_logging
from settings import DatabaseRole

# In memory, where there is enough of it: on a disk, databases take ten times as long to go as they do there.
MEMORY, ROOM = Path("/dev/shm"), 8 * 1024**3
if MEMORY.is_dir() and disk_usage(MEMORY).free >= ROOM:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))

TEMPLATE = f"scoregraph_template_{os.getpid()}"
OTHER_SERVER = "SCOREGRAPH_TEST_DATABASE_URL"


@dataclass(frozen=True)
class Servers:
    """Where the test servers listen; ``admin_url`` is a superuser login."""

    admin_url: str
    redis_url: str


@dataclass(frozen=True)
class Database:
    """One migrated database of its own."""

    url: str

    def connect(self, role: DatabaseRole | None = DatabaseRole.OWNER) -> psycopg.Connection[tuple[object, ...]]:
        """A new autocommit connection as a role; None stays the superuser."""
        options = "-c timezone=UTC" + (f" -c role={role}" if role else "")
        return psycopg.connect(self.url, options=options, autocommit=True)


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    folder = tmp_path_factory.mktemp("servers")
    embedded = Embedded(folder / "data", durable=False)
    endpoints = embedded.start()
    try:
        yield Servers(os.environ.get(OTHER_SERVER) or endpoints.database_urls["admin"], endpoints.redis_url)
    finally:
        embedded.stop()
        rmtree(folder)


@pytest.fixture(scope="session")
def template(servers: Servers) -> str:
    """The name of a migrated, empty database that others are copied from."""
    with psycopg.connect(servers.admin_url, autocommit=True) as admin:
        admin.execute(f"DROP DATABASE IF EXISTS {TEMPLATE} WITH (FORCE)")
        admin.execute(f"CREATE DATABASE {TEMPLATE}")
    migrate(make_url(servers.admin_url).set(database=TEMPLATE).render_as_string(hide_password=False))
    return TEMPLATE


_numbers = count(1)


@contextmanager
def _making_databases(servers: Servers, template: str) -> Iterator[Callable[[], Database]]:
    """Gives a function that makes another migrated, empty database; at the end they go, as the disk is not endless."""
    made: list[str] = []

    def make() -> Database:
        name = f"scoregraph_test_{os.getpid()}_{next(_numbers)}"
        with psycopg.connect(servers.admin_url, autocommit=True) as admin:
            # Copied as files: without fsync that takes a third of the time of writing each page to the log.
            admin.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        made.append(name)
        return Database(make_url(servers.admin_url).set(database=name).render_as_string(hide_password=False))

    yield make
    with psycopg.connect(servers.admin_url, autocommit=True) as admin:
        for name in made:
            admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture(scope="module")
def new_database(servers: Servers, template: str) -> Iterator[Callable[[], Database]]:
    """Makes another migrated, empty database, which lasts as long as the tests of the module."""
    with _making_databases(servers, template) as make:
        yield make


@pytest.fixture(scope="session")
def new_lasting_database(servers: Servers, template: str) -> Iterator[Callable[[], Database]]:
    """Makes another migrated, empty database for the tests of several modules."""
    with _making_databases(servers, template) as make:
        yield make


@pytest.fixture(scope="module")
def database(new_database: Callable[[], Database]) -> Database:
    """A migrated, empty database for the tests of one module."""
    return new_database()


@pytest.fixture
def log_stream() -> Iterator[io.StringIO]:
    """What this process logs, as lines of JSON."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    stream = io.StringIO()
    configure_logging("INFO", "json", stream)
    structlog.configure(cache_logger_on_first_use=False)
    yield stream
    root.handlers = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The data sets that live beside the project; tests that need them skip where they are absent."""
    path = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not path.is_dir():
        pytest.skip("the shared data sets are not on this machine")
    return path
