"""Fetching files: who may, decided anew each time, and how they come."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import sleep
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from psycopg.types.json import Jsonb

from schema.relay import global_id
from tests.conftest import Database, Servers
from tests.gateway import Gateway, running_gateway
from tests.school import new_school

CONTENT = b"\xef\xbb\xbfName\r\n" + b"Ben Bauer\r\n" * 1000
NAME = 'Group report - Álgebra "1"; x 2026-03-01.csv'
INSERT = """
INSERT INTO exports (organization_id, requested_by, subject, role, kind, format, parameters, body, reads_groups, status, run,
  file_name, as_of, row_count, byte_size, sha256, manifest, expires_at)
SELECT u.organization_id, u.id, 'ada', 'TEACHER', 'GROUP_REPORT', 'CSV', %s, '{}',
  ARRAY(SELECT g.id FROM groups g WHERE g.external_id = 'alg-1' AND g.organization_id = u.organization_id),
  'READY', 'run', %s, now(), 1000, %s, 'x', '{"title": "Group report", "subtitle": "All time", "timeZone": "UTC", "filters": {"Group": "Algebra 1"},
    "tables": [{"title": "Members", "rows": 1000, "columns": [{"title": "Name"}]}]}', now() + interval '1 hour'
FROM users u JOIN organizations o ON o.id = u.organization_id WHERE o.slug = 'north' AND u.external_id = 'ada' RETURNING id
"""


@dataclass
class Files:
    gateway: Gateway
    database: Database
    folder: Path
    key: int = 0

    def add(self) -> None:
        """A file of ada's about alg-1."""
        with self.database.connect() as owner:
            row = owner.execute(INSERT, (Jsonb({}), NAME, len(CONTENT))).fetchone()
        assert row is not None
        self.key = int(str(row[0]))
        folder = self.folder / str(self.key) / "run"
        folder.mkdir(parents=True)
        (folder / "file").write_bytes(CONTENT)

    def fetch(
        self, person: str = "ada", role: str = "TEACHER", method: str = "GET", id: str | None = None, **headers: str
    ) -> httpx.Response:
        id = global_id("ExportJob", self.key) if id is None else id
        known = self.gateway.headers(person, role)
        return httpx.request(method, f"{self.gateway.url}/exports/{id}/file", headers={**known, **headers})

    def do(self, statement: str) -> None:
        with self.database.connect() as owner:
            owner.execute(statement.encode())


TRACES = "SELECT actor, action, object_ids, request_id IS NOT NULL FROM audit_entries ORDER BY id"


def traces(files: Files) -> list[tuple[object, ...]]:
    with files.database.connect() as owner:
        return owner.execute(TRACES).fetchall()


@pytest.fixture
def files(new_database: Callable[[], Database], servers: Servers, tmp_path: Path) -> Iterator[Files]:
    database = new_school(new_database)
    with running_gateway(database, servers, reports_storage_path=tmp_path) as gateway:
        made = Files(gateway, database, tmp_path)
        made.add()
        yield made


LINK = """query ($id: ID!, $ttl: Int) { export(id: $id) { signedUrl(ttlSeconds: $ttl) { url expiresAt }
  manifest { title filters { name value } tables { title rows columns } url } } }"""


def asked(files: Files, person: str = "ada", role: str = "TEACHER", ttl: int = 900) -> dict[str, Any]:
    """The export, or what is wrong."""
    variables = {"id": global_id("ExportJob", files.key), "ttl": ttl}
    headers = files.gateway.headers(person, role)
    answer = httpx.post(
        f"{files.gateway.url}/graphql", json={"query": LINK, "variables": variables}, headers=headers
    ).json()
    return dict(answer["errors"][0]["extensions"] if "errors" in answer else answer["data"]["export"])


def fetched(files: Files, url: str) -> httpx.Response:
    return httpx.get(f"{files.gateway.url}{url}")


def test_a_link_needs_no_token(files: Files) -> None:
    link = asked(files)["signedUrl"]
    assert fetched(files, link["url"]).content == CONTENT
    left = datetime.fromisoformat(link["expiresAt"]) - datetime.now(UTC)
    assert timedelta(minutes=14) < left <= timedelta(minutes=15)
    assert [asked(files, ttl=ttl)["code"] for ttl in (0, 901, -1)] == ["VALIDATION"] * 3


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE group_memberships SET valid_to = now() WHERE role = 'LEAD'",
        "UPDATE users SET deactivated_at = now() WHERE external_id = 'ada'",
        "UPDATE exports SET link_key = '\\x00'",
        "DELETE FROM exports",
    ],
)
def test_a_link_is_dead_as_soon_as_its_maker_may_not_have_the_file(files: Files, change: str) -> None:
    url = asked(files)["signedUrl"]["url"]
    assert fetched(files, url).status_code == 200
    files.do(change)
    assert fetched(files, url).status_code == 403


def test_a_link_ends(files: Files) -> None:
    url = asked(files, ttl=1)["signedUrl"]["url"]
    sleep(1.1)
    assert code_of(fetched(files, url)) == (403, "LINK_REFUSED")


def test_a_link_that_was_made_up_or_changed_tells_nothing(files: Files) -> None:
    url = asked(files)["signedUrl"]["url"]
    path, _, link = url.partition("?link=")
    claims, _, signature = link.partition(".")
    [until, *_] = json.loads(urlsafe_b64decode(claims + "=="))
    forged = [
        [until + 1, "north", "ada", "TEACHER", None], [until, "north", "root", "ADMIN", None], [until, "north", "nobody", "ADMIN", None],
        [until, "south", "root", "ADMIN", None], [10**30, "north", "ada", "TEACHER", None], [until, "north", "ada\0", "TEACHER", None],
        [until, "north", "ada", "KING", None], [until], {}, "x", None, [[]] * 5,
    ]  # fmt: skip
    links = [f"{urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip('=')}.{signature}" for said in forged]
    for wrong in (
        *links,
        claims,
        f"{claims}.",
        f".{signature}",
        f"{claims}.é",
        "é.é",
        "=",
        "x" * 30_000,
        f"{claims}.{signature}x",
    ):
        assert code_of(httpx.get(f"{files.gateway.url}{path}", params={"link": wrong})) == (403, "LINK_REFUSED")
    files.add()
    other = global_id("ExportJob", files.key)
    assert code_of(fetched(files, f"/exports/{other}/file?link={link}")) == (403, "LINK_REFUSED")


def test_a_link_is_for_who_may_have_the_file(files: Files) -> None:
    assert asked(files, "tom")["code"] == "NOT_FOUND"
    assert asked(files, role="STUDENT")["signedUrl"] is None
    assert asked(files, role="STUDENT")["manifest"] is None
    files.do("UPDATE exports SET status = 'PROCESSING'")
    assert asked(files)["signedUrl"] is None


def test_the_manifest_can_be_fetched(files: Files) -> None:
    about = asked(files)["manifest"]
    assert about["filters"] == [{"name": "Group", "value": "Algebra 1"}]
    assert about["tables"] == [{"title": "Members", "rows": "1000", "columns": ["Name"]}]
    answer = httpx.get(f"{files.gateway.url}{about['url']}", headers=files.gateway.headers("ada", "TEACHER"))
    assert answer.json()["title"] == about["title"]
    assert answer.headers["Content-Disposition"].endswith(quote(f"{NAME}.manifest.json"))
    assert fetched(files, about["url"]).status_code == 401
    files.do("UPDATE group_memberships SET valid_to = now() WHERE role = 'LEAD'")
    answer = httpx.get(f"{files.gateway.url}{about['url']}", headers=files.gateway.headers("ada", "TEACHER"))
    assert code_of(answer) == (403, "PERMISSION_REVOKED")


def code_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["errors"][0]["extensions"]["code"]


def test_the_file_comes_with_its_name(files: Files) -> None:
    answer = files.fetch()
    assert (answer.status_code, answer.content) == (200, CONTENT)
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == f"attachment; filename*=utf-8''{quote(NAME)}"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "set-cookie" not in answer.headers


def test_a_part_of_it(files: Files) -> None:
    answer = files.fetch(Range="bytes=3-6")
    assert (answer.status_code, answer.content) == (206, b"Name")
    assert answer.headers["Content-Range"] == f"bytes 3-6/{len(CONTENT)}"
    head = files.fetch(method="HEAD")
    assert (head.status_code, head.content, head.headers["Content-Length"]) == (200, b"", str(len(CONTENT)))
    assert files.fetch(Range=f"bytes={len(CONTENT)}-").status_code == 416


def test_who_is_nobody_gets_nothing(files: Files) -> None:
    url = f"{files.gateway.url}/exports/{global_id('ExportJob', files.key)}/file"
    for headers in ({}, {"Authorization": "Bearer nonsense"}, {"Cookie": "token=x"}):
        answer = httpx.get(url, headers=headers)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_browser_without_a_token_is_asked_for_one(files: Files) -> None:
    url = f"{files.gateway.url}/exports/{global_id('ExportJob', files.key)}/file"
    browser = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    token = files.gateway.headers("ada", "TEACHER")["Authorization"].removeprefix("Bearer ")
    for answer in (
        httpx.get(url, headers=browser),
        httpx.post(url, headers=browser, data={"token": "nonsense"}),
        httpx.post(url, headers=browser, content=b"token=" + b"x" * 100_000),
    ):
        assert (answer.status_code, answer.headers["Content-Type"]) == (401, "text/html; charset=utf-8")
        assert '<form method="post">' in answer.text
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert httpx.post(url, headers=browser, data={"token": f" {token}\n"}).content == CONTENT
    other = files.gateway.headers("ben", "STUDENT")["Authorization"].removeprefix("Bearer ")
    assert code_of(httpx.post(url, headers=browser, data={"token": other})) == (404, "NOT_FOUND")


def test_what_is_anothers_is_not_there(files: Files) -> None:
    for person, role in (("tom", "TEACHER"), ("mia", "MANAGER"), ("ben", "STUDENT")):
        assert code_of(files.fetch(person, role)) == (404, "NOT_FOUND")
    assert files.fetch("root", "ADMIN").status_code == 200


def test_whom_it_was_sent_to_can_fetch_it_while_they_may_see_it(files: Files) -> None:
    send = """INSERT INTO deliveries (organization_id, export_id, channel, target, masked, attach)
        SELECT organization_id, id, '%s', '%s', '***', false FROM exports"""
    files.do("UPDATE users SET email = external_id || '@north.example' WHERE external_id IN ('mia', 'tom', 'ben')")
    # An address somewhere else is nobody's; who has the chat of that name is not known.
    files.do(send % ("SLACK", "mia@north.example"))
    assert files.fetch("mia", "MANAGER").status_code == 404
    for person in ("Mia", "tom", "ben"):
        files.do(send % ("EMAIL", f"{person}@north.example"))
    assert files.fetch("mia", "MANAGER").content == CONTENT
    # Who does not lead the group, or is another, may not, whatever was sent to them.
    for person, role in (("tom", "TEACHER"), ("ben", "STUDENT"), ("mia", "STUDENT")):
        assert code_of(files.fetch(person, role)) == (404, "NOT_FOUND")
    files.do("UPDATE users SET deactivated_at = now() WHERE external_id = 'mia'")
    assert files.fetch("mia", "MANAGER").status_code == 403


@pytest.mark.parametrize(
    "id", [global_id("ExportJob", 2**62), global_id("Group", 1), "nonsense", "%2e%2e", "..%2f..%2fetc"]
)
def test_what_is_no_export_is_not_there(files: Files, id: str) -> None:
    assert files.fetch(id=id).status_code == 404


def test_who_lost_the_group_gets_nothing_at_once(files: Files) -> None:
    assert files.fetch().status_code == 200
    files.do("UPDATE group_memberships SET valid_to = now() WHERE role = 'LEAD'")
    assert code_of(files.fetch()) == (403, "PERMISSION_REVOKED")


def test_who_is_deactivated_gets_nothing_at_once(files: Files) -> None:
    assert files.fetch().status_code == 200
    files.do("UPDATE users SET deactivated_at = now() WHERE external_id = 'ada'")
    assert code_of(files.fetch()) == (403, "PERMISSION_REVOKED")


def test_a_lesser_token_gets_less(files: Files) -> None:
    assert code_of(files.fetch(role="STUDENT")) == (403, "PERMISSION_REVOKED")


def test_what_is_not_there_yet_or_no_longer(files: Files) -> None:
    files.do("UPDATE exports SET expires_at = now()")
    assert code_of(files.fetch()) == (410, "EXPIRED")
    files.do("UPDATE exports SET status = 'PROCESSING', expires_at = NULL")
    assert code_of(files.fetch()) == (409, "INVALID_STATE")


def test_a_file_that_somebody_removed(files: Files) -> None:
    (files.folder / str(files.key) / "run" / "file").unlink()
    assert code_of(files.fetch()) == (404, "NOT_FOUND")


def test_a_bucket_is_led_to(files: Files, servers: Servers) -> None:
    bucket = {
        "object_storage_bucket": "reports",
        "object_storage_endpoint": "http://127.0.0.1:9",
        "object_storage_access_key": "key",
        "object_storage_secret_key": "secret",
    }
    with running_gateway(files.database, servers, **bucket) as gateway:
        answer = Files(gateway, files.database, files.folder, files.key).fetch()
    assert answer.status_code == 302
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Location"].startswith(f"http://127.0.0.1:9/reports/{files.key}/run/file?")
    assert "X-Amz-Expires=900" in answer.headers["Location"]
    assert traces(files) == [("ada", "mintExportLink", [files.key], True)]


def test_each_time_it_is_sent_leaves_a_trace(files: Files) -> None:
    files.fetch(method="HEAD")
    files.fetch("tom")
    assert traces(files) == [], "nobody got it"
    files.fetch(Range="bytes=3-6")
    files.fetch("root", "ADMIN")
    assert traces(files) == [
        ("ada", "downloadExport", [files.key], True),
        ("root", "downloadExport", [files.key], True),
    ]


def test_who_leaves_no_trace_gets_no_file(files: Files) -> None:
    files.do("REVOKE INSERT (actor) ON audit_entries FROM scoregraph_api")
    answer = files.fetch()
    assert answer.status_code >= 500
    assert b"Ben Bauer" not in answer.content
