"""Attempts that come as events through Redis Streams, until the rollups hold them."""

from __future__ import annotations

import random
import statistics
import time
from datetime import UTC, datetime, timedelta

import orjson
from redis import Redis

from bench.duel import Progress
from bench.measure import connect, new_database, servers
from bench.processes import cpu_seconds
from bench.seed import LABS, PEOPLE, ROSTER, Connection
from bench.worker import wait_until, worker

STREAM = "lab-events"
PIPELINED = 1_000
BACKLOG = 10_000

# What the rollups hold, and what waits to be folded into them.
FOLDED = "SELECT coalesce(sum(attempts), 0) FROM user_totals"


def measure_events(rounds: int, size: int, progress: Progress) -> dict[str, float]:
    """On servers of its own: events that wait for a worker, then ``size`` in each round while it runs."""
    with servers() as (admin_url, redis_url):
        url = new_database(admin_url, "bench_events")
        with connect(url) as admin, Redis.from_url(redis_url) as redis:
            admin.execute(ROSTER)
            admin.execute("VACUUM ANALYZE")
            chance = random.Random(7)
            progress("a backlog …")
            _add(redis, chance, 0, BACKLOG)
            with worker(url, redis_url, says="listening_to_events") as process:
                drained = _seconds_until_folded(admin, BACKLOG)
                total, rates, busy = BACKLOG, [], []
                for number in range(rounds + 1):
                    progress(f"round {number} …")
                    spent = cpu_seconds(process)
                    started = time.perf_counter()
                    _add(redis, chance, total, size)
                    total += size
                    _seconds_until_folded(admin, total)
                    # The first round warms up.
                    if number:
                        rates.append(size / (time.perf_counter() - started))
                        busy.append(1e6 * (cpu_seconds(process) - spent) / size)
            left = redis.xlen(STREAM)
    return {
        "events_attempts_per_s": statistics.median(rates),
        "events_worker_cpu_us": statistics.median(busy),
        "events_backlog_s": drained,
        "events_left_in_stream": float(left),
    }


def _seconds_until_folded(admin: Connection, total: int) -> float:
    started = time.perf_counter()

    def folded() -> bool:
        row = admin.execute(FOLDED).fetchone()
        return row is not None and int(row[0]) >= total

    wait_until(folded)
    return time.perf_counter() - started


def _add(redis: Redis, chance: random.Random, first: int, size: int) -> None:
    for begin in range(first, first + size, PIPELINED):
        pipeline = redis.pipeline(transaction=False)
        for number in range(begin, min(begin + PIPELINED, first + size)):
            pipeline.xadd(STREAM, {"event": _event(chance, number)})
        pipeline.execute()


def _event(chance: random.Random, number: int) -> bytes:
    completed = datetime.now(UTC) - timedelta(days=100) + timedelta(seconds=number)
    return orjson.dumps(
        {
            "id": str(number),
            "type": "AttemptRecorded",
            "time": datetime.now(UTC).isoformat(),
            "organization": "bench",
            "data": {
                "attemptId": number,
                "userId": f"u{chance.randrange(1, PEOPLE + 1)}",
                "labType": f"l{chance.randrange(1, LABS + 1)}",
                "success": chance.random() < 0.6,
                "completedAt": completed.isoformat(),
                "completionTimeSeconds": 300.0,
                "score": 70.0,
                "skillMatch": 0.5,
                "hintsUsed": 1,
                "errors": ["E1"] if number % 3 == 0 else [],
            },
        }
    )
