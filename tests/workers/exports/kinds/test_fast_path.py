"""A report about a few reads what those few did, however many others there are."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import orjson
import pytest

from db.export_parameters import ExportKind
from tests.asking import Asker
from tests.conftest import Database, Servers
from tests.school import fold_and_refresh, new_school
from tests.workers.exports.kinds.reporting import entered
from workers.exports.kinds.registry import report_of

GROUPS, MEMBERS, ATTEMPTS = 30, 10, 50
CROWD = """
INSERT INTO users (organization_id, external_id, username, display_name)
SELECT o.id, 'p' || n, 'p' || n, 'Person ' || n FROM organizations o, generate_series(1, %(people)s) AS n WHERE o.slug = 'north';
INSERT INTO groups (organization_id, external_id, name)
SELECT o.id, 'g' || n, 'Group ' || n FROM organizations o, generate_series(0, %(groups)s - 1) AS n WHERE o.slug = 'north';
INSERT INTO group_memberships (organization_id, group_id, user_id, role, valid_from)
SELECT g.organization_id, g.id, u.id, 'MEMBER', timestamptz '2025-01-01 00:00Z'
FROM generate_series(1, %(people)s) AS n
JOIN users u ON u.external_id = 'p' || n JOIN groups g ON g.external_id = 'g' || n %% %(groups)s;
INSERT INTO group_memberships (organization_id, group_id, user_id, role, valid_from)
SELECT g.organization_id, g.id, u.id, 'LEAD', timestamptz '2025-01-01 00:00Z'
FROM groups g JOIN users u USING (organization_id) WHERE g.external_id = 'g7' AND u.external_id = 'tom';
INSERT INTO attempts (organization_id, user_id, lab_id, status, completed_at, duration_seconds, score, errors, source)
SELECT u.organization_id, u.id, l.id, CASE WHEN n %% 3 = 0 THEN 'FAILED' ELSE 'SUCCEEDED' END,
  timestamptz '2026-01-01 00:00Z' + n * interval '1 day', 60 + n, n, ARRAY['E' || n %% 4], 'CSV'
FROM users u JOIN labs l ON l.organization_id = u.organization_id AND l.type = 'l2', generate_series(1, %(attempts)s) AS n
WHERE u.external_id LIKE 'p%%';
"""
MARCH = {"period": {"from": "2026-02-01T00:00:00Z", "to": "2026-04-01T00:00:00Z"}}
WHO = [("mia", "MANAGER"), ("tom", "TEACHER")]


@pytest.fixture(scope="module")
async def crowd(new_database: Callable[[], Database], servers: Servers) -> AsyncIterator[Asker]:
    """15,000 attempts, of which a group has 500 and a person 50."""
    database = new_school(new_database)
    with database.connect(None) as admin:
        counts = {"people": GROUPS * MEMBERS, "groups": GROUPS, "attempts": ATTEMPTS}
        for statement in CROWD.split(";\n"):
            admin.execute(statement.encode(), counts if "%" in statement else None)
        admin.execute("SET ROLE scoregraph_worker")
        fold_and_refresh(admin)
        admin.execute("RESET ROLE")
        admin.execute("VACUUM ANALYZE")
    asker = Asker(database, servers)
    yield asker
    await asker.aclose()


def scans(plan: dict[str, Any], relation: str) -> Iterator[int]:
    """How many rows each scan of a relation came across."""
    if plan.get("Relation Name") == relation:
        removed = sum(int(value) for name, value in plan.items() if name.startswith("Rows Removed"))
        yield (int(plan["Actual Rows"]) + removed) * int(plan["Actual Loops"])
    for part in plan.get("Plans", []):
        yield from scans(part, relation)


async def most_read(ask: Asker, kind: ExportKind, asked: dict[str, Any], person: str, role: str) -> int:
    """How many attempts the scan that read most of them came across."""
    found = [0]
    async with entered(ask, person, role) as snapshot:
        report = await report_of(kind, asked, snapshot)
        for sheet in report.sheets:
            plan = await snapshot._connection.fetchval(  # type: ignore[union-attr]
                f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {sheet.sql}", *sheet.values
            )
            found += scans(orjson.loads(plan)[0]["Plan"], "attempts")
    return max(found)


@pytest.mark.parametrize("period", [{}, MARCH], ids=["ever", "period"])
@pytest.mark.parametrize(("person", "role"), WHO)
@pytest.mark.parametrize("kind", [ExportKind.GROUP_REPORT, ExportKind.ATTEMPTS])
async def test_a_group_reads_its_own(
    crowd: Asker, kind: ExportKind, person: str, role: str, period: dict[str, Any]
) -> None:
    asked = {"groupId": crowd.key("groups", "g7"), **period}
    assert 0 < await most_read(crowd, kind, asked, person, role) <= MEMBERS * ATTEMPTS


@pytest.mark.parametrize("period", [{}, MARCH], ids=["ever", "period"])
@pytest.mark.parametrize(("person", "role"), WHO)
@pytest.mark.parametrize("kind", [ExportKind.USER_PERFORMANCE, ExportKind.ATTEMPTS])
async def test_a_person_reads_their_own(
    crowd: Asker, kind: ExportKind, person: str, role: str, period: dict[str, Any]
) -> None:
    asked = {"userId": crowd.key("users", "p7"), **period}
    assert 0 < await most_read(crowd, kind, asked, person, role) <= ATTEMPTS


async def test_an_organization_reads_all(crowd: Asker) -> None:
    """Which shows that what is read is counted."""
    assert await most_read(crowd, ExportKind.ATTEMPTS, {}, "mia", "MANAGER") >= GROUPS * MEMBERS * ATTEMPTS


@pytest.mark.parametrize("period", [{}, MARCH], ids=["ever", "period"])
async def test_a_teacher_reads_at_a_lab_what_their_people_did(crowd: Asker, period: dict[str, Any]) -> None:
    asked = {"labId": crowd.key("labs", "l2"), **period}
    # Their two groups have eleven people.
    read = await most_read(crowd, ExportKind.LAB_REPORT, asked, "tom", "TEACHER")
    assert 0 < read <= (MEMBERS + 1) * ATTEMPTS
