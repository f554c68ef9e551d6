"""Load by wrk: different bodies in turn over some connections, from one thread of one process."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.processes import Server, backend_seconds
from commands.errors import CommandError

SCRIPT = Path(__file__).with_suffix(".lua")
PATIENCE = 60
"""Seconds after which an answer counts as failed."""


@dataclass(frozen=True)
class Load:
    """What one run measured. Times are ms; ``answer_bytes`` is the mean of head and body together. CPU times are those of
    the server's process and of the database's processes, per request.
    """

    requests: int
    per_second: float
    mean_ms: float
    p50_ms: float
    p99_ms: float
    answer_bytes: float
    cpu_ms: float
    database_cpu_ms: float


class LoadFailed(CommandError):
    """Answers failed under load: what was measured means nothing."""


def require_wrk() -> str:
    """Raises CommandError."""
    found = shutil.which("wrk")
    if found is None:
        raise CommandError("The load comes from wrk, which is not here: `apt-get install wrk` or `brew install wrk`.")
    return found


def load(server: Server, bodies: Sequence[bytes], connections: int, seconds: int, expected_bytes: float) -> Load:
    """Raises LoadFailed where answers failed, or were not of the size that right ones have (an error is an answer, too)."""
    with TemporaryDirectory(prefix="scoregraph-bench-") as folder:
        path = Path(folder) / "bodies"
        path.write_bytes(b"\n".join(bodies) + b"\n")
        command = (require_wrk(), "-t1", f"-c{connections}", f"-d{seconds}s", f"--timeout={PATIENCE}s", "-s", SCRIPT)
        environment = {**os.environ, "BENCH_BODIES": str(path), "BENCH_TOKEN": server.token}
        cpu, backends = server.cpu_seconds(), backend_seconds(server.database_url)
        done = subprocess.run((*command, server.url), env=environment, capture_output=True, text=True, check=False)
        cpu = server.cpu_seconds() - cpu
        # Of those that ended meanwhile nothing is known.
        database_cpu = sum(used - backends.get(pid, 0.0) for pid, used in backend_seconds(server.database_url).items())
    if done.returncode or not done.stdout.strip():
        raise LoadFailed(f"wrk failed: {done.stderr.strip() or done.stdout.strip()}")
    said = json.loads(done.stdout.strip().splitlines()[-1])
    requests = said["requests"]
    if said["failures"] or not requests:
        raise LoadFailed(f"{server.name}: {said['failures']} of {requests} requests failed under load.")
    found = Load(
        requests=requests,
        per_second=requests / (said["microseconds"] / 1e6),
        mean_ms=said["mean_us"] / 1e3,
        p50_ms=said["p50_us"] / 1e3,
        p99_ms=said["p99_us"] / 1e3,
        answer_bytes=said["bytes"] / requests,
        cpu_ms=cpu / requests * 1e3,
        database_cpu_ms=database_cpu / requests * 1e3,
    )
    if not 0.8 < found.answer_bytes / expected_bytes < 1.25:
        raise LoadFailed(
            f"{server.name}: answers under load have {found.answer_bytes:,.0f} bytes on average, right ones {expected_bytes:,.0f}."
        )
    return found
