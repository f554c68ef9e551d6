"""A report and its sheets are of one instant, as every format reads them."""

from __future__ import annotations

import csv
from io import BytesIO, StringIO
from typing import Any

import pytest

from db.export_parameters import ExportKind
from tests.asking import Asker
from tests.workers.exports.kinds.reporting import entered, make, rows_of
from workers.exports.content import Sheet
from workers.exports.kinds.registry import report_of

# What a document says is the graph's: see test_documents.
OURS = [kind for kind in ExportKind if kind is not ExportKind.DOCUMENT]


def everything(ask: Asker) -> dict[ExportKind, dict[str, Any]]:
    return {
        ExportKind.GROUP_REPORT: {"groupId": ask.key("groups", "alg-1"), "topicIds": [ask.key("topics", "sets")]},
        ExportKind.USER_PERFORMANCE: {"userId": ask.key("users", "ben"), "topicIds": [ask.key("topics", "sets")]},
        ExportKind.LEADERBOARD: {"scope": "TOPIC", "scopeId": ask.key("topics", "algebra")},
        ExportKind.ATTEMPTS: {"groupId": ask.key("groups", "alg-1"), "topicIds": [ask.key("topics", "algebra")]},
        ExportKind.LAB_REPORT: {"labId": ask.key("labs", "l1")},
    }


MARCH = {"period": {"from": "2026-03-01T00:00:00+01:00", "to": "2026-04-01T00:00:00+02:00"}}


@pytest.mark.parametrize("kind", OURS)
async def test_says_of_when_and_for_whom_it_is(ask: Asker, kind: ExportKind) -> None:
    made = await make(ask, kind, **everything(ask)[kind], **MARCH)
    report = made.report
    assert report.as_of == made.at
    assert (report.time_zone, report.requested_by, report.subtitle) == (
        "Europe/Madrid",
        "Ada Abel",
        "2026-03-01 to 2026-03-31",
    )
    assert report.filters["Period"] == report.subtitle
    in_tokyo = await make(ask, kind, **everything(ask)[kind], **MARCH, timeZone="Asia/Tokyo", locale="pt-BR")
    assert (in_tokyo.report.time_zone, in_tokyo.report.locale) == ("Asia/Tokyo", "pt-BR")
    assert in_tokyo.report.subtitle == "2026-03-01 08:00:00 to 2026-04-01 07:00:00"


async def test_a_service_that_is_no_person_is_named_by_its_role(ask: Asker) -> None:
    made = await make(ask, ExportKind.ATTEMPTS, person="importer", role="SERVICE")
    assert made.report.requested_by == "Service"
    assert len(made.rows["Attempts"]) == 12


@pytest.mark.parametrize("asked", [{}, MARCH], ids=["ever", "period"])
@pytest.mark.parametrize("kind", OURS)
async def test_a_copy_holds_what_is_selected(ask: Asker, kind: ExportKind, asked: dict[str, Any]) -> None:
    async with entered(ask, "ada", "TEACHER") as snapshot:
        report = await report_of(kind, everything(ask)[kind] | asked, snapshot)
        for sheet in report.sheets:
            lines = await copied(snapshot, sheet)
            assert lines[0] == [column.name for column in sheet.columns]
            assert len(lines) == 1 + len(await rows_of(snapshot, sheet)) > 1


async def copied(snapshot: Any, sheet: Sheet) -> list[list[str]]:
    file = BytesIO()
    await snapshot._connection.copy_from_query(sheet.sql, *sheet.values, output=file, format="csv", header=True)
    return list(csv.reader(StringIO(file.getvalue().decode(), newline="")))


@pytest.mark.parametrize("kind", OURS)
async def test_what_is_written_meanwhile_is_not_in_it(fresh_ask: Asker, kind: ExportKind) -> None:
    before = await make(fresh_ask, kind, **everything(fresh_ask)[kind])
    async with entered(fresh_ask, "ada", "TEACHER") as snapshot:
        report = await report_of(kind, everything(fresh_ask)[kind], snapshot)
        with fresh_ask.database.connect() as owner:
            owner.execute("UPDATE attempts SET deleted_at = now() WHERE source_id IN ('ben-2', 'ben-3', 'cleo-1')")
            owner.execute("UPDATE users SET display_name = 'Renamed'")
        assert {sheet.title: await rows_of(snapshot, sheet) for sheet in report.sheets} == before.rows
    after = await make(fresh_ask, kind, **everything(fresh_ask)[kind])
    assert after.rows != before.rows


async def test_nothing_is_told_of_another_organization(ask: Asker) -> None:
    """The same ids of the source system exist there."""
    made = await make(ask, ExportKind.ATTEMPTS, person="mia", role="MANAGER", organization="south")
    assert [(row["name"], row["source_id"]) for row in made.rows["Attempts"]] == [("Ben Bauer (south)", "south-1")]
    board = await make(
        ask, ExportKind.LEADERBOARD, person="mia", role="MANAGER", organization="south", scope="ORGANIZATION"
    )
    assert [row["name"] for row in board.rows["Leaderboard"]] == ["Ben Bauer (south)"]
    assert board.report.title == "Leaderboard: Southbank"


async def test_a_token_that_claims_fewer_groups_sees_fewer(ask: Asker) -> None:
    async with entered(ask, "ada", "TEACHER", group_ids=()) as snapshot:
        report = await report_of(ExportKind.ATTEMPTS, {}, snapshot)
        assert await rows_of(snapshot, report.sheets[0]) == []
