"""Registered documents as files: the list they ask for, to its end, with the rights of whoever asked."""

from __future__ import annotations

import csv
import io
import json
from hashlib import sha256

import pytest

from commands.documents.for_workers import exported_documents
from db.engine import ReadPool
from db.entering import Caller
from db.snapshot import Snapshot
from schema.relay import global_id
from settings import DatabaseRole
from tests.workers.exports.conftest import Workshop

MEMBERS = """query Members($id: ID!) { group(id: $id) { name members { totalCount { value } nodes {
  name: displayName externalId performance { score attempts { attempts } } } } } }"""
ATTEMPTS = """query ($first: Int, $after: String, $success: Boolean!) { attempts(first: $first, after: $after) {
  pageInfo { endCursor } edges { cursor node { id completedAt score success @include(if: $success) user { displayName } } } } }"""
LEVELS = "{ levels { id title } }"
AUDITED = "{ exports { nodes { id storageKey } } }"
MORE = """
INSERT INTO attempts (organization_id, user_id, lab_id, status, completed_at, score)
SELECT u.organization_id, u.id, l.id, 'FAILED', timestamptz '2026-04-01 00:00Z' + n * interval '1 second', n % 100
FROM users u JOIN labs l USING (organization_id), generate_series(1, 650) AS n
WHERE u.external_id = 'ben' AND l.type = 'l1' AND u.organization_id = (SELECT id FROM organizations WHERE slug = 'north')
"""


def register(workshop: Workshop, text: str) -> str:
    """The id of a document."""
    id = sha256(text.encode()).hexdigest()
    with workshop.database.connect() as owner:
        statement = "INSERT INTO trusted_documents (id, body, operations) VALUES (%s, %s, '{}') ON CONFLICT DO NOTHING"
        owner.execute(statement, (id, text))
    return id


def group(workshop: Workshop, name: str = "alg-1") -> str:
    [key] = workshop.row(
        "SELECT id FROM groups WHERE external_id = %s AND organization_id = (SELECT min(id) FROM organizations)", name
    )
    return global_id("Group", key)


def asked(workshop: Workshop, text: str, format: str = "CSV", **variables: object) -> int:
    return workshop.request(kind="DOCUMENT", format=format, documentId=register(workshop, text), variables=variables)


def content(workshop: Workshop, key: int) -> bytes:
    return (workshop.folder / str(key) / workshop.of(key)["run"] / "file").read_bytes()


def table(workshop: Workshop, key: int) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content(workshop, key).decode("utf-8-sig"))))


async def test_has_a_row_for_each_object_and_a_column_for_each_value(workshop: Workshop) -> None:
    key = asked(workshop, MEMBERS, id=group(workshop))
    made = await workshop.make(key)
    assert (made["status"], made["file_name"]) == ("READY", f"Members {made['as_of'][:10]}.csv")
    rows = table(workshop, key)
    assert list(rows[0]) == ["Name", "External id", "Performance score", "Performance attempts attempts"]
    assert {row["Name"] for row in rows} >= {"Ben Bauer", "Cleo Cruz"}
    assert len(rows) == made["row_count"]
    assert made["manifest"]["filters"] == {"$id": group(workshop)}


@pytest.mark.parametrize("format", ["XLSX", "PDF", "JSON"])
async def test_in_every_format(workshop: Workshop, format: str) -> None:
    plain = await workshop.make(asked(workshop, MEMBERS, id=group(workshop)))
    made = await workshop.make(asked(workshop, MEMBERS, format, id=group(workshop)))
    assert (made["status"], made["row_count"]) == ("READY", plain["row_count"])


async def test_goes_on_to_the_end_whatever_page_was_asked_for(workshop: Workshop) -> None:
    workshop.do(MORE)
    key = asked(workshop, ATTEMPTS, "JSON", first=3, after=None, success=True)
    made = await workshop.make(key)
    [sheet] = json.loads(content(workshop, key))["sheets"]
    assert made["row_count"] == len(sheet["rows"]) > 650
    assert [column["kind"] for column in sheet["columns"]] == ["text", "instant", "decimal", "flag", "text"]
    ids = [row[0] for row in sheet["rows"]]
    assert len(set(ids)) == len(ids)
    # Nobody sees more by a document than else.
    assert {row[4] for row in sheet["rows"]} == {"Ben Bauer", "Cleo Cruz", "Fay Falk"}


async def test_all_its_pages_are_from_one_instant(workshop: Workshop) -> None:
    workshop.do(MORE)
    pool = ReadPool(workshop.database.url, DatabaseRole.API, size=1, statement_timeout=30)
    caller = Caller("north", "ada", "TEACHER")
    snapshot = Snapshot(pool, caller)
    document = await exported_documents(workshop.settings).ask(
        snapshot, caller, register(workshop, ATTEMPTS), {"success": False}
    )
    pages = document.pages()
    rows = len(await anext(pages))
    [before] = workshop.row(
        "SELECT count(*) FROM attempts WHERE user_id IN (SELECT id FROM users WHERE external_id = 'ben')"
    )
    workshop.do(MORE.replace("+ n *", "- n *"))
    async for page in pages:
        rows += len(page)
    await snapshot.aclose()
    await pool.aclose()
    assert 650 < rows < before + 100


async def test_a_list_that_has_no_pages(workshop: Workshop) -> None:
    key = asked(workshop, LEVELS)
    made = await workshop.make(key)
    assert made["status"] == "READY"
    assert len(table(workshop, key)) == made["row_count"]


@pytest.mark.parametrize(("text", "whose"), [(MEMBERS, "alg-2"), (AUDITED, "alg-1")])
async def test_what_the_requester_may_not_see_is_no_file(workshop: Workshop, text: str, whose: str) -> None:
    if text is AUDITED:
        await workshop.make(workshop.request())
    made = await workshop.make(asked(workshop, text, id=group(workshop, whose)))
    assert (made["status"], made["failure_code"]) == ("FAILED", "PERMISSION_REVOKED")


async def test_a_document_that_was_removed_since(workshop: Workshop) -> None:
    key = asked(workshop, LEVELS)
    workshop.do("DELETE FROM trusted_documents")
    made = await workshop.make(key)
    assert (made["status"], made["failure_code"]) == ("FAILED", "PERMISSION_REVOKED")
