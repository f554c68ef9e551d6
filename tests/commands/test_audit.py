"""`scoregraph audit` as an operator uses it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.commanding import scoregraph
from tests.conftest import Database, Servers
from tests.school import new_school
from tests.workers.asking import execute

Run = Callable[..., CompletedProcess[str]]
ENTRIES = """
INSERT INTO audit_entries (organization_id, actor, role, action, object_type, object_ids, at)
SELECT id, '[red]' || slug, 'ADMIN', 'upsertUsers', 'User', ARRAY[1, 2, 3, 4, 5, 6], '2026-03-01Z' FROM organizations ORDER BY slug
"""


@pytest.fixture
def run(new_database: Callable[[], Database], servers: Servers, tmp_path: Path) -> Run:
    database = new_school(new_database)
    execute(database, ENTRIES)

    def run(*arguments: str) -> CompletedProcess[str]:
        done = scoregraph(tmp_path / "data", *arguments, DATABASE_URL=database.url, REDIS_URL=servers.redis_url)
        assert done.returncode == 0, done.stderr
        return done

    return run


def actions(done: CompletedProcess[str]) -> list[tuple[str, str]]:
    return [(entry["actor"], entry["action"]) for entry in map(json.loads, done.stdout.splitlines())]


def test_lists_what_was_done_by_whom(run: Run) -> None:
    table = run("audit", "list").stdout
    assert "[red]north" in table, "as it stands"
    assert "1, 2, 3, 4, 5, …" in table
    assert actions(run("audit", "list", "--organization", "north", "--json")) == [("[red]north", "upsertUsers")]
    [job] = map(json.loads, run("jobs", "run", "unparking", "--json").stdout.splitlines())
    run("jobs", "cancel", str(job["id"]))
    done = [("scoregraph jobs", "cancelJob"), ("scoregraph jobs", "runJob")]
    assert actions(run("audit", "list", "--json", "--since", "2026-03-02")) == done
    assert actions(run("audit", "list", "--json", "--most", "1")) == done[:1]
    assert actions(run("audit", "list", "--json", "--actor", "scoregraph jobs", "--action", "runJob")) == done[1:]
    assert "There are no entries." in run("audit", "list", "--organization", "nowhere").stderr
