"""Saved reports as their owners see them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import select, text

from db.dependencies import Dependency
from db.keyset import Page, SortKey, among, bounded_count, paged, sort_values
from db.models.reports import reports
from db.snapshot import Snapshot
from db.statement import Statement


class ReportRow(NamedTuple):
    """``period`` as ``db.relative_period`` has it; None is all time."""

    id: int
    owner_id: int | None
    title: str
    description: str | None
    kind: str
    parameters: dict[str, Any]
    period: dict[str, Any] | None
    group_id: int | None
    user_id: int | None
    created_at: datetime
    updated_at: datetime


COLUMNS = tuple(reports.c[name] for name in ReportRow._fields)
NEWEST_FIRST = (SortKey(reports.c.id, descending=True),)
# As row security has it. Said here, too: who of those that see a whole organization is asking, matters for once.
OWN = text("(viewer_role() = 'ADMIN' OR reports.owner_id IS NOT DISTINCT FROM viewer_user_id())")
ON_REPORTS = Dependency("reports")

REPORTS_BY_ID = Statement(select(*COLUMNS).where(OWN, among(reports.c.id, "ids")), ON_REPORTS)


async def get_reports(snapshot: Snapshot, ids: Sequence[int]) -> list[ReportRow]:
    return [ReportRow(*row) for row in await snapshot.rows(REPORTS_BY_ID, ids=ids)]


async def list_reports(snapshot: Snapshot, page: Page) -> list[tuple[ReportRow, tuple[Any, ...]]]:
    """A page, newest first, with one row more than asked."""
    selected = select(*COLUMNS, *sort_values(NEWEST_FIRST)).where(OWN)
    width = len(COLUMNS)
    rows = await snapshot.rows(Statement(paged(selected, NEWEST_FIRST, page), ON_REPORTS))
    return [(ReportRow(*row[:width]), tuple(row[width:])) for row in rows]


async def count_reports(snapshot: Snapshot, bound: int | None) -> int:
    """How many there are; no further than ``bound``."""
    return await snapshot.count(Statement(bounded_count(select(reports.c.id).where(OWN), bound), ON_REPORTS))
