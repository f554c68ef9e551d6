"""Pages are opened again with another program: what they say, how many they are, and what hostile texts do to them."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import typst
from pypdf import PageObject, PdfReader
from pypdf.generic import ContentStream

from tests.workers.exports.sample import NAMES, SHEET, Given, Rows, members, report
from workers.exports.content import Chart, ChartKind, Column, Kind, Options, Report, Sheet, TooLarge, Written
from workers.exports.pdf import fonts
from workers.exports.pdf.file import write
from workers.exports.pdf.pages import render
from workers.exports.pdf.printing import Pages
from workers.exports.pdf.tables import MOST_CHARACTERS, MOST_COLUMNS, MOST_ROWS, Table

NAME_ONLY = Sheet("Members", (Column("name", "Name", Kind.TEXT),), "")


async def pages(path: Path, rows: dict[str, Rows] | None = None, **changes: Any) -> tuple[Written, PdfReader]:
    """The report of the sample, with changes, written and opened."""
    reader = Given(rows if rows is not None else {"Members": members()})
    with patch("workers.exports.pdf.file.printed", _in_this_process):
        written = await write(report(**changes), reader, Options(), path / "report.pdf")
    return written, PdfReader(path / "report.pdf")


async def _in_this_process(report: Report, tables: list[Table]) -> Pages:
    # Half a second less for each of these tests; how the process for it fares is in test_pdf_printing.
    return render(report, tables)


def text(pdf: PdfReader) -> str:
    """What the pages say: composed, letters in their logical order, no places where a line may end."""
    whole = "\n".join(page.extract_text() + "".join(_beside(page, pdf)) for page in pdf.pages)
    return unicodedata.normalize("NFKC", whole).replace("\N{ZERO WIDTH SPACE}", "")


def _beside(page: PageObject, pdf: PdfReader) -> Iterator[str]:
    # Where glyphs are no letters (conjuncts, letters and their dots) the file has the text beside them.
    for operands, operator in ContentStream(page.get_contents(), pdf).operations:
        if operator == b"BDC" and "/ActualText" in operands[1]:
            yield operands[1]["/ActualText"]


def letters(said: str) -> Counter[str]:
    """The letters of a text in no order: a reader gives right-to-left lines as they are drawn."""
    return Counter(character for character in unicodedata.normalize("NFKC", said) if not character.isspace())


async def test_says_what_it_is_of_for_whom_and_when(tmp_path: Path) -> None:
    written, pdf = await pages(tmp_path)
    said = text(pdf)
    for part in (
        "Group report: Algebra 1",
        "1 September 2025 to 28 February 2026",
        "As of 1 March 2026, 14:05 (Europe/Madrid)",
        "Made for",
        "Mía Møss",
        "Equations, Sets",
        "Success rate",
        "81.2%",
        "Average score by week",
        "16 rows",
        "Page 1 of 1",
        "94.5%",
        "2 min 42 s",
        "2026-02-02 23:30",  # 22:30 UTC in Madrid
    ):
        assert part in said
    assert pdf.metadata is not None
    assert pdf.metadata.title == "Group report: Algebra 1"
    content = (tmp_path / "report.pdf").read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    assert (written.rows, written.bytes, written.sha256) == (16, len(content), sha256)
    assert (written.manifest["sha256"], written.manifest["tables"][0]["rows"]) == (sha256, 16)


@pytest.mark.parametrize("name", NAMES)
async def test_shows_names_of_every_script_in_embedded_fonts(tmp_path: Path, name: str) -> None:
    _, pdf = await pages(tmp_path, {"Members": [(name,)]}, sheets=(NAME_ONLY,), cards=(), charts=(), filters={})
    _, without = await pages(tmp_path, {"Members": [("",)]}, sheets=(NAME_ONLY,), cards=(), charts=(), filters={})
    # At least: of glyphs that have their text beside them, a reader gives both.
    assert letters(text(pdf)) - letters(text(without)) >= letters(name)
    assert accessible(pdf)


def accessible(pdf: PdfReader) -> bool:
    """Whether the file says of itself that it is PDF/UA-1, which Typst grants only if every glyph was found."""
    metadata = pdf.trailer["/Root"]["/Metadata"]
    return b"pdfuaid:part" in metadata.get_data()


def test_a_glyph_that_no_font_has_is_noticed() -> None:
    # The guard itself: with one font alone, what it lacks fails a compilation that is to be accessible.
    compiler = typst.Compiler(font_paths=fonts.typst_fonts(), ignore_system_fonts=True)

    def compiled(name: str) -> object:
        source = f'#set document(title: "t")\n#set text(font: "Inter", fallback: false)\n{name}'.encode()
        return compiler.compile(source, format="pdf", pdf_standards="ua-1")

    assert compiled("Łucja")
    with pytest.raises(typst.TypstError, match="could not be displayed"):
        compiled("王")


async def test_what_no_font_has_is_shown_as_missing(tmp_path: Path) -> None:
    _, pdf = await pages(tmp_path, {"Members": [("Anna \U00013000 \ue000",)]}, sheets=(NAME_ONLY,))
    assert "Anna � �" in text(pdf)
    assert accessible(pdf)


async def test_headings_wrap_between_words_and_not_in_them(tmp_path: Path) -> None:
    titles = (
        "Name",
        "Tasks completed",
        "Mean attempt score",
        "Success rate",
        "Mean days early",
        "Hint use",
        "Last activity",
    )
    columns = tuple(Column(title.lower(), title, Kind.TEXT if title == "Name" else Kind.RATIO) for title in titles)
    _, pdf = await pages(tmp_path, {"Members": []}, sheets=(Sheet("Members", columns, ""),), charts=())
    said = pdf.pages[-1].extract_text()
    assert not {word for title in titles for word in title.split()} - set(said.split())


async def test_a_long_title_leaves_room_at_the_foot(tmp_path: Path) -> None:
    _, pdf = await pages(tmp_path, {"Members": [("Ben",)]}, sheets=(NAME_ONLY,), title="漢" * 200, filters={})
    # Once as a whole, and as much of it as one line or two take.
    assert text(pdf).count("漢") < 200 + 200 / 2


async def test_an_empty_table_has_its_headings(tmp_path: Path) -> None:
    written, pdf = await pages(tmp_path, {"Members": []})
    assert written.rows == 0
    assert "No rows." in text(pdf)
    assert "Last attempt" in text(pdf)


async def test_a_report_of_nothing_is_a_page(tmp_path: Path) -> None:
    written, pdf = await pages(tmp_path, {}, sheets=(), cards=(), charts=(), filters={}, subtitle="")
    assert (written.rows, len(pdf.pages)) == (0, 1)


async def test_a_long_table_repeats_its_headings_and_says_that_it_ends_early(tmp_path: Path) -> None:
    reader = Given({"Members": members(("Ben Bauer",) * 2_000)})
    written = await write(report(), reader, Options(), tmp_path / "report.pdf")
    pdf = PdfReader(tmp_path / "report.pdf")
    assert written.rows == MOST_ROWS
    assert reader.given <= MOST_ROWS + 3  # the rest is not read
    assert f"These are the first {MOST_ROWS:,} rows of more. Ask for CSV or XLSX for all." in text(pdf)
    for number, page in enumerate(pdf.pages, 1):
        said = page.extract_text()
        assert "Last attempt" in said
        assert f"Page {number} of {len(pdf.pages)}" in said
        assert "As of 1 March 2026" in said


async def test_exactly_as_many_rows_as_fit_are_all(tmp_path: Path) -> None:
    written, pdf = await pages(tmp_path, {"Members": [("Ben",)] * MOST_ROWS}, sheets=(NAME_ONLY,))
    assert written.rows == MOST_ROWS
    assert "of more" not in text(pdf)
    assert f"{MOST_ROWS:,} rows" in text(pdf)


async def test_a_wide_table_lies_across_and_names_what_it_leaves_out(tmp_path: Path) -> None:
    columns = tuple(Column(f"c{place}", f"Column {place}", Kind.TEXT) for place in range(MOST_COLUMNS + 4))
    rows = [tuple(f"some value {place}" for place in range(MOST_COLUMNS + 4))]
    _, pdf = await pages(tmp_path, {"Members": members(), "Wide": rows}, sheets=(SHEET, Sheet("Wide", columns, "")))
    upright, across = pdf.pages
    assert upright.mediabox.height > upright.mediabox.width
    assert across.mediabox.width > across.mediabox.height
    assert f"{MOST_COLUMNS} of {MOST_COLUMNS + 4} columns" in across.extract_text()
    assert f"Column {MOST_COLUMNS}" not in across.extract_text()


async def test_a_text_of_any_length_stays_in_its_page(tmp_path: Path) -> None:
    sheet = replace(SHEET, columns=(SHEET.columns[1],) * MOST_COLUMNS)
    long, spaced = "M" * 100_000, "word " * 1_000
    written, pdf = await pages(
        tmp_path, {"Members": [(long, spaced) * (MOST_COLUMNS // 2)]}, sheets=(sheet,), charts=(), cards=()
    )
    assert written.truncated == MOST_COLUMNS
    assert f"Texts longer than {MOST_CHARACTERS} characters are cut" in text(pdf)
    for page in pdf.pages:
        right, top = float(page.mediabox.width), float(page.mediabox.height)
        page.extract_text(visitor_text=lambda said, _ctm, at, *_, r=right, t=top: _inside(said, at, r, t))


def _inside(said: str, at: list[float], right: float, top: float) -> None:
    if said.strip():
        assert 0 <= at[4] < right
        assert 0 <= at[5] < top


@pytest.mark.parametrize(
    "name",
    ['#import "@preview/x:1.0.0": *', "$x^2$", "*bold* _it_ `raw`", "#panic()", "<label> @ref", "// note", "\\ "],
)
async def test_markup_stays_text(tmp_path: Path, name: str) -> None:
    _, pdf = await pages(tmp_path, {"Members": [(name,)]}, sheets=(NAME_ONLY,), title=name, filters={name: name})
    assert text(pdf).count(name.strip()) >= 3


async def test_controls_of_direction_are_stripped_from_names(tmp_path: Path) -> None:
    hostile = "Anna\N{RIGHT-TO-LEFT OVERRIDE}gnp.exe\N{POP DIRECTIONAL ISOLATE}\N{LEFT-TO-RIGHT ISOLATE}"
    _, pdf = await pages(tmp_path, {"Members": [(hostile,)]}, sheets=(NAME_ONLY,), title=hostile)
    assert text(pdf).count("Annagnp.exe") >= 2


async def test_naughty_strings_all_become_pages(tmp_path: Path, shared_data: Path) -> None:
    naughty = json.loads((shared_data / "corpora" / "blns.json").read_text())["data"]
    marks = "e" + "\u0301\u0488\u0335" * 40
    family, unpaired = "\U0001f469\u200d\U0001f469\u200d\U0001f467", "\ud800"
    written, pdf = await pages(
        tmp_path, {"Members": [(name,) for name in (*naughty, marks, family, unpaired)]}, sheets=(NAME_ONLY,)
    )
    assert written.rows == len(naughty) + 3
    assert accessible(pdf)


async def test_too_large_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(TooLarge):
        await write(report(), Given({"Members": members()}), Options(most_bytes=1_000), tmp_path / "report.pdf")
    assert not os.listdir(tmp_path)


async def test_a_disk_that_fails_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await write(report(), Given({"Members": members()}), Options(), tmp_path / "absent" / "report.pdf")
    assert not os.listdir(tmp_path)


async def test_the_same_report_is_the_same_file(tmp_path: Path) -> None:
    first, _ = await pages(tmp_path)
    again, _ = await pages(tmp_path)
    assert first == again


async def test_reports_written_at_once_are_not_mixed_up(tmp_path: Path) -> None:
    async def one(number: int) -> None:
        path = tmp_path / f"{number}.pdf"
        await write(
            report(title=f"Report {number}"), Given({"Members": members((f"Person {number}",))}), Options(), path
        )
        said = text(PdfReader(BytesIO(path.read_bytes())))
        assert f"Report {number}" in said
        assert f"Person {number}" in said

    await asyncio.gather(*(one(number) for number in range(3)))


async def test_what_cannot_be_accessible_is_still_written(tmp_path: Path) -> None:
    chart = Chart(ChartKind.BARS, "Labs", [("مقدمة في الجبر", 55.0)])
    _, pdf = await pages(tmp_path, charts=(chart,), title="")
    assert not accessible(pdf)
    assert "Ben Bauer" in text(pdf)
