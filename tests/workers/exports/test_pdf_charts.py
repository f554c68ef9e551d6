from __future__ import annotations

import re
from xml.etree.ElementTree import Element, fromstring

from workers.exports.content import Chart, ChartKind
from workers.exports.pdf.charts import MOST_BARS, left_out, svg

Points = list[tuple[str, float | None]]


def drawn(kind: ChartKind, points: Points) -> Element:
    drawing = svg(Chart(kind, "A chart", points), 240)
    assert drawing is not None
    return fromstring(drawing)


def texts(drawing: Element) -> list[str]:
    shown = (element for element in drawing.iter("{http://www.w3.org/2000/svg}text") if element.get("opacity") != "0")
    return [element.text or "" for element in shown]


def bars(drawing: Element) -> list[Element]:
    return [element for element in drawing.iter() if element.get("aria-roledescription") == "bar"]


def test_a_line_breaks_where_there_is_no_value() -> None:
    drawing = drawn(ChartKind.LINE, [("a", 1.0), ("b", 2.0), ("c", None), ("d", float("nan")), ("e", 3.0), ("f", 2.5)])
    (line,) = (element for element in drawing.iter() if element.get("aria-roledescription") == "line mark container")
    (path,) = (child.get("d", "") for child in line)
    assert len(re.findall("M", path)) == 2


def test_a_value_between_gaps_is_a_point() -> None:
    drawing = drawn(ChartKind.LINE, [("a", None), ("b", 2.0), ("c", None)])
    assert [element for element in drawing.iter() if element.get("aria-roledescription") == "point"]


def test_bars_of_one_name_stay_two() -> None:
    drawing = drawn(ChartKind.BARS, [("Intro", 1.0), ("Intro", 2.0), ("Sets", None)])
    assert len(bars(drawing)) == 3
    assert texts(drawing).count("Intro") == 2
    assert "Sets" in texts(drawing)


def test_labels_are_text_and_nothing_else() -> None:
    label = "</text><script>'+datum.value"
    assert label in texts(drawn(ChartKind.BARS, [(label, 1.0)]))


def test_more_bars_than_one_can_read_are_left_out() -> None:
    chart = Chart(ChartKind.BARS, "Labs", [(f"Lab {number}", 1.0) for number in range(MOST_BARS + 5)])
    assert left_out(chart) == 5
    assert len(bars(drawn(ChartKind.BARS, list(chart.points)))) == MOST_BARS


def test_no_values_are_no_drawing() -> None:
    assert svg(Chart(ChartKind.LINE, "Score", []), 240) is None
    assert svg(Chart(ChartKind.BARS, "Score", [("a", None), ("b", float("inf"))]), 240) is None


def test_a_year_of_days_is_drawn() -> None:
    points: Points = [(f"2026-{day // 31 + 1:02d}-{day % 31 + 1:02d}", day % 7) for day in range(365)]
    assert 2 <= len([text for text in texts(drawn(ChartKind.LINE, points)) if text.startswith("2026-")]) < 20
