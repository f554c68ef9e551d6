"""What a page shows, as plain data: the template lays it out, and never reads any of it as markup."""

from __future__ import annotations

from math import ceil
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from workers.exports.content import Card, Chart, Column, Kind, Report
from workers.exports.pdf import charts
from workers.exports.pdf.tables import MOST_CHARACTERS, MOST_ROWS, Table, cut
from workers.exports.pdf.text import breakable, isolated, plain
from workers.exports.pdf.values import moment

# Widths of columns are counted in characters: these bounds keep one from taking all.
_NARROWEST, _WIDEST, _PADDING = 5, 30, 2

# How narrow texts may get, of their full width, before the page is laid across.
_WRAPPED = 0.65

# Figures of one width each are wider than the letters of a text are on average.
_DIGIT = 1.15

# Capitals are so much wider.
_WIDE_LETTER = 1.25

# Headings are of few words, known to be narrower; they get as much as their longest word needs.
_HEADING_LETTER = 1.15

# What is no longer is not broken where it need not be.
_LONGEST_WORD = 14

_FROM_THE_START = (Kind.TEXT, Kind.INSTANT, Kind.DATE)

# The characters that fit beside each other on a page held upright, and on one held across (in a smaller size).
_UPRIGHT, _ACROSS = 104, 180

_ASK_FOR_ALL = "Ask for CSV or XLSX for all."

# So much of a title stands at the foot of each page, which has no room for more.
_FOOT = 60

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
        "foot": isolated(cut(plain(report.title), _FOOT)),
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
    cells = [[plain(cell) for cell in row] for row in table.rows]
    widths = [_width(column, [row[place] for row in cells]) for place, column in enumerate(table.columns)]
    across = sum(max(width.whole * _WRAPPED, width.least) for width in widths) > _UPRIGHT
    fitted = _fitted(widths, _ACROSS if across else _UPRIGHT)
    return {
        "title": plain(table.sheet.title),
        "columns": [
            {
                "title": breakable(plain(column.title), _characters(width, _HEADING_LETTER)),
                "width": width,
                "text": column.kind is Kind.TEXT,
                "start": column.kind in _FROM_THE_START,
            }
            for column, width in zip(table.columns, fitted, strict=True)
        ],
        "rows": [
            [breakable(cell, _characters(width)) for cell, width in zip(row, fitted, strict=True)] for row in cells
        ],
        "count": _count(table),
        "notes": _notes(table),
        "across": across,
    }


class _Width(NamedTuple):
    """Of a column, in characters: with no line wrapped, and with lines that wrap between words."""

    whole: float
    least: float


def _width(column: Column, cells: list[str]) -> _Width:
    # A heading may wrap, too.
    heading = max((len(word) for word in column.title.split()), default=0) * _HEADING_LETTER
    longest = max((len(text) for text in cells), default=0)
    if column.kind is not Kind.TEXT:
        # A number that wraps is misread.
        width = min(max(ceil(longest * _DIGIT), heading, _NARROWEST), _WIDEST) + _PADDING
        return _Width(width, width)
    word = max((len(word) for text in cells for word in text.split()), default=0)
    least = max(min(word, _LONGEST_WORD) * _WIDE_LETTER, heading, _NARROWEST) + _PADDING
    return _Width(max(min(longest, _WIDEST) + _PADDING, least), least)


def _fitted(widths: list[_Width], room: float) -> list[float]:
    """Where not all fits, those give way that can wrap; where that does not do, all."""
    whole, least = sum(width.whole for width in widths), sum(width.least for width in widths)
    if whole <= room:
        return [width.whole for width in widths]
    kept = max(room - least, 0) / (whole - least) if whole > least else 0.0
    narrowed = min(1.0, room / least)
    return [(width.least + (width.whole - width.least) * kept) * narrowed for width in widths]


def _characters(width: float, letter: float = _WIDE_LETTER) -> int:
    """How many of a text surely fit beside each other, where each is so wide."""
    return max(round((width - _PADDING) / letter), 1)


def _count(table: Table) -> str:
    if table.more:
        return f"first {MOST_ROWS:,} rows of more"
    return "1 row" if len(table.rows) == 1 else f"{len(table.rows):,} rows"


def _notes(table: Table) -> list[str]:
    notes = []
    if table.more:
        notes.append(f"These are the first {MOST_ROWS:,} rows of more. {_ASK_FOR_ALL}")
    if (columns := len(table.sheet.columns)) > len(table.columns):
        notes.append(f"These are {len(table.columns)} of {columns} columns. {_ASK_FOR_ALL}")
    if table.cut:
        notes.append(f"Texts longer than {MOST_CHARACTERS} characters are cut (…). {_ASK_FOR_ALL}")
    return notes
