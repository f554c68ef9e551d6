"""Real servers for every test: PostgreSQL and Valkey from wheels, one migrated database copied for each test module.

``SCOREGRAPH_TEST_DATABASE_URL`` (a superuser login) runs the suite on another PostgreSQL server instead, for example 16.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from db.embedded import Embedded
from db.migrate import migrate
from settings import DatabaseRole

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
    embedded = Embedded(tmp_path_factory.mktemp("servers") / "data", durable=False)
    endpoints = embedded.start()
    try:
        yield Servers(os.environ.get(OTHER_SERVER) or endpoints.database_urls["admin"], endpoints.redis_url)
    finally:
        embedded.stop()


@pytest.fixture(scope="session")
def template(servers: Servers) -> str:
    """The URL of a migrated, empty database that others are copied from."""
    with psycopg.connect(servers.admin_url, autocommit=True) as admin:
        admin.execute(f"DROP DATABASE IF EXISTS {TEMPLATE} WITH (FORCE)")
        admin.execute(f"CREATE DATABASE {TEMPLATE}")
    url = make_url(servers.admin_url).set(database=TEMPLATE).render_as_string(hide_password=False)
    migrate(url)
    return url


_numbers = count(1)


@pytest.fixture(scope="session")
def new_database(servers: Servers, template: str) -> Iterator[object]:
    """Gives a function that makes another migrated, empty database."""
    made: list[str] = []

    def make() -> Database:
        name = f"scoregraph_test_{os.getpid()}_{next(_numbers)}"
        with psycopg.connect(servers.admin_url, autocommit=True) as admin:
            admin.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
        made.append(name)
        return Database(make_url(servers.admin_url).set(database=name).render_as_string(hide_password=False))

    yield make
    if OTHER_SERVER in os.environ:
        with psycopg.connect(servers.admin_url, autocommit=True) as admin:
            for name in made:
                admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture(scope="module")
def database(new_database) -> Database:  # type: ignore[no-untyped-def]
    """A migrated, empty database for the tests of one module."""
    return new_database()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The data sets that live beside the project; tests that need them skip where they are absent."""
    path = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not path.is_dir():
        pytest.skip("the shared data sets are not on this machine")
    return path
