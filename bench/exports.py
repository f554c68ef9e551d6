"""Exports: from the request to READY, through a gateway and a worker of their own, beside a bare COPY of the same rows."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil

from bench.duel import Progress
from bench.measure import connect, medians, new_database, seconds, servers
from bench.processes import CHECKOUT, Server, gateway
from bench.seed import seed
from commands.errors import CommandError
from db.queries.attempts import AttemptSelection
from db.queries.exports.attempts import attempt_rows_statement
from db.statement import Statement

ROWS = 100_000
LARGEST_MIB = 4_000
LONGEST_SECONDS = 1_800.0
REQUEST = """mutation ($input: RequestExportInput!) { requestExport(input: $input) {
  export { id } userErrors { code message } } }"""
STATE = "query ($id: ID!) { export(id: $id) { status rowCount failure { code message } } }"
GROUP = '{ groups(first: 1, filter: {nameContains: "Group of 33"}) { nodes { id } } }'
SINCE = "SELECT completed_at FROM attempts ORDER BY completed_at DESC LIMIT 1 OFFSET %s"


def measure_exports(attempts: int, rounds: int, progress: Progress) -> dict[str, float]:
    """On servers of its own. ``attempts`` is the history, all of which is exported once as CSV and as XLSX."""
    with servers() as (admin_url, redis_url), TemporaryDirectory(prefix="scoregraph-bench-") as folder:
        url = new_database(admin_url, "bench_exports")
        with connect(url) as admin:
            progress(f"seeding {attempts:,} attempts …")
            seed(admin, attempts)
        _allow_many()
        with gateway(url, redis_url) as server, _worker(url, redis_url, Path(folder)) as worker:
            return _measured(server, worker, url, Path(folder), rounds, progress)


def _measured(
    server: Server, worker: psutil.Process, url: str, folder: Path, rounds: int, progress: Progress
) -> dict[str, float]:
    recent = {"period": {"range": {"from": _since(url), "to": "2199-01-01T00:00:00Z"}}}
    found: dict[str, float] = {}
    progress("PDF of a group …")
    group = {"kind": "GROUP_REPORT", "groupId": _group(server)}
    with _watched(worker) as peak:
        found["export_pdf_group_s"] = statistics.median(_made(server, "PDF", group)[0] for _ in range(rounds + 1))
    found |= {"export_pdf_worker_mib": peak["worker"], "export_pdf_press_mib": peak["children"]}
    progress(f"{ROWS:,} rows beside COPY …")
    rows = 0

    def csv() -> float:
        nonlocal rows
        taken, rows = _made(server, "CSV", {"kind": "ATTEMPTS", "dialect": "RFC4180", **recent})
        return taken

    with _watched(worker) as peak:
        found["export_csv_s"], copied = medians(csv, lambda: _copied(url, folder / "copied.csv", rows), rounds=rounds)
    found |= {"export_rows": rows, "export_csv_worker_mib": peak["worker"], "export_copy_s": copied}
    found["export_csv_vs_copy"] = copied / found["export_csv_s"]
    for name, format, asked in (
        ("csv_excel", "CSV", recent),
        ("xlsx", "XLSX", recent),
        ("csv_all", "CSV", {}),
        ("xlsx_all", "XLSX", {}),
    ):
        progress(f"{name} …")
        with _watched(worker) as peak:
            found[f"export_{name}_s"], made = _made(server, format, {"kind": "ATTEMPTS", **asked})
        found |= {f"export_{name}_worker_mib": peak["worker"], f"export_{name}_rows": made}
    return found


def _made(server: Server, format: str, asked: dict[str, Any]) -> tuple[float, int]:
    """Seconds from the request until it is READY, and its rows. Raises CommandError."""
    begun = time.perf_counter()
    data, _ = server.ask(_body(REQUEST, {"input": {"format": format, **asked}}))
    if errors := data["requestExport"]["userErrors"]:
        raise CommandError(f"The export is refused: {errors}")
    state = _body(STATE, {"id": data["requestExport"]["export"]["id"]})
    while time.perf_counter() - begun < LONGEST_SECONDS:
        export = server.ask(state)[0]["export"]
        if export["status"] == "READY":
            return time.perf_counter() - begun, int(export["rowCount"])
        if export["status"] == "FAILED":
            raise CommandError(f"The export failed: {export['failure']}")
        time.sleep(0.02)
    raise CommandError("The export takes too long.")


def _copied(url: str, path: Path, rows: int) -> float:
    """Seconds that a bare COPY of the same columns of so many rows takes, as a superuser."""
    statement: Statement = attempt_rows_statement(AttemptSelection())
    with connect(url) as admin, path.open("wb") as file:

        def copy() -> None:
            with admin.cursor().copy(f"COPY ({statement.sql} LIMIT {rows}) TO STDOUT (FORMAT csv)") as copying:
                for block in copying:
                    file.write(block)

        return seconds(copy)


def _group(server: Server) -> str:
    data, _ = server.ask(_body(GROUP, {}))
    return str(data["groups"]["nodes"][0]["id"])


def _since(url: str) -> str:
    with connect(url) as admin:
        row = admin.execute(SINCE, (ROWS,)).fetchone()
    assert row is not None
    return str(row[0].isoformat())


def _body(query: str, variables: dict[str, Any]) -> bytes:
    return json.dumps({"query": query, "variables": variables}).encode()


def _allow_many() -> None:
    """The limits are measured by nobody here."""
    os.environ |= {
        "REPORTING_EXPORT_RATE_LIMIT_PER_HOUR": "10000",
        "REPORTING_EXPORT_RATE_LIMIT_PER_HOUR_AND_GROUP": "10000",
        "MAX_REPORT_SIZE_MB": str(LARGEST_MIB),
    }


@contextmanager
def _worker(url: str, redis_url: str, folder: Path) -> Iterator[psutil.Process]:
    command = (sys.executable, "-m", "cli", "worker", "--queues", "exports,fold")
    environment = {"DATABASE_URL": url, "REDIS_URL": redis_url, "REPORTS_STORAGE_PATH": str(folder / "files")}
    with (folder / "log").open("w") as log:
        child = subprocess.Popen(command, cwd=CHECKOUT, env={**os.environ, **environment}, stdout=log, stderr=log)
        try:
            yield psutil.Process(child.pid)
        finally:
            child.terminate()
            child.wait(60)


@contextmanager
def _watched(worker: psutil.Process) -> Iterator[dict[str, float]]:
    """The most MiB that were resident meanwhile: of the worker, and of the processes that print for it."""
    peak = {"worker": 0.0, "children": 0.0}
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.02):
            with suppress(psutil.Error):
                children = sum(child.memory_info().rss for child in worker.children())
                for name, resident in (("worker", worker.memory_info().rss), ("children", children)):
                    peak[name] = max(peak[name], resident / 2**20)

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield peak
    finally:
        over.set()
        watching.join()
