"""`scoregraph jobs` as an operator uses it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from db.queries.jobs import RUNNABLE
from tests.commanding import complaint, scoregraph
from tests.conftest import Database, Servers
from tests.workers.asking import execute, value

Jobs = Callable[..., CompletedProcess[str]]


@pytest.fixture
def database(new_database: Callable[[], Database]) -> Database:
    return new_database()


@pytest.fixture
def jobs(database: Database, servers: Servers, tmp_path: Path) -> Jobs:
    def run(*arguments: str) -> CompletedProcess[str]:
        return scoregraph(tmp_path / "data", "jobs", *arguments, DATABASE_URL=database.url, REDIS_URL=servers.redis_url)

    return run


def asked(done: CompletedProcess[str]) -> list[dict[str, object]]:
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_runs_lists_and_cancels(jobs: Jobs, database: Database) -> None:
    assert "There are no jobs." in jobs("list").stderr
    [job] = asked(jobs("run", "data_cleanup", "--json"))
    assert (job["kind"], job["status"], job["tries"]) == ("DATA_CLEANUP", "QUEUED", 0)
    assert asked(jobs("run", "DATA_CLEANUP", "--json")) == [job], "it waits already"
    assert asked(jobs("list", "--json")) == [job]
    assert "data_cleanup" in jobs("list").stdout
    assert asked(jobs("list", "--json", "--status", "failed")) == []
    [cancelled] = asked(jobs("cancel", str(job["id"]), "--json"))
    assert cancelled["status"] == "CANCELLED"
    assert cancelled["finished_at"] is not None
    done = jobs("cancel", str(job["id"]))
    assert (done.returncode, complaint(done)) == (1, f"Job {job['id']} is over: it is CANCELLED.")


def test_retries_what_failed(jobs: Jobs, database: Database) -> None:
    [job] = asked(jobs("run", "unparking", "--json"))
    id = str(job["id"])
    done = jobs("retry", id)
    assert (done.returncode, complaint(done)) == (1, f"Job {id} has not failed: it is QUEUED.")
    execute(database, "UPDATE jobs.procrastinate_jobs SET status = 'doing'")
    execute(database, "UPDATE jobs.procrastinate_jobs SET status = 'failed'")
    execute(database, f"INSERT INTO jobs.failures (job_id, error) VALUES ({id}, '[red]It broke.[/red]')")
    assert "[red]It broke.[/red]" in jobs("list").stdout, "as it stands"
    [again] = asked(jobs("retry", id, "--json"))
    assert (again["status"], again["finished_at"]) == ("QUEUED", None)
    execute(database, "UPDATE jobs.procrastinate_jobs SET status = 'doing'")
    execute(database, "UPDATE jobs.procrastinate_jobs SET status = 'failed'")
    asked(jobs("run", "unparking", "--json"))
    done = jobs("retry", id)
    assert (done.returncode, complaint(done)) == (1, f"Job {id} is not needed: another one like it waits already.")
    assert value(database, "SELECT count(*) FROM jobs.runs") == 2


@pytest.mark.parametrize("command", ["retry", "cancel"])
def test_an_unknown_job(jobs: Jobs, command: str) -> None:
    done = jobs(command, str(2**63 - 1))
    assert (done.returncode, complaint(done)) == (1, "There is no such job.")


@pytest.mark.parametrize("kind", ["nonsense", "VIEW_REFRESH", "OTHER", ""])
def test_what_cannot_be_run(jobs: Jobs, kind: str) -> None:
    done = jobs("run", kind)
    assert done.returncode == 2
    kinds = ", ".join(sorted(kind.lower() for kind in RUNNABLE))
    assert complaint(done) == f"There is no job {kind} to run; there are {kinds}."
