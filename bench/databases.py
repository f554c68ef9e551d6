"""The databases that are measured on: seeded once, kept in a data directory of embedded servers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from sqlalchemy import make_url

from bench.measure import connect, new_database
from bench.seed import Progress, seed
from commands.errors import CommandError
from commands.servers import found_servers
from db.migrate import migrate
from settings import Settings

LARGE, SMALL = "bench_large", "bench_small"
SMALL_SHARE = 10
"""The small one has a tenth of the attempts of the large one, of the same people at labs of the same topics."""


@dataclass(frozen=True)
class Databases:
    """URLs of a superuser; ``small`` may be missing where the large one is somebody else's."""

    large: str = field(repr=False)
    small: str | None = field(default=None, repr=False)
    redis_url: str | None = field(default=None, repr=False)


def seed_databases(data_dir: Path, attempts: int, progress: Progress) -> None:
    """Makes what is missing; what is there is kept. An interrupted seeding is begun anew."""
    with _servers(data_dir) as (admin_url, _):
        for name, size, tries in ((LARGE, attempts, 5), (SMALL, attempts // SMALL_SHARE, 1)):
            if not _exists(admin_url, name):
                with psycopg.connect(admin_url, autocommit=True) as admin:
                    admin.execute(f"DROP DATABASE IF EXISTS {name}_unfinished")
                with connect(new_database(admin_url, f"{name}_unfinished")) as connection:
                    seed(connection, size, most_tries=tries, progress=_of(name, progress))
                with psycopg.connect(admin_url, autocommit=True) as admin:
                    admin.execute(f"ALTER DATABASE {name}_unfinished RENAME TO {name}")


@contextmanager
def kept_databases(data_dir: Path) -> Iterator[Databases]:
    """Those that ``seed_databases`` has made, brought to this version. Raises CommandError where they are not there."""
    if not data_dir.is_dir():
        raise CommandError(f"There are no seeded databases in {data_dir}: run `scoregraph bench seed` first.")
    with _servers(data_dir) as (admin_url, redis_url):
        if not (_exists(admin_url, LARGE) and _exists(admin_url, SMALL)):
            raise CommandError(f"The databases in {data_dir} are not seeded: run `scoregraph bench seed` first.")
        large, small = _url(admin_url, LARGE), _url(admin_url, SMALL)
        for url in (large, small):
            migrate(url)
            # As they are when nobody has written for a while, whatever was measured before.
            with psycopg.connect(url, autocommit=True) as admin:
                admin.execute("VACUUM (ANALYZE)")
        yield Databases(large, small, redis_url)


@contextmanager
def _servers(data_dir: Path) -> Iterator[tuple[str, str]]:
    """The superuser's URL and the Redis URL of the embedded servers, started if nobody runs them."""
    with found_servers(Settings(database_url=None, redis_url=None, data_dir=data_dir)) as servers:
        assert servers.endpoints is not None
        yield servers.owner_url, servers.endpoints.redis_url


def _of(name: str, progress: Progress) -> Progress:
    return lambda step, done, total: progress(f"{name}: {step}", done, total)


def _exists(admin_url: str, name: str) -> bool:
    with psycopg.connect(admin_url) as admin:
        return admin.execute("SELECT FROM pg_database WHERE datname = %s", (name,)).fetchone() is not None


def _url(admin_url: str, name: str) -> str:
    return make_url(admin_url).set(database=name).render_as_string(hide_password=False)
