"""A worker that is killed in the middle of a file: another one makes it, and nothing is left of the first."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from tests.commanding import start_scoregraph
from tests.conftest import Servers
from tests.workers.exports.conftest import Workshop

# What the recovery of lost workers' jobs does once they were silent for long enough.
RUN_AGAIN = "SET search_path = jobs, public; UPDATE procrastinate_jobs SET status = 'todo', worker_id = NULL WHERE status = 'doing'"

Start = Callable[[], "subprocess.Popen[str]"]


@pytest.fixture
def start(workshop: Workshop, servers: Servers, tmp_path: Path) -> Iterator[Start]:
    started: list[subprocess.Popen[str]] = []

    def start() -> subprocess.Popen[str]:
        process = start_scoregraph(
            tmp_path / "data",
            "worker",
            DATABASE_URL=workshop.database.url,
            REDIS_URL=servers.redis_url,
            REPORTS_STORAGE_PATH=str(workshop.folder),
            TMPDIR=str(tmp_path),
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


async def test_killed_in_the_middle_of_a_file(start: Start, workshop: Workshop, tmp_path: Path) -> None:
    key = workshop.request()
    with workshop.held_up():
        first = start()
        await workshop.until("status = 'PROCESSING'")
        await workshop.until_held_up()
        first.kill()
        first.wait()
        # Half of an object, as one that is killed while it stores may leave.
        lost_run = workshop.folder / str(key) / workshop.of(key)["run"]
        lost_run.mkdir(parents=True)
        (lost_run / "file#1").write_bytes(b"half")
    assert workshop.of(key)["status"] == "PROCESSING"
    workshop.do(RUN_AGAIN)
    start()
    await workshop.until("status = 'READY'", seconds=60)
    made = workshop.of(key)
    assert made["tries"] == 2
    assert workshop.files() == [f"{key}/{made['run']}/file"]
    content = (workshop.folder / workshop.files()[0]).read_bytes()
    assert (len(content), sha256(content).hexdigest()) == (made["byte_size"], made["sha256"])


async def test_told_to_stop_it_leaves_nothing_undone(start: Start, workshop: Workshop) -> None:
    keys = [workshop.request(format=format) for format in ("CSV", "XLSX", "JSON")]
    process = start()
    await workshop.until("status <> 'PENDING'")
    process.terminate()
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert {workshop.of(key)["status"] for key in keys} <= {"READY", "PENDING"}
    start()
    for key in keys:
        await workshop.until(f"id = {key} AND status = 'READY'", seconds=60)
