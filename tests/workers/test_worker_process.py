"""The worker as a process: told to stop, killed, and cut off from its database."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from tests.commanding import start_scoregraph
from tests.conftest import Database, Servers
from tests.workers.asking import execute, value

Start = Callable[..., "subprocess.Popen[str]"]
PENDING = "SELECT count(*) FROM attempt_deltas"
FINISHED = "SELECT count(*) FROM attempts WHERE status <> 'STARTED' AND deleted_at IS NULL"
CUT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'scoregraph worker'"
MORE = """
INSERT INTO attempts (organization_id, user_id, lab_id, status, completed_at)
SELECT u.organization_id, u.id, l.id, 'FAILED', timestamptz '2026-04-01 00:00Z' + n * interval '1 hour'
FROM users u JOIN labs l USING (organization_id), generate_series(1, 50) AS n
"""


@pytest.fixture
def start(school: Database, servers: Servers, tmp_path: Path) -> Iterator[Start]:
    started: list[subprocess.Popen[str]] = []

    def start(*options: str) -> subprocess.Popen[str]:
        process = start_scoregraph(
            tmp_path / "data",
            "worker",
            *options,
            DATABASE_URL=school.url,
            REDIS_URL=servers.redis_url,
            SCOREGRAPH_FOLD_SECONDS="0.05",
        )
        started.append(process)
        assert process.stderr
        assert any("worker_started" in line for line in process.stderr)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def wait_until_folded(school: Database, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while value(school, PENDING):
        assert time.monotonic() < deadline, "the changes are still pending"
        time.sleep(0.05)


def stopped(process: subprocess.Popen[str], number: signal.Signals | None = signal.SIGTERM) -> str:
    """Sends the signal, waits, and gives what the process has logged. Without a signal its standard input ends."""
    if number is not None:
        process.send_signal(number)
    _, log = process.communicate(timeout=30)
    assert process.returncode == 0, log
    assert '"event":"worker_stopped"' in log
    return log


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_works_until_told_to_stop(number: signal.Signals, start: Start, school: Database) -> None:
    process = start()
    wait_until_folded(school)
    log = stopped(process, number)
    assert "Traceback" not in log
    assert value(school, "SELECT sum(attempts) FROM user_totals") == value(school, FINISHED)


def test_ends_with_whoever_holds_its_standard_input(start: Start, school: Database) -> None:
    process = start("--until-eof")
    wait_until_folded(school)
    assert process.poll() is None
    stopped(process, None)


def test_killed_in_the_middle_nothing_is_lost_or_counted_twice(start: Start, school: Database) -> None:
    for _ in range(2):
        process = start()
        wait_until_folded(school)
        execute(school, MORE)  # 900 changes: the next poll is in the middle of them
        time.sleep(0.06)
        process.kill()
        process.communicate()
    survivors = [start(), start()]
    wait_until_folded(school)
    for process in survivors:
        stopped(process)
    assert value(school, "SELECT sum(attempts) FROM user_totals") == value(school, FINISHED)
    assert value(school, "SELECT sum(attempts) FROM lab_days") == value(school, FINISHED)


def test_recovers_when_its_connections_are_cut(start: Start, school: Database) -> None:
    process = start()
    wait_until_folded(school)
    execute(school, CUT)
    execute(school, MORE)
    wait_until_folded(school)
    stopped(process)


def test_waits_for_a_database_that_refuses_connections(start: Start, school: Database, servers: Servers) -> None:
    process = start()
    wait_until_folded(school)
    name = value(school, "SELECT current_database()")
    with school.connect(None) as inside, psycopg.connect(servers.admin_url, autocommit=True) as outside:
        outside.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false".encode())
        inside.execute(CUT.encode())
        inside.execute(MORE.encode())
        time.sleep(1)
        assert process.poll() is None
        outside.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true".encode())
    wait_until_folded(school)
    assert '"event":"job_recovered"' in stopped(process)
