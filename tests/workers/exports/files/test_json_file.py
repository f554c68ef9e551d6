"""JSON: every sheet, with all digits."""

from __future__ import annotations

import hashlib
import json
from decimal import Decimal
from pathlib import Path

import pytest

from tests.workers.exports.files.reports import left, names_sheet, naughty_names, numbers_sheet, report_of
from workers.exports.content import Card, Chart, ChartKind, Column, Kind, Options, Sheet, TooLarge
from workers.exports.json_file import write
from workers.exports.reading import ReportReader

EVERYTHING = Sheet(
    "Everything",
    tuple(Column(kind.value, kind.value.title(), kind) for kind in Kind),
    """SELECT * FROM (VALUES
      ('=1+1', -5::bigint, 0.12345678901234567890123456789, 1 / 3.0::float8, 1e3::numeric, timestamptz '2026-07-01 10:00:00.5+02',
        date '2026-07-01', true),
      (NULL, 9223372036854775807, 'NaN', 'Infinity', NULL, NULL, NULL, NULL)
    ) AS t""",
)


async def test_every_kind_of_value(reader: ReportReader, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    written = await write(report_of(EVERYTHING, names_sheet(["Ada"])), reader, Options(), path)
    content = json.loads(path.read_bytes(), parse_float=Decimal)
    everything, names = content["sheets"]
    assert everything["rows"] == [
        ["=1+1", -5, Decimal("0.12345678901234567890123456789"), Decimal(repr(1 / 3)), 1000, "2026-07-01T08:00:00.500000Z", "2026-07-01", True],
        [None, 9223372036854775807, None, None, None, None, None, None],
    ]  # fmt: skip
    assert everything["columns"][0] == {"name": "text", "title": "Text", "kind": "text"}
    assert (names["title"], names["rows"]) == ("Names", [[1, "Ada"]])
    assert content["manifest"]["tables"][0]["rows"] == written.rows == 2
    assert written.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


async def test_the_figures_and_trends_of_the_first_page(reader: ReportReader, tmp_path: Path) -> None:
    trend = Chart(ChartKind.LINE, "Score by week", [("2026-W01", 71.5), ("2026-W02", None)], "score")
    report = report_of(numbers_sheet(1), cards=(Card("Score", "71.5", "of 100"),), charts=(trend,))
    await write(report, reader, Options(), tmp_path / "a.json")
    content = json.loads((tmp_path / "a.json").read_bytes())
    assert content["summary"] == [{"label": "Score", "value": "71.5", "note": "of 100"}]
    points = [["2026-W01", 71.5], ["2026-W02", None]]
    assert content["trends"] == [{"title": "Score by week", "unit": "score", "points": points}]


async def test_naughty_names_come_back(reader: ReportReader, tmp_path: Path, shared_data: Path) -> None:
    names = naughty_names(shared_data)
    await write(report_of(names_sheet(names)), reader, Options(), tmp_path / "a.json")
    [sheet] = json.loads((tmp_path / "a.json").read_bytes())["sheets"]
    assert [name for _, name in sheet["rows"]] == names


@pytest.mark.parametrize("rows", [0, 1, 999, 1_000, 1_001, 2_000])
async def test_batches_lose_nothing(reader: ReportReader, tmp_path: Path, rows: int) -> None:
    report = report_of(numbers_sheet(rows), numbers_sheet(1, "More"))
    written = await write(report, reader, Options(), tmp_path / "a.json")
    first, more = json.loads((tmp_path / "a.json").read_bytes())["sheets"]
    assert [row[2] for row in first["rows"]] == [*range(1, rows + 1)]
    assert len(more["rows"]) == 1
    assert written.rows == rows


async def test_a_file_that_is_too_large(reader: ReportReader, tmp_path: Path) -> None:
    with pytest.raises(TooLarge):
        await write(report_of(numbers_sheet(50_000)), reader, Options(most_bytes=1_000_000), tmp_path / "a.json")
    assert left(tmp_path) == set()
