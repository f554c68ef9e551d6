"""`scoregraph export verify` as an operator uses it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.commanding import complaint, scoregraph
from tests.conftest import Servers
from tests.workers.exports.conftest import Workshop

Verify = Callable[..., CompletedProcess[str]]
RECORD = """
INSERT INTO attempts (organization_id, user_id, lab_id, status, completed_at)
SELECT u.organization_id, u.id, l.id, 'FAILED', timestamptz '2026-04-01 00:00Z' FROM users u JOIN labs l USING (organization_id)
WHERE u.external_id = 'ben' AND l.type = 'l1' AND u.organization_id = (SELECT id FROM organizations WHERE slug = 'north')
"""


@pytest.fixture
def verify(workshop: Workshop, servers: Servers, tmp_path: Path) -> Verify:
    def run(*arguments: str | Path) -> CompletedProcess[str]:
        given = {"DATABASE_URL": workshop.database.url, "REDIS_URL": servers.redis_url}
        return scoregraph(tmp_path / "data", "export", "verify", *map(str, arguments), **given)

    return run


async def fetched(workshop: Workshop, folder: Path, format: str, kind: str = "ATTEMPTS") -> Path:
    """A file as its requester has it."""
    key = workshop.request(kind=kind, format=format)
    made = await workshop.make(key)
    path = folder / made["file_name"]
    path.write_bytes((workshop.folder / str(key) / made["run"] / "file").read_bytes())
    return path


@pytest.mark.parametrize("format", ["XLSX", "PDF"])
async def test_says_whether_figures_still_hold(workshop: Workshop, verify: Verify, tmp_path: Path, format: str) -> None:
    path = await fetched(workshop, tmp_path, format)
    done = verify(path)
    assert done.returncode == 0, done.stderr
    assert "Sound: it is the file that was made" in done.stdout
    assert "all its figures still hold" in done.stdout
    workshop.do(RECORD)
    done = verify(path)
    assert done.returncode == 0, done.stderr
    told = "something on its pages has changed" if format == "PDF" else "Attempts: 0 rows are gone or other, 1 are new."
    assert told in done.stdout


async def test_a_file_that_was_changed(workshop: Workshop, verify: Verify, tmp_path: Path) -> None:
    path = await fetched(workshop, tmp_path, "JSON")
    path.write_text(path.read_text().replace("Ben Bauer", "Ben Brown"))
    done = verify("--json", path)
    found = json.loads(done.stdout)
    assert (done.returncode, found["sound"], found["replay"]) == (1, False, None)
    assert "SHA-256" in found["problems"][0]


async def test_with_the_rights_of_now(workshop: Workshop, verify: Verify, tmp_path: Path) -> None:
    path = await fetched(workshop, tmp_path, "CSV", kind="GROUP_REPORT")
    workshop.do("UPDATE users SET deactivated_at = now() WHERE external_id = 'ada'")
    assert "may no longer see" in verify(path).stdout
    workshop.do("DELETE FROM exports")
    assert "Nothing is known of it" in complaint(verify(path))
