"""Jobs through the queue, from being asked for in one transaction until the last one has succeeded."""

from __future__ import annotations

import statistics
import time

from bench.duel import Progress
from bench.measure import connect, new_database, servers
from bench.seed import Connection
from bench.worker import wait_until, worker

ASK = "SELECT enqueue_job('maintenance', %s, '{}') FROM generate_series(1, %s)"
LEFT = "SELECT count(*) FROM jobs.procrastinate_jobs WHERE queue_name = 'maintenance' AND status IN ('todo', 'doing')"
FAILED = "SELECT count(*) FROM jobs.procrastinate_jobs WHERE status IN ('failed', 'cancelled', 'aborted')"

SMALL = "maintenance:unpark"
"""A job that asks the database once: it looks for attempts that wait, and finds none."""


def measure_jobs(rounds: int, size: int, progress: Progress) -> dict[str, float]:
    """On servers of its own, by one worker with its own defaults."""
    with servers() as (admin_url, redis_url):
        url = new_database(admin_url, "bench_jobs")
        with connect(url) as admin, worker(url, redis_url, says="worker_started", queues="maintenance"):
            wait_until(lambda: not _left(admin))  # what was due
            small = []
            for number in range(rounds + 1):
                progress(f"small jobs, round {number} …")
                small.append(_per_second(admin, size))
            assert admin.execute(FAILED).fetchone() == (0,), "jobs have failed"
    # The first round warms up.
    return {"jobs_small_per_s": statistics.median(small[1:])}


def _left(admin: Connection) -> int:
    row = admin.execute(LEFT).fetchone()
    assert row is not None
    return int(row[0])


def _per_second(admin: Connection, size: int) -> float:
    started = time.perf_counter()
    admin.execute(ASK, (SMALL, size))
    wait_until(lambda: not _left(admin))
    return size / (time.perf_counter() - started)
