"""Lays out the pages of a report. What it does it with keeps hundreds of megabytes: see ``printing``."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import typst

from workers.exports.content import Report
from workers.exports.pdf.document import document
from workers.exports.pdf.fonts import FAMILIES, typst_fonts
from workers.exports.pdf.printing import Pages
from workers.exports.pdf.tables import Table

_TEMPLATE = Path(__file__).with_name("report.typ")


def render(report: Report, tables: list[Table]) -> Pages:
    """The pages, accessible where that can be. The same report gives the same bytes."""
    inputs = {"document": json.dumps(document(report, tables)), "families": json.dumps(FAMILIES)}
    try:
        return Pages(_compiled(report, inputs, "ua-1"), True)
    except typst.TypstError:
        # A title that is empty, or a chart's label in a script like Arabic, makes pages less than accessible (a label in a
        # drawing has no text beside its glyphs); they are still pages.
        return Pages(_compiled(report, inputs, []), False)


def _compiled(report: Report, inputs: dict[str, str], standard: typst.PDFStandards) -> bytes:
    as_of = int(report.as_of.timestamp())
    pages = _compiler().compile(format="pdf", sys_inputs=inputs, pdf_standards=standard, timestamp=as_of)
    assert isinstance(pages, bytes)
    return pages


@cache
def _compiler() -> typst.Compiler:
    return typst.Compiler(_TEMPLATE, root=_TEMPLATE.parent, font_paths=typst_fonts(), ignore_system_fonts=True)
