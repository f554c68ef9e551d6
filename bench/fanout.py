"""A board that a thousand people follow: how long after a change the last of them has the new one, and what each costs."""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import psycopg

from bench.arena import Arena
from bench.duel import Plan, Progress
from bench.measure import connect
from bench.processes import CHECKOUT, Server
from bench.rollups import settle
from bench.subscribers import DEBOUNCE
from commands.errors import CommandError

SUBSCRIBERS = 1_000
SETTLE_SECONDS = 2.0
PUSHES = 3
"""Changes of one round; the median counts."""

# Somebody of the board completes a lab that they had not tried: their score changes, and maybe their place.
CHANGE = """
INSERT INTO attempts (organization_id, user_id, lab_id, status, completed_at, due_at, duration_seconds, score, skill_match, difficulty)
SELECT 1, t.user_id, l.id, 'SUCCEEDED', now(), now() - interval '1 day', 60, 50, 0.1, 1
FROM (
  SELECT user_id FROM user_totals_live WHERE active AND ranking_score IS NOT NULL ORDER BY ranking_score DESC LIMIT 50
) AS t CROSS JOIN labs l
WHERE NOT EXISTS (SELECT FROM attempts a WHERE a.user_id = t.user_id AND a.lab_id = l.id)
ORDER BY random() LIMIT 1
"""


def measure_fanout(arena: Arena, plan: Plan, progress: Progress) -> dict[str, float]:
    """Rounds with everybody on one document and rounds with a document for each, in turns; ms from the commit of a change,
    less the debounce that was asked for, until the last one has the new board. Memory: resident KiB of the gateway a
    subscriber, when the first thousand have come.
    """
    _allow_open_files(SUBSCRIBERS + 200)
    _, database_url = arena.own_databases
    before = arena.small.resident_bytes()
    kib = 0.0
    found: dict[str, list[float]] = {"shared": [], "own": []}
    for number in range(1, plan.rounds + 1):
        for kind, times in found.items():
            with _subscribed(arena.small, kind) as subscribers:
                time.sleep(SETTLE_SECONDS)
                kib = kib or (arena.small.resident_bytes() - before) / 1024 / SUBSCRIBERS
                # The first one finds everything cold.
                _, *pushes = (_push_ms(subscribers, database_url) for _ in range(1 + PUSHES))
                taken, size = statistics.median(taken for taken, _ in pushes), pushes[-1][1]
            times.append(taken)
            progress(f"{kind} round {number}: the last of {SUBSCRIBERS:,} had {size:,} bytes after {taken:,.0f} ms")
    with connect(database_url) as connection:
        settle(connection)
    ratio = statistics.median(own / shared for shared, own in zip(*found.values(), strict=True))
    shared, own = (statistics.median(times) for times in found.values())
    progress(f"shared {shared:.0f} ms, each for itself {own:,.0f} ms: {ratio:.0f} ×; {kib:.1f} KiB a subscriber")
    return {"fanout_speedup": ratio, "fanout_shared_ms": shared, "fanout_own_ms": own, "subscriber_kib": kib}


@contextmanager
def _subscribed(server: Server, kind: str) -> Iterator[subprocess.Popen[str]]:
    """All subscribers, each with its first answer, in a process of their own. Raises CommandError."""
    port = str(urlsplit(server.url).port)
    client = subprocess.Popen(
        (sys.executable, "-m", "bench.subscribers", port, str(SUBSCRIBERS), kind),
        cwd=CHECKOUT,
        env={**os.environ, "BENCH_TOKEN": server.token},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        _said(client)
        yield client
    finally:
        client.kill()
        client.communicate()


def _push_ms(client: subprocess.Popen[str], database_url: str) -> tuple[float, int]:
    with psycopg.connect(database_url) as connection:
        connection.execute(CHANGE)
        connection.commit()
        changed = time.monotonic()
    assert client.stdin is not None
    print(file=client.stdin, flush=True)
    said = _said(client)
    # What the change itself sets off is over before the next one.
    time.sleep(SETTLE_SECONDS)
    return (said["last"] - changed - DEBOUNCE) * 1e3, said["bytes"]


def _said(client: subprocess.Popen[str]) -> Any:
    assert client.stdout is not None
    line = client.stdout.readline()
    if not line:
        raise CommandError(f"The subscribers were cut off (exit code {client.wait()}); what they heard is above.")
    return json.loads(line)


def _allow_open_files(wanted: int) -> None:
    """For the processes that are started from here on."""
    limit, ceiling = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit != resource.RLIM_INFINITY and limit < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted if ceiling == -1 else min(wanted, ceiling), ceiling))
