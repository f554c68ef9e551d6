"""Makes reports as somebody of the school, and reads their sheets as a file would be made of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from db.entering import Caller
from db.export_parameters import ExportKind
from db.snapshot import Snapshot
from tests.asking import Asker
from workers.exports.content import Report, Sheet
from workers.exports.kinds.registry import report_of

Row = dict[str, Any]


@dataclass(frozen=True)
class AsWritten:
    """A sheet's SQL with its values, as a snapshot runs it."""

    sheet: Sheet
    asks_who: bool = False
    tells_time: bool = False
    dependencies: tuple[Any, ...] = ()

    @property
    def sql(self) -> str:
        return self.sheet.sql

    @property
    def settled_sql(self) -> str:
        return self.sheet.sql

    def arguments(self, values: Mapping[str, Any]) -> list[Any]:
        return list(self.sheet.values)


@dataclass(frozen=True)
class Made:
    """A report, and the rows of its sheets by title."""

    report: Report
    rows: dict[str, list[Row]]
    at: datetime

    @property
    def cards(self) -> dict[str, str]:
        return {card.label: card.value for card in self.report.cards}

    @property
    def charts(self) -> list[list[tuple[str, float | None]]]:
        return [list(chart.points) for chart in self.report.charts]


async def rows_of(snapshot: Snapshot, sheet: Sheet) -> list[Row]:
    """Under the names of the columns, which are those of the statement."""
    rows = await snapshot.rows(AsWritten(sheet))
    names = [column.name for column in sheet.columns]
    assert all(list(row.keys()) == names for row in rows)
    return [dict(row) for row in rows]


@asynccontextmanager
async def entered(
    ask: Asker, person: str, role: str, organization: str = "north", group_ids: tuple[str, ...] | None = None
) -> AsyncIterator[Snapshot]:
    snapshot = Snapshot(ask.pool, Caller(organization, person, role, group_ids))
    try:
        yield snapshot
    finally:
        await snapshot.aclose()


async def make(
    ask: Asker,
    kind: ExportKind,
    *,
    person: str = "ada",
    role: str = "TEACHER",
    organization: str = "north",
    **asked: Any,
) -> Made:
    async with entered(ask, person, role, organization) as snapshot:
        report = await report_of(kind, asked, snapshot)
        rows = {sheet.title: await rows_of(snapshot, sheet) for sheet in report.sheets}
        return Made(report, rows, await snapshot.at())
