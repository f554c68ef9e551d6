"""Writes a report as a PDF."""

from __future__ import annotations

import asyncio
import hashlib
import json
from functools import cache
from pathlib import Path
from threading import Lock
from zoneinfo import ZoneInfo

import structlog
import typst

from workers.exports.content import Options, Report, TooLarge, Written
from workers.exports.pdf.document import Rows, Table, document, read
from workers.exports.pdf.fonts import FAMILIES, typst_fonts

log = structlog.get_logger(__name__)

_TEMPLATE = Path(__file__).with_name("report.typ")

# The compiler keeps its inputs between calls, so that one document is laid out at a time.
_compiling = Lock()


async def write(report: Report, reader: Rows, options: Options, path: Path) -> Written:
    """Writes the file. At most MOST_ROWS rows of a table are in it, and it says so where there are more; ``Written.rows`` are
    those in it. TooLarge if it would be larger than is allowed: then there is no file.
    """
    zone = ZoneInfo(report.time_zone)
    tables = [await read(sheet, reader, zone) for sheet in report.sheets]
    pages = await asyncio.to_thread(render, report, tables)
    if len(pages) > options.most_bytes:
        raise TooLarge(f"{len(pages):,} bytes are more than the {options.most_bytes:,} allowed")
    await asyncio.to_thread(_save, pages, path)
    return Written(
        rows=len(tables[0].rows) if tables else 0,
        bytes=len(pages),
        sha256=hashlib.sha256(pages).hexdigest(),
        truncated=sum(table.cut for table in tables),
    )


def _save(pages: bytes, path: Path) -> None:
    try:
        path.write_bytes(pages)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def render(report: Report, tables: list[Table]) -> bytes:
    """The pages, accessible (PDF/UA-1). The same report gives the same bytes."""
    inputs = {"document": json.dumps(document(report, tables)), "families": json.dumps(FAMILIES)}
    with _compiling:
        try:
            return _compiled(report, inputs, "ua-1")
        except typst.TypstError:
            # A title that is empty, or a chart's label in a script like Arabic, makes pages less than accessible (a label in a
            # drawing has no text beside its glyphs); they are still pages.
            log.warning("pdf_not_accessible")
            return _compiled(report, inputs, [])


def _compiled(report: Report, inputs: dict[str, str], standard: typst.PDFStandards) -> bytes:
    as_of = int(report.as_of.timestamp())
    pages = _compiler().compile(format="pdf", sys_inputs=inputs, pdf_standards=standard, timestamp=as_of)
    assert isinstance(pages, bytes)
    return pages


@cache
def _compiler() -> typst.Compiler:
    return typst.Compiler(_TEMPLATE, root=_TEMPLATE.parent, font_paths=typst_fonts(), ignore_system_fonts=True)
