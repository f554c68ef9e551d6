"""XLSX as another program reads it."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import openpyxl
import pytest
from openpyxl.utils.escape import unescape

from tests.workers.exports.files.reports import left, names_sheet, naughty_names, numbers_sheet, report_of
from workers.exports import xlsx_book
from workers.exports.content import Column, Kind, Options, Sheet, TooLarge
from workers.exports.reading import ReportReader
from workers.exports.xlsx_file import write

EVERYTHING = Sheet(
    "Everything",
    tuple(Column(kind.value, kind.value.title(), kind, digits=1) for kind in Kind),
    """SELECT * FROM (VALUES
      ('384622082018771969', -5::bigint, 86.55, 0.5::float8, 12.25::numeric, timestamptz '2026-07-01 10:00:00.25Z', date '2026-07-01', true),
      (NULL, 384622082018771969, 'NaN', NULL, NULL, timestamptz '1800-01-01 10:00Z', date '1800-01-01', false),
      (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)
    ) AS t""",
)


def opened(path: Path) -> Any:
    return openpyxl.load_workbook(path)


def wall(*parts: int) -> datetime:
    """What a clock shows."""
    return datetime(*parts, tzinfo=UTC).replace(tzinfo=None)


def texts(sheet: Any) -> list[list[Any]]:
    """The values of the rows below the header."""
    return [list(row) for row in sheet.iter_rows(min_row=2, values_only=True)]


async def test_every_kind_of_value(reader: ReportReader, tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    written = await write(report_of(EVERYTHING), reader, Options(), path)
    book = opened(path)
    sheet = book["Everything"]
    assert [cell.value for cell in sheet[1]] == [
        "Text", "Integer", "Decimal", "Ratio", "Seconds", "Instant (Europe/Madrid)", "Date", "Flag",
    ]  # fmt: skip
    assert [cell.value for cell in sheet[2]] == [
        "384622082018771969", -5, 86.55, 0.5, 12.25, wall(2026, 7, 1, 12, 0, 0, 250_000), wall(2026, 7, 1), True,
    ]  # fmt: skip
    assert [cell.value for cell in sheet[3]] == [
        None, "384622082018771969", None, None, None, "1800-01-01 10:00:00+00:00", "1800-01-01", False,
    ]  # fmt: skip
    assert [cell.number_format for cell in sheet[2]] == [
        "@", "0", "0.0", "0.0%", "0.0", "yyyy-mm-dd hh:mm:ss", "yyyy-mm-dd", "General",
    ]  # fmt: skip
    assert (sheet.freeze_panes, sheet.auto_filter.ref, sheet["A1"].font.bold) == ("A2", "A1:H4", True)
    assert book.sheetnames == ["Everything", "Manifest"]
    assert ["rows", "Everything", 3] in texts(book["Manifest"])
    assert ["filter", "Group", "Algebra 1"] in texts(book["Manifest"])
    assert written.rows == 3
    assert written.bytes == path.stat().st_size
    assert written.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert left(tmp_path) == {"a.xlsx"}


async def test_an_empty_result(reader: ReportReader, tmp_path: Path) -> None:
    written = await write(report_of(names_sheet([])), reader, Options(), tmp_path / "a.xlsx")
    sheet = opened(tmp_path / "a.xlsx")["Names"]
    assert [[cell.value for cell in row] for row in sheet.rows] == [["Number", "Name"]]
    assert written.rows == 0


async def test_naughty_names_come_back(reader: ReportReader, tmp_path: Path, shared_data: Path) -> None:
    names = [
        *naughty_names(shared_data),
        "_x0041_",
        "a\rb\r\nc",
        "\ufffe\uffff",
        " x ",
        "=1+1",
        "http://x.example",
        "{=1}",
    ]
    await write(report_of(names_sheet(names)), reader, Options(), tmp_path / "a.xlsx")
    cells = [row[1] for row in opened(tmp_path / "a.xlsx")["Names"].iter_rows(min_row=2)]
    assert [unescape(cell.value or "") for cell in cells] == names
    assert {cell.data_type for cell in cells} <= {"s", "inlineStr"}
    with ZipFile(tmp_path / "a.xlsx") as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml")
        assert b"<f>" not in sheet
        assert b"<hyperlink" not in sheet
        assert not [name for name in archive.namelist() if "externalLink" in name or "worksheets/_rels" in name]


@pytest.mark.parametrize(
    ("text", "kept", "truncated"),
    [
        ("x" * 32_767, "x" * 32_767, 0),
        ("x" * 32_768, "x" * 32_766 + "…", 1),
        ("😀" * 16_383, "😀" * 16_383, 0),
        ("😀" * 16_384, "😀" * 16_383 + "…", 1),
        ("x" + "😀" * 16_384, "x" + "😀" * 16_382 + "…", 1),
    ],
    ids=["all", "one more", "all in pairs", "one pair more", "a pair that is cut"],
)
async def test_long_texts(reader: ReportReader, tmp_path: Path, text: str, kept: str, truncated: int) -> None:
    written = await write(report_of(names_sheet([text])), reader, Options(), tmp_path / "a.xlsx")
    book = opened(tmp_path / "a.xlsx")
    assert book["Names"]["B2"].value == kept
    assert written.truncated == truncated
    assert ["truncatedCells", "", truncated] in texts(book["Manifest"])


async def test_hostile_titles(reader: ReportReader, tmp_path: Path) -> None:
    titles = [
        "[a]:*?/\\b",
        "'",
        "",
        "Manifest",
        "history",
        "x" * 40,
        "X" * 40,
        "=1+1",
        "Anna\u202egnp",
        "a\x01b",
        "😀" * 30,
    ]
    sheets = [Sheet(title, (Column("name", f"=HYPERLINK({title})", Kind.TEXT),), "SELECT 'x'") for title in titles]
    report = report_of(*sheets, title="=1", requested_by="=cmd|", filters={"=2": "@3"})
    await write(report, reader, Options(), tmp_path / "a.xlsx")
    book = opened(tmp_path / "a.xlsx")
    assert book.sheetnames == [
        "a      b", "Sheet", "Sheet (2)", "Manifest (2)", "history (2)", "x" * 30 + "…", "X" * 26 + "… (2)", "=1+1", "Annagnp",
        "a b", "😀" * 15 + "…", "Manifest",
    ]  # fmt: skip
    assert {cell.data_type for sheet in book for row in sheet.rows for cell in row if cell.value} <= {
        "s",
        "n",
        "inlineStr",
    }


async def test_a_sheet_that_is_full(reader: ReportReader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With sheets of fewer rows than there can be: a million take long."""
    monkeypatch.setattr(xlsx_book, "MOST_ROWS", 1_001)
    written = await write(report_of(numbers_sheet(2_500)), reader, Options(), tmp_path / "a.xlsx")
    book = opened(tmp_path / "a.xlsx")
    assert book.sheetnames == ["Rows", "Rows (2)", "Rows (3)", "Manifest"]
    parts = [texts(book[name]) for name in book.sheetnames[:3]]
    assert [len(part) for part in parts] == [1_000, 1_000, 500]
    assert [row[2] for part in parts for row in part] == [*range(1, 2_501)]
    assert {book[name]["A1"].value for name in book.sheetnames[:3]} == {"Id"}
    assert written.rows == 2_500


@pytest.mark.parametrize(("rows", "most_bytes"), [(20_000, 100_000), (20_000, 20_000), (0, 1_000)])
async def test_a_file_that_is_too_large(reader: ReportReader, tmp_path: Path, rows: int, most_bytes: int) -> None:
    """Found out when it is packed, or already while its parts grow."""
    with pytest.raises(TooLarge):
        await write(report_of(numbers_sheet(rows)), reader, Options(most_bytes=most_bytes), tmp_path / "a.xlsx")
    assert left(tmp_path) == set()
