"""A group's report with names of many scripts, and a reader over rows that are given."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from workers.exports.content import Card, Chart, ChartKind, Column, Kind, Report, Sheet

NAMES = (
    "Ben Bauer",
    "Łucja Żółć-Wiśniewska",
    "Nguyễn Thị Hồng",
    "Екатерина Щёголева",
    "Ελένη Παπαδοπούλου",
    "فاطمة الزهراء بنت محمد",
    "علی رضایی ۱۲۳",
    "שלום כהן",
    "สมหญิง ใจดี",
    "अनुष्का श्रीवास्तव",
    "প্রিয়াঙ্কা সেন",
    "கவிதா ராமன்",
    "王小明",
    "山田 太郎",
    "김민수",
    "ሰላም ተስፋዬ",
)

SHEET = Sheet(
    "Members",
    (
        Column("rank", "Rank", Kind.INTEGER),
        Column("name", "Name", Kind.TEXT),
        Column("attempts", "Attempts", Kind.INTEGER),
        Column("score", "Average score", Kind.DECIMAL, digits=1),
        Column("success", "Success", Kind.RATIO),
        Column("time", "Time", Kind.SECONDS),
        Column("last", "Last attempt", Kind.INSTANT),
    ),
    "",
)

Rows = list[tuple[Any, ...]]


class Given:
    """Gives the rows of a sheet by its title, three at a time; counts those that were asked for."""

    def __init__(self, rows: dict[str, Rows]) -> None:
        self.rows = rows
        self.given = 0

    async def batches(self, sheet: Sheet) -> AsyncGenerator[Rows, None]:
        rows = self.rows[sheet.title]
        for start in range(0, len(rows), 3):
            self.given += len(rows[start : start + 3])
            yield rows[start : start + 3]


def members(names: tuple[str, ...] = NAMES) -> Rows:
    """A row of SHEET for each name; every fifth has no attempt."""
    return [
        (place, name, 0, None, None, None, None)
        if place % 5 == 0
        else (
            place,
            name,
            1_290 - 61 * place,
            Decimal(977 - 23 * place) / 10,
            0.97 - place / 40,
            40.5 * place**2,
            datetime(2026, 2, place % 28 + 1, 22, 30, tzinfo=UTC),
        )
        for place, name in enumerate(names, 1)
    ]


def report(**changes: Any) -> Report:
    """The report of a group, with what is given instead."""
    whole: dict[str, Any] = {
        "title": "Group report: Algebra 1",
        "subtitle": "1 September 2025 to 28 February 2026",
        "as_of": datetime(2026, 3, 1, 13, 5, tzinfo=UTC),
        "time_zone": "Europe/Madrid",
        "requested_by": "Mía Møss",
        "filters": {"Group": "Algebra 1", "Topics": "Equations, Sets", "Teacher": "שלום כהן"},
        "sheets": (SHEET,),
        "cards": (
            Card("Members", "16", "13 active in the period"),
            Card("Average score", "78.4", "of 100, over 12,460 attempts"),
            Card("Success rate", "81.2%", "3.1 points above the period before"),
            Card("Time on task", "412 h", "24 h 15 min a member"),
        ),
        "charts": (
            Chart(
                ChartKind.LINE,
                "Average score by week",
                [
                    (f"{week} Jan", None if week in (9, 10, 12) else 60 + week * 1.5 - (week % 4) * 3)
                    for week in range(1, 25)
                ],
                "points",
            ),
            Chart(
                ChartKind.BARS,
                "Members by score",
                [
                    (f"{low}–{low + 9}", value)
                    for low, value in zip(range(0, 100, 10), (0, 0, 1, 0, 2, 3, 5, 8, 6, 2), strict=True)
                ],
                "members",
            ),
        ),
    }
    return Report(**(whole | changes))
