"""The worker as a process: told to stop, killed, and cut off from its database."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psycopg
import pytest
from croniter import croniter

from tests.commanding import complaint, scoregraph, start_scoregraph
from tests.conftest import Database, Servers
from tests.workers.asking import execute, value
from workers.schedule import LATEST_SECONDS, SCHEDULE

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


# Jobs

KINDS = "SELECT array_agg(DISTINCT task) FROM jobs.runs WHERE status = 'SUCCEEDED'"
ONCE = """
SELECT max(times) FROM (SELECT count(*) AS times FROM jobs.procrastinate_jobs GROUP BY task_name, args ->> 'timestamp') AS t
"""
CUT_ALL = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name IN ('scoregraph worker', 'scoregraph jobs')"
SILENT = "UPDATE jobs.procrastinate_workers SET last_heartbeat = now() - interval '1 minute'"


def due() -> list[str]:
    """The tasks of which at least one time lies within the last day."""
    now = time.time()
    return sorted(name for name, cron in SCHEDULE.items() if now - croniter(cron, now).get_prev(float) < LATEST_SECONDS)


DUE = due()
RUN = "SELECT jobs.ask_once('maintenance', 'maintenance:unpark', '{}', 'maintenance:unpark')"


def wait_until(school: Database, statement: str, wanted: object, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while (found := value(school, statement)) != wanted:
        assert time.monotonic() < deadline, f"{found} is not {wanted}"
        time.sleep(0.05)


def status(id: int) -> str:
    return f"SELECT status FROM jobs.runs WHERE id = {id}"


def test_does_what_is_due_once_with_several_workers(start: Start, school: Database) -> None:
    """Also what was due while none ran: the last time of each."""
    processes = [start(), start(), start()]
    wait_until(school, KINDS, DUE)
    for process in processes:
        assert "Traceback" not in stopped(process)
    assert value(school, ONCE) == 1, "each at each of its times"
    assert value(school, "SELECT count(*) FROM view_refreshes WHERE refreshed_at IS NULL") == 0


def test_works_only_at_what_it_was_told(start: Start, school: Database) -> None:
    process = start("--queues", "maintenance, exports")
    wait_until(school, KINDS, [name for name in DUE if not name.startswith("refresh:")])
    assert value(school, "SELECT queues FROM jobs.workers") == ["exports", "maintenance"]
    stopped(process)
    assert value(school, PENDING) > 0, "folding was not its work"
    assert value(school, "SELECT status FROM jobs.runs WHERE task = 'refresh:all'") == "QUEUED"
    assert value(school, "SELECT count(*) FROM jobs.workers") == 0, "it has said that it goes"


def test_killed_in_a_job_another_does_it(start: Start, school: Database) -> None:
    process = start("--queues", "maintenance")
    wait_until(school, KINDS, [name for name in DUE if not name.startswith(("refresh:", "exports:"))])
    with school.connect(None) as holding, holding.transaction():
        holding.execute("LOCK TABLE parked_attempts")
        id = value(school, RUN)
        wait_until(school, status(id), "RUNNING")
        process.kill()
        process.communicate()
        execute(school, SILENT)
    survivor = start("--queues", "maintenance")
    wait_until(school, status(id), "SUCCEEDED")
    assert value(school, f"SELECT tries FROM jobs.runs WHERE id = {id}") == 2
    assert '"event":"job_recovered_from_lost_worker"' in stopped(survivor)


def test_an_outage_leaves_jobs_and_the_log_clean(start: Start, school: Database, servers: Servers) -> None:
    process = start()
    wait_until(school, KINDS, DUE)
    name = value(school, "SELECT current_database()")
    with school.connect(None) as inside, psycopg.connect(servers.admin_url, autocommit=True) as outside:
        for _ in range(2):  # what was built up again is lost again
            outside.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false".encode())
            inside.execute(CUT_ALL.encode())
            row = inside.execute(RUN.encode()).fetchone()
            time.sleep(1)
            assert process.poll() is None
            outside.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true".encode())
            assert row
            wait_until(school, status(int(row[0])), "SUCCEEDED")
    log = stopped(process)
    assert '"event":"database_unreachable"' in log
    assert "Traceback" not in log
    assert '"level":"error"' not in log


def test_says_nothing_of_arguments(start: Start, school: Database) -> None:
    execute(school, "SELECT jobs.ask_once('maintenance', 'maintenance:unpark', '{\"whose\": \"Ben Bauer\"}', 'x')")
    process = start()
    wait_until(school, "SELECT status FROM jobs.runs ORDER BY id LIMIT 1", "FAILED")
    log = stopped(process)
    assert '"event":"job_failed"' in log
    assert "Ben Bauer" not in log
    assert all(line.startswith("{") for line in log.splitlines())


def test_says_how_it_is_and_what_it_does(start: Start, school: Database) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = start("--port", str(port))
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as http:
        wait_until(school, KINDS, DUE)
        assert http.get("/health").json() == {"status": "ok"}
        checks = http.get("/health/ready").json()["checks"]
        assert {name: check["status"] for name, check in checks.items()} == dict.fromkeys(
            ("database", "migrations", "views", "events", "ticks", "listening", "alerts"), "ok"
        )
        text = http.get("/metrics/prometheus").text
        samples = {
            line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in text.splitlines() if line[:1] != "#"
        }
        for prefix in ("analytics_worker", "reporting_worker"):
            assert samples[f'{prefix}_ticks_total{{status="success"}}'] >= 1
            assert samples[f'{prefix}_ticks_total{{status="error"}}'] == 0
            assert samples[f"{prefix}_tick_duration_seconds_count"] >= 1
        assert samples['jobs_total{status="SUCCEEDED",task="refresh:all"}'] == 1
        assert samples['job_duration_seconds_count{task="refresh:all"}'] == 1
        assert samples['jobs_waiting{queue="exports"}'] == 0
        execute(school, "SELECT enqueue_job('elsewhere', 'nothing', '{}')")
        assert 'jobs_waiting{queue="elsewhere"} 1.0' in http.get("/metrics/prometheus").text
    stopped(process)


@pytest.mark.parametrize(
    ("queues", "said"),
    [
        ("fold,nonsense", "There is no queue nonsense; the queues are fold, refresh, exports"),
        (" , ", "--queues names none of fold"),
    ],
)
def test_unknown_queues_are_a_mistake_of_usage(queues: str, said: str, tmp_path: Path) -> None:
    done = scoregraph(tmp_path / "data", "worker", "--queues", queues)
    assert done.returncode == 2
    assert complaint(done).startswith(said)
    assert not (tmp_path / "data").exists()


# Awards

MANY_AWARDS = """
INSERT INTO award_definitions (organization_id, slug, kind, name, rule, threshold, revocable)
SELECT id, 'many_' || n, 'BADGE', 'Many', 'TASKS', 1, true FROM organizations, generate_series(1, 40) AS n
"""
# A worker that waits for something that is locked.
HELD = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'scoregraph worker' AND wait_event_type = 'Lock'"
LOOKED_AT = "SELECT count(*) FROM award_marks"
EARNED = """SELECT count(*) FROM award_definitions d JOIN users u USING (organization_id)
WHERE starts_with(d.slug, 'many') AND EXISTS (SELECT FROM attempts a WHERE a.user_id = u.id AND a.counted AND a.deleted_at IS NULL)"""
GIVEN = (
    "SELECT count(*) FROM awards a JOIN award_definitions d ON d.id = a.definition_id WHERE starts_with(d.slug, 'many')"
)
TOLD = "SELECT count(*) FROM told WHERE starts_with(award, 'many')"
# What is told is published and forgotten; here it is noted first.
NOTE_TOLD = """
CREATE TABLE told (award text NOT NULL, person text NOT NULL, organization_id bigint NOT NULL, UNIQUE (award, person, organization_id));
CREATE FUNCTION note_told() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  INSERT INTO told VALUES (NEW.data ->> 'award', NEW.data ->> 'userId', NEW.organization_id);
  RETURN NULL;
END $$;
CREATE TRIGGER outbox_noted AFTER INSERT ON outbox FOR EACH ROW WHEN (NEW.type = 'AwardGranted') EXECUTE FUNCTION note_told()
"""


def test_killed_while_it_awards_nothing_is_given_twice_or_not_at_all(start: Start, school: Database) -> None:
    execute(school, NOTE_TOLD)
    with school.connect(None) as door:
        process = start()
        wait_until_folded(school)
        wait_until(school, LOOKED_AT, 0)
        with door.transaction():
            # It awards, and waits to tell of it.
            door.execute("LOCK TABLE told")
            execute(school, MANY_AWARDS)
            wait_until(school, HELD, 1)
            process.kill()
            process.communicate()
        wait_until(school, HELD, 0)
    assert value(school, GIVEN) == value(school, TOLD) == 0
    assert value(school, LOOKED_AT) != 0
    survivors = [start(), start()]
    wait_until(school, LOOKED_AT, 0)
    for process in survivors:
        stopped(process)
    assert value(school, GIVEN) == value(school, TOLD) == value(school, EARNED) != 0
