"""Charts as drawings in a page's own fonts and colours."""

from __future__ import annotations

from functools import cache
from math import isfinite
from typing import Any

import vl_convert

from workers.exports.content import Chart, ChartKind
from workers.exports.pdf import fonts
from workers.exports.pdf.text import plain

ACCENT = "#1f5a94"
INK, QUIET, HAIRLINE = "#1c2330", "#5d6675", "#d9dee5"

# More bars than a page can be read by; the table has all.
MOST_BARS = 30

# How wide a character of a label is, in points, and from how many on a label says more than a number: bars that would not
# have room for such labels lie. Of shorter ones, every other may go.
_CHARACTER, _WORD = 4.6, 7

_HEIGHT, _TICKS = 130, 4

# As many labels as have room; none runs out of the drawing.
_OVER_TIME: dict[str, Any] = {"labelAngle": 0, "labelOverlap": "greedy", "labelBound": True, "grid": False}

_CONFIG: dict[str, Any] = {
    "font": ", ".join(fonts.FAMILIES),
    "background": "transparent",
    "view": {"stroke": None},
    # A gap keeps its place.
    "mark": {"invalid": "show"},
    "axis": {
        "labelColor": QUIET,
        "labelFontSize": 8,
        "gridColor": HAIRLINE,
        "gridWidth": 0.5,
        "domainColor": HAIRLINE,
        "ticks": False,
        "labelPadding": 5,
        "title": None,
    },
}


def svg(chart: Chart, width: int) -> str | None:
    """The drawing, ``width`` points wide; None where the chart has no value at all."""
    values = [_number(value) for _, value in chart.points]
    if all(value is None for value in values):
        return None
    labels = [plain(label) for label, _ in chart.points]
    _register_fonts()
    match chart.kind:
        case ChartKind.LINE:
            spec = _line(values)
        case ChartKind.COLUMNS:
            spec = _columns(values)
        case ChartKind.BARS:
            spec = _bars(values, labels, width)
    return vl_convert.vegalite_to_svg(
        {
            "width": width - 20,
            "autosize": {"type": "fit-x", "contains": "padding"},
            "padding": 2,
            # Points are told apart by their place: two labs may be called the same.
            "params": [{"name": "labels", "value": labels}],
            **spec,
        },
        config=_CONFIG,
        allowed_base_urls=[],
    )


@cache
def _register_fonts() -> None:
    # So that texts are measured in the letters they are set in.
    for folder in fonts.folders():
        vl_convert.register_font_directory(str(folder))


def left_out(chart: Chart) -> int:
    """How many bars are not drawn."""
    return max(0, len(chart.points) - MOST_BARS) if chart.kind is ChartKind.BARS else 0


def _columns(values: list[float | None]) -> dict[str, Any]:
    return {
        "height": _HEIGHT,
        "data": {"values": [{"place": place, "value": value} for place, value in enumerate(values)]},
        "mark": {"type": "bar", "color": ACCENT},
        "encoding": {
            "x": _places(**_OVER_TIME) | {"scale": {"type": "band", "paddingInner": 0.25}},
            "y": _values(zero=True),
        },
    }


def _line(values: list[float | None]) -> dict[str, Any]:
    points = [{"place": place, "value": value, "alone": _alone(values, place)} for place, value in enumerate(values)]
    axes = {
        "x": _places(**_OVER_TIME) | {"scale": {"type": "point"}},
        "y": _values(zero=False),
    }
    line = {"mark": {"type": "line", "color": ACCENT, "strokeWidth": 1.8, "invalid": "break-paths-show-path-domains"}}
    # What has a gap on both sides is no line; it would not be seen.
    alone = {
        "transform": [{"filter": "datum.alone"}],
        "mark": {"type": "point", "filled": True, "color": ACCENT, "size": 18, "opacity": 1},
    }
    return {"height": _HEIGHT, "data": {"values": points}, "encoding": axes, "layer": [line, alone]}


def _bars(values: list[float | None], labels: list[str], width: int) -> dict[str, Any]:
    bars = [{"place": place, "value": value} for place, value in enumerate(values[:MOST_BARS])]
    lengths = [len(label) for label in labels[:MOST_BARS]]
    lying = max(lengths) > _WORD and len(lengths) * max(lengths) * _CHARACTER > width
    limit = width * 0.4 if lying else width
    places = _places(labelAngle=0, labelOverlap=False if lying else "parity", labelLimit=limit, grid=False) | {
        "scale": {"type": "band", "paddingInner": 0.3}
    }
    along, across = ("y", "x") if lying else ("x", "y")
    return {
        "height": {"step": 15} if lying else _HEIGHT,
        "data": {"values": bars},
        "mark": {"type": "bar", "color": ACCENT},
        "encoding": {along: places, across: _values(zero=True)},
    }


def _places(**axis: Any) -> dict[str, Any]:
    return {
        "field": "place",
        "type": "ordinal",
        "sort": None,
        "axis": {"labelExpr": "labels[datum.value]", **axis},
    }


def _values(zero: bool) -> dict[str, Any]:
    return {
        "field": "value",
        "type": "quantitative",
        "scale": {"zero": zero, "nice": _TICKS},
        "axis": {"tickCount": _TICKS, "domain": False, "format": ",~f"},
    }


def _number(value: float | None) -> float | None:
    return float(value) if value is not None and isfinite(value) else None


def _alone(values: list[float | None], place: int) -> bool:
    around = values[max(0, place - 1) : place] + values[place + 1 : place + 2]
    return values[place] is not None and all(value is None for value in around)
