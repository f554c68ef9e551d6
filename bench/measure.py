"""Stop-watches: medians of interleaved rounds, on servers of their own."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
from sqlalchemy import make_url

from bench.seed import Connection
from db.embedded import ADMIN, Embedded
from db.migrate import migrate


@contextmanager
def servers() -> Iterator[tuple[str, str]]:
    """Embedded servers with durable settings, gone afterwards: the superuser's URL and the Redis URL."""
    with TemporaryDirectory(prefix="scoregraph-bench-") as folder:
        embedded = Embedded(Path(folder) / "data")
        endpoints = embedded.start()
        try:
            yield endpoints.database_urls[ADMIN], endpoints.redis_url
        finally:
            embedded.stop()


def new_database(admin_url: str, name: str) -> str:
    """The URL of a migrated, empty database."""
    with psycopg.connect(admin_url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
    url = make_url(admin_url).set(database=name).render_as_string(hide_password=False)
    migrate(url)
    return url


def connect(url: str) -> Connection:
    return psycopg.connect(url, autocommit=True, options="-c jit=off -c timezone=UTC")


def seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def medians(*contenders: Callable[[], float], rounds: int = 5) -> list[float]:
    """Each contender's median seconds over interleaved rounds; the first round warms up and does not count."""
    times: list[list[float]] = [[] for _ in contenders]
    for number in range(rounds + 1):
        for found, contender in zip(times, contenders, strict=True):
            taken = contender()
            if number:
                found.append(taken)
    return [statistics.median(found) for found in times]
