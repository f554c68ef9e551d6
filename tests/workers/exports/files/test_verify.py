"""A file against its manifest."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import pytest

from tests.workers.exports.files.reports import names_sheet, numbers_sheet, report_of
from workers.exports import csv_file, json_file, xlsx_book, xlsx_file
from workers.exports.content import Options, Written
from workers.exports.manifest import side_file
from workers.exports.reading import ReportReader
from workers.exports.verify import Unverifiable, verify

WRITERS: dict[str, Callable[..., Any]] = {"csv": csv_file.write, "json": json_file.write, "xlsx": xlsx_file.write}
NAUGHTY = ["a\nb", '"', '""', "a\r\n,b", "", '\n"\n']


def keep(path: Path, written: Written) -> None:
    """As somebody does who fetches the manifest with the file."""
    side_file(path).write_text(json.dumps(written.manifest))


@pytest.mark.parametrize("format", WRITERS)
async def test_what_was_made_is_sound(reader: ReportReader, tmp_path: Path, format: str) -> None:
    path = tmp_path / f"a.{format}"
    written = await WRITERS[format](report_of(names_sheet(NAUGHTY)), reader, Options(), path)
    keep(path, written)
    for known in (None, written.manifest):
        found = verify(path, known)
        assert found.problems == ()
        assert (found.rows, found.sha256) == ({"Names": 6}, written.sha256)
        assert (found.about["title"], found.about["asOf"]) == ("Algebra 1", "2026-03-01T11:30:00Z")
        assert (found.about["timeZone"], found.about["requestedBy"]) == ("Europe/Madrid", "Ada Abel")


@pytest.mark.parametrize("format", WRITERS)
async def test_the_hash_is_known_from_elsewhere(reader: ReportReader, tmp_path: Path, format: str) -> None:
    path = tmp_path / f"a.{format}"
    written = await WRITERS[format](report_of(names_sheet(NAUGHTY)), reader, Options(), path)
    assert verify(path, written.manifest).problems == ()
    [problem] = verify(path, {**written.manifest, "sha256": "0" * 64}).problems
    assert "SHA-256" in problem


async def test_a_csv_that_lost_a_row(reader: ReportReader, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    keep(path, await csv_file.write(report_of(numbers_sheet(10_000)), reader, Options(), path))
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    rows, sha256 = verify(path).problems
    assert rows == "Rows: 9999 rows, where the manifest says 10000."
    assert "SHA-256" in sha256


async def test_a_csv_in_which_one_digit_was_changed(reader: ReportReader, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    keep(path, await csv_file.write(report_of(numbers_sheet(10)), reader, Options(), path))
    path.write_bytes(path.read_bytes().replace(b"0.14", b"0.94"))
    [problem] = verify(path).problems
    assert "SHA-256" in problem


async def test_the_manifest_of_a_csv(reader: ReportReader, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    written = await csv_file.write(report_of(names_sheet(["=1"])), reader, Options(), path)
    assert side_file(path).name == "a.csv.manifest.json"
    assert written.manifest == {
        "title": "Algebra 1",
        "subtitle": "Spring",
        "asOf": "2026-03-01T11:30:00Z",
        "timeZone": "Europe/Madrid",
        "requestedBy": "Ada Abel",
        "format": "csv",
        "dialect": "EXCEL",
        "neutralizedCells": 1,
        "truncatedCells": 0,
        "filters": {"Group": "Algebra 1"},
        "tables": [
            {
                "title": "Names",
                "rows": 1,
                "columns": [
                    {"name": "number", "title": "Number", "kind": "integer"},
                    {"name": "name", "title": "Name", "kind": "text"},
                ],
            }
        ],
        "bytes": written.bytes,
        "sha256": written.sha256,
    }


async def test_a_json_that_lost_a_row(reader: ReportReader, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    await json_file.write(report_of(names_sheet(["Ada", "Ben"])), reader, Options(), path)
    path.write_text(path.read_text().replace(',\n[2,"Ben"]', ""))
    assert verify(path).problems == ("Names: 1 rows, where the manifest says 2.",)


async def test_an_xlsx_of_several_sheets_that_lost_a_row(
    reader: ReportReader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(xlsx_book, "MOST_ROWS", 5)
    path, broken = tmp_path / "a.xlsx", tmp_path / "b.xlsx"
    await xlsx_file.write(report_of(numbers_sheet(6), names_sheet([])), reader, Options(), path)
    assert verify(path).problems == ()
    assert verify(path).rows == {"Rows": 4, "Rows (2)": 2, "Names": 0}
    with ZipFile(path) as whole, ZipFile(broken, "w", ZIP_DEFLATED) as part:
        for name in whole.namelist():
            content = whole.read(name)
            if name == "xl/worksheets/sheet2.xml":
                start, end = content.index(b'<row r="3"'), content.index(b"</sheetData>")
                content = content[:start] + content[end:]
            part.writestr(name, content)
    assert verify(broken).problems == ("Rows (2): 1 rows, where the manifest says 2.",)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.pdf", b""), ("a", b""), ("a.csv", b"x"), ("a.json", b"{}"), ("a.json", b"{"), ("a.json", b"[]"), ("a.xlsx", b""),
        ("a.xlsx", b"PK"), ("a.json", b'{"sheets":[],"manifest":1}'),
    ],
)  # fmt: skip
def test_nothing_to_verify(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(Unverifiable) as raised:
        verify(tmp_path / name)
    assert raised.value.code == "EXPORT_UNVERIFIABLE"
    assert str(raised.value)


def test_an_archive_that_is_no_workbook(tmp_path: Path) -> None:
    with ZipFile(tmp_path / "a.xlsx", "w") as archive:
        archive.writestr("a", "b")
    with pytest.raises(Unverifiable):
        verify(tmp_path / "a.xlsx")
