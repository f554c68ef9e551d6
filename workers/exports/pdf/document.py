"""What a page shows, as plain data: the template lays it out, and never reads any of it as markup."""

from __future__ import annotations

from math import ceil
from typing import Any
from zoneinfo import ZoneInfo

from workers.exports.content import Card, Chart, Column, Kind, Report
from workers.exports.pdf import charts
from workers.exports.pdf.tables import MOST_CHARACTERS, MOST_COLUMNS, MOST_ROWS, Table
from workers.exports.pdf.text import breakable, isolated, plain
from workers.exports.pdf.values import moment

# Widths of columns are counted in characters: these bounds keep one from taking all.
_NARROWEST, _WIDEST, _PADDING = 5, 30, 2

# How narrow texts may get, of their full width, before the page is laid across.
_WRAPPED = 0.65

# Figures of one width each are wider than the letters of a text are on average.
_DIGIT = 1.15

# The characters that fit beside each other on a page held upright, and on one held across (in a smaller size).
_UPRIGHT, _ACROSS = 104, 180

_ASK_FOR_ALL = "Ask for CSV or XLSX for all."

# The text block of the template in points, and the gap between two charts.
_TEXT_WIDTH, _GAP = 493, 18


def document(report: Report, tables: list[Table]) -> dict[str, Any]:
    """What sys.inputs.document is in the template. Draws the charts, so it takes a while."""
    zone = ZoneInfo(report.time_zone)
    as_of = moment(report.as_of, zone)
    return {
        "title": plain(report.title),
        "subtitle": plain(report.subtitle),
        "language": report.locale.partition("-")[0],
        "isolated_title": isolated(plain(report.title)),
        "as_of": isolated(f"As of {as_of} ({report.time_zone})"),
        "requested_by": isolated(f"Made for {isolated(plain(report.requested_by))}"),
        "filters": [isolated(f"{plain(name)}: {isolated(plain(value))}") for name, value in report.filters.items()],
        "cards": [_card(card) for card in report.cards],
        "charts": _charts(report.charts),
        "tables": [_table(table) for table in tables],
        "rows": isolated(_count(tables[0])) if tables else "",
    }


def _card(card: Card) -> dict[str, str]:
    return {"label": plain(card.label), "value": plain(card.value), "note": plain(card.note)}


def _charts(given: tuple[Chart, ...]) -> list[dict[str, Any]]:
    # Two beside each other; a last one that is alone takes the whole width.
    half = (_TEXT_WIDTH - _GAP) // 2
    paired = len(given) - len(given) % 2
    return [_chart(chart, half if place < paired else _TEXT_WIDTH) for place, chart in enumerate(given)]


def _chart(chart: Chart, width: int) -> dict[str, Any]:
    title = plain(chart.title)
    left_out = charts.left_out(chart)
    return {
        "title": title,
        "unit": plain(chart.unit),
        "note": f"First {charts.MOST_BARS} of {len(chart.points):,}." if left_out else "",
        "svg": charts.svg(chart, width),
        "wide": width == _TEXT_WIDTH,
    }


def _table(table: Table) -> dict[str, Any]:
    columns = table.sheet.columns[:MOST_COLUMNS]
    rows = [[breakable(plain(cell)) for cell in row] for row in table.rows]
    widths = [_width(column, [row[place] for row in rows]) for place, column in enumerate(columns)]
    texts = [column.kind is Kind.TEXT for column in columns]
    across = sum(width * _WRAPPED if text else width for width, text in zip(widths, texts, strict=True)) > _UPRIGHT
    return {
        "title": plain(table.sheet.title),
        "columns": [
            {"title": breakable(plain(column.title)), "width": width, "text": text}
            for column, width, text in zip(columns, _fitted(widths, texts, across), texts, strict=True)
        ],
        "rows": rows,
        "count": _count(table),
        "notes": _notes(table),
        "across": across,
    }


def _width(column: Column, cells: list[str]) -> int:
    # A heading may wrap between words, so that only its longest word counts.
    longest = max((len(text) for text in (*cells, *column.title.split())), default=0)
    wide = longest if column.kind is Kind.TEXT else ceil(longest * _DIGIT)
    return min(max(wide, _NARROWEST), _WIDEST) + _PADDING


def _fitted(widths: list[int], texts: list[bool], across: bool) -> list[float]:
    # Where not all fits, texts give way: they can wrap, and a number that does is misread.
    room = _ACROSS if across else _UPRIGHT
    of_texts = sum(width for width, text in zip(widths, texts, strict=True) if text)
    left = max(room - (sum(widths) - of_texts), (_NARROWEST + _PADDING) * sum(texts))
    squeeze = min(1.0, left / of_texts) if of_texts else 1.0
    return [width * squeeze if text else width for width, text in zip(widths, texts, strict=True)]


def _count(table: Table) -> str:
    if table.more:
        return f"first {MOST_ROWS:,} rows of more"
    return "1 row" if len(table.rows) == 1 else f"{len(table.rows):,} rows"


def _notes(table: Table) -> list[str]:
    notes = []
    if table.more:
        notes.append(f"These are the first {MOST_ROWS:,} rows of more. {_ASK_FOR_ALL}")
    if (columns := len(table.sheet.columns)) > MOST_COLUMNS:
        notes.append(f"These are the first {MOST_COLUMNS} of {columns} columns. {_ASK_FOR_ALL}")
    if table.cut:
        notes.append(f"Texts longer than {MOST_CHARACTERS} characters are cut (…). {_ASK_FOR_ALL}")
    return notes
