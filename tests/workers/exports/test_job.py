"""An export is made whole, as its requester, or fails with a reason, whatever happens meanwhile."""

from __future__ import annotations

import asyncio
import csv
import io
import os
import resource
import tempfile
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from db.queries.export_jobs import ExportFormat
from tests.workers.exports.conftest import Workshop
from tests.workers.exports.sample import report
from workers.exports.job import expire_exports, make_export
from workers.exports.making import file_name
from workers.failures import Postponed

LOST_THE_GROUP = "UPDATE group_memberships SET valid_to = now() WHERE role = 'LEAD'"
MANY = """
INSERT INTO attempts (organization_id, user_id, lab_id, status, completed_at)
SELECT u.organization_id, u.id, l.id, 'FAILED', timestamptz '2026-04-01 00:00Z' + n * interval '1 second'
FROM users u JOIN labs l USING (organization_id), generate_series(1, 20000) AS n
WHERE u.external_id = 'ben' AND l.type = 'l1'
"""
DEACTIVATED = "UPDATE users SET deactivated_at = now() WHERE external_id = 'ada'"


@pytest.mark.parametrize("format", ["CSV", "XLSX", "PDF", "JSON"])
async def test_is_made(workshop: Workshop, format: str) -> None:
    key = workshop.request(format=format)
    made = await workshop.make(key)
    assert (made["status"], made["tries"], made["progress"], made["failure_code"]) == ("READY", 1, 1, None)
    content = (workshop.folder / str(key) / made["run"] / "file").read_bytes()
    assert (len(content), sha256(content).hexdigest()) == (made["byte_size"], made["sha256"])
    assert made["file_name"] == f"Group report - Algebra 1 {made['as_of'][:10]}.{format.lower()}"
    # Ben and Cleo; Fay is deactivated and a member all the same.
    assert made["row_count"] >= 2
    assert made["reads_groups"] == [made["group_id"]]
    lifetime = datetime.fromisoformat(made["expires_at"]) - datetime.fromisoformat(made["finished_at"])
    assert abs(lifetime - timedelta(hours=24)) < timedelta(seconds=5)
    assert workshop.files() == [f"{key}/{made['run']}/file"]
    about = made["manifest"]
    assert (about["export"], about["sha256"], about["bytes"]) == (key, made["sha256"], made["byte_size"])
    assert about["tables"][0]["rows"] == made["row_count"]


@pytest.mark.parametrize("title", ["漢" * 200, "a" + "ñ" * 200, "👩‍👧" * 80, "a" * 500])
def test_a_file_name_is_one_that_file_systems_take(tmp_path: Path, title: str) -> None:
    name = file_name(report(title=title), ExportFormat.XLSX)
    # Its manifest is beside it, under a name that is longer still.
    (tmp_path / f"{name}.manifest.json").touch()
    assert name.endswith("2026-03-01.xlsx")
    assert name.startswith(title[:20])


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Performance: a/b\\c", "Performance - a - b - c"),
        ("Performance: Anna\u202egnp.exe", "Performance - Annagnp.exe"),
        ("Performance: می\u200cنا", "Performance - می\u200cنا"),
        ("\r\n../..", "export"),
    ],
)
def test_a_file_name_is_no_path_and_looks_like_no_other(title: str, name: str) -> None:
    assert file_name(report(title=title), ExportFormat.CSV) == f"{name} 2026-03-01.csv"


async def test_shows_what_the_requester_sees(workshop: Workshop) -> None:
    people = {}
    for who in (("ada", "TEACHER"), ("tom", "TEACHER"), ("mia", "MANAGER"), ("gus", "STUDENT")):
        key = workshop.request(*who, kind="ATTEMPTS")
        made = await workshop.make(key)
        text = (workshop.folder / str(key) / made["run"] / "file").read_text("utf-8-sig")
        people[who[0]] = {row["Name"] for row in csv.DictReader(io.StringIO(text))}
    assert people == {
        "ada": {"Ben Bauer", "Cleo Cruz", "Fay Falk"},
        "tom": {"Dan Diaz"},
        "mia": {"Ben Bauer", "Cleo Cruz", "Dan Diaz", "Fay Falk"},
        "gus": set(),
    }


@pytest.mark.parametrize("change", [LOST_THE_GROUP, DEACTIVATED])
async def test_rights_are_those_of_the_run(workshop: Workshop, change: str) -> None:
    key = workshop.request()
    workshop.do(change)
    made = await workshop.make(key)
    assert (made["status"], made["failure_code"]) == ("FAILED", "PERMISSION_REVOKED")
    assert workshop.files() == []


async def test_claimed_groups_narrow(workshop: Workshop) -> None:
    made = await workshop.make(workshop.request(claimed_groups=["alg-2"]))
    assert made["failure_code"] == "PERMISSION_REVOKED"


@pytest.mark.parametrize("change", [LOST_THE_GROUP, DEACTIVATED])
async def test_rights_that_go_while_it_is_made(workshop: Workshop, change: str) -> None:
    key = workshop.request()
    with workshop.held_up():
        running = asyncio.create_task(workshop.make(key))
        await workshop.until_held_up()
        workshop.do(change)
    made = await running
    assert (made["status"], made["failure_code"]) == ("FAILED", "PERMISSION_REVOKED")
    assert workshop.files() == []


async def test_cancelled_while_it_is_made(workshop: Workshop) -> None:
    key = workshop.request()
    with workshop.held_up():
        running = asyncio.create_task(workshop.make(key))
        await workshop.until_held_up()
        workshop.do(f"UPDATE exports SET status = 'CANCELLED', run = NULL WHERE id = {key}")
        # While what it waits for is still held.
        async with asyncio.timeout(20):
            made = await running
    assert (made["status"], workshop.files()) == ("CANCELLED", [])


async def test_cancelled_before_it_is_made(workshop: Workshop) -> None:
    key = workshop.request()
    workshop.do(f"UPDATE exports SET status = 'CANCELLED' WHERE id = {key}")
    assert (await workshop.make(key))["tries"] == 0


async def test_two_runs_make_one_file(workshop: Workshop) -> None:
    """A worker that was taken for dead is not: the other one has taken the export over."""
    key = workshop.request()
    with workshop.held_up():
        first = asyncio.create_task(workshop.make(key))
        await workshop.until("tries = 1")
        second = asyncio.create_task(workshop.make(key))
        await workshop.until("tries = 2")
        [run] = workshop.row("SELECT run FROM exports")
    await asyncio.gather(first, second)
    made = workshop.of(key)
    assert (made["status"], made["run"], made["tries"]) == ("READY", run, 2)
    assert workshop.files() == [f"{key}/{run}/file"]


async def test_a_job_that_is_run_again_changes_nothing(workshop: Workshop) -> None:
    key = workshop.request()
    made = await workshop.make(key)
    files = workshop.files()
    assert (await workshop.make(key), workshop.files()) == (made, files)
    await make_export(workshop.means, workshop.storage, key + 1)  # There is no such export.


async def test_a_worker_that_stops_puts_it_back(workshop: Workshop) -> None:
    key = workshop.request()
    with workshop.held_up():
        running = asyncio.create_task(workshop.make(key))
        await workshop.until_held_up()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    assert {name: workshop.of(key)[name] for name in ("status", "tries", "run")} == {
        "status": "PENDING",
        "tries": 0,
        "run": None,
    }
    assert (await workshop.make(key))["status"] == "READY"


async def test_storage_that_fails_is_tried_three_times(workshop: Workshop) -> None:
    workshop.folder.write_text("no folder")
    key = workshop.request()
    for tries, seconds in ((1, 5), (2, 20)):
        with pytest.raises(Postponed) as later:
            await workshop.make(key)
        assert (later.value.seconds, workshop.of(key)["status"], workshop.of(key)["tries"]) == (
            seconds,
            "PENDING",
            tries,
        )
    made = await workshop.make(key)
    assert (made["status"], made["failure_code"], made["tries"]) == ("FAILED", "STORAGE", 3)
    assert str(workshop.folder) not in made["failure_message"]


async def test_storage_that_comes_back(workshop: Workshop) -> None:
    workshop.folder.write_text("no folder")
    key = workshop.request()
    with pytest.raises(Postponed):
        await workshop.make(key)
    workshop.folder.unlink()
    assert (await workshop.make(key))["status"] == "READY"


@pytest.mark.parametrize("format", ["CSV", "XLSX", "JSON"])
async def test_no_room_for_the_file(
    workshop: Workshop, tmp_path: Path, format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    workshop.do(MANY)
    key = workshop.request(kind="ATTEMPTS", format=format)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (256 * 1024, before[1]))
    try:
        with pytest.raises(Postponed):
            await workshop.make(key)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert (workshop.of(key)["status"], os.listdir(tmp_path)) == ("PENDING", [])
    assert (await workshop.make(key))["status"] == "READY"


async def test_too_large(workshop: Workshop) -> None:
    workshop.do(MANY)
    workshop.changed["max_report_mb"] = 1
    made = await workshop.make(workshop.request(kind="ATTEMPTS"))
    assert (made["status"], made["failure_code"]) == ("FAILED", "TOO_LARGE")
    assert "1 MiB" in made["failure_message"]
    assert workshop.files() == []


async def test_what_nobody_foresaw(workshop: Workshop) -> None:
    key = workshop.request(nonsense=True)
    made = await workshop.make(key)
    assert (made["status"], made["failure_code"]) == ("FAILED", "INTERNAL")
    assert "nonsense" not in made["failure_message"]


async def test_what_kills_its_workers_is_given_up(workshop: Workshop) -> None:
    key = workshop.request()
    workshop.do(f"UPDATE exports SET status = 'PROCESSING', tries = 3, run = 'gone' WHERE id = {key}")
    made = await workshop.make(key)
    assert (made["status"], made["failure_code"], made["tries"]) == ("FAILED", "INTERNAL", 3)


async def test_so_many_of_an_organization_at_a_time(workshop: Workshop) -> None:
    workshop.changed["max_concurrent_reports"] = 2
    keys = [workshop.request() for _ in range(5)]
    with workshop.held_up():
        running = [asyncio.create_task(make_export(workshop.means, workshop.storage, key)) for key in keys]
        done, _ = await asyncio.wait(running, timeout=20, return_when=asyncio.FIRST_EXCEPTION)
        while len(done) < 3:
            done, _ = await asyncio.wait(running, timeout=0.1)
        assert workshop.row("SELECT count(*) FROM exports WHERE status = 'PROCESSING'") == (2,)
    results = await asyncio.gather(*running, return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["NoneType"] * 2 + ["Postponed"] * 3
    assert workshop.row("SELECT count(*) FROM exports WHERE status = 'READY'") == (2,)
    assert workshop.row("SELECT sum(tries) FROM exports WHERE status = 'PENDING'") == (0,)


async def test_progress_is_told(workshop: Workshop) -> None:
    key = workshop.request()
    with workshop.held_up():
        running = asyncio.create_task(workshop.make(key))
        await workshop.until("status = 'PROCESSING' AND progress = 0")
    assert (await running)["progress"] == 1


async def test_files_expire(workshop: Workshop) -> None:
    old, new = workshop.request(), workshop.request()
    for key in (old, new):
        await workshop.make(key)
    workshop.do(f"UPDATE exports SET expires_at = now() - interval '1 second' WHERE id = {old}")
    await expire_exports(workshop.means, workshop.storage)
    assert (workshop.of(old)["status"], workshop.of(new)["status"]) == ("EXPIRED", "READY")
    assert {name.split("/")[0] for name in workshop.files()} == {str(new)}


async def test_an_export_without_a_job_gets_one(workshop: Workshop) -> None:
    lost, waiting = workshop.request(), workshop.request()
    workshop.do(f"SET search_path = jobs, public; DELETE FROM procrastinate_jobs WHERE args ->> 'export_id' = '{lost}'")
    for _ in range(2):
        await expire_exports(workshop.means, workshop.storage)
    jobs = "SELECT array_agg(args ->> 'export_id' ORDER BY id) FROM jobs.procrastinate_jobs WHERE status = 'todo'"
    assert workshop.row(jobs) == ([str(waiting), str(lost)],)


async def test_logs_name_nobody(workshop: Workshop) -> None:
    with capture_logs() as logged:
        await workshop.make(workshop.request())
        workshop.do(LOST_THE_GROUP)
        await workshop.make(workshop.request())
    assert [entry["event"] for entry in logged] == ["export_ready", "export_not_made"]
    assert not [name for name in ("Ada", "ada", "Ben", "Algebra") if name in str(logged)]
