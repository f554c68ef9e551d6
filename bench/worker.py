"""A worker that is measured: a process of its own that ends with the measurement."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from bench.processes import CHECKOUT, START_SECONDS
from commands.errors import CommandError

MOST_SECONDS = 120.0


@contextmanager
def worker(database_url: str, redis_url: str, *, says: str, queues: str | None = None) -> Iterator[psutil.Process]:
    """Ours, with its own defaults, once its log says that. Raises CommandError with the end of what it said otherwise."""
    command = [sys.executable, "-m", "cli", "worker", *(("--queues", queues) if queues else ())]
    inherited = {key: value for key, value in os.environ.items() if key not in ("KAFKA_BROKERS", "WORKER_PORT")}
    environment = {**inherited, "DATABASE_URL": database_url, "REDIS_URL": redis_url}
    with TemporaryDirectory(prefix="scoregraph-bench-") as folder:
        log = Path(folder) / "log"
        with log.open("w") as written:
            child = subprocess.Popen(command, cwd=CHECKOUT, env=environment, stdout=written, stderr=written)
        try:
            deadline = time.monotonic() + START_SECONDS
            while says not in log.read_text():
                if child.poll() is not None or time.monotonic() > deadline:
                    raise CommandError(f"The worker did not start: {log.read_text()[-2000:]}")
                time.sleep(0.005)
            yield psutil.Process(child.pid)
        finally:
            child.terminate()
            try:
                child.wait(40)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def wait_until(done: Callable[[], bool]) -> None:
    """Raises CommandError after MOST_SECONDS."""
    deadline = time.monotonic() + MOST_SECONDS
    while not done():
        if time.monotonic() > deadline:
            raise CommandError(f"The worker has not come to an end after {MOST_SECONDS:.0f} seconds.")
        time.sleep(0.01)
