"""Writes a report as a PDF."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import structlog

from workers.exports import manifest
from workers.exports.content import Options, Report, TooLarge, Written
from workers.exports.new_file import whole_or_gone
from workers.exports.pdf.printing import printed
from workers.exports.pdf.tables import Rows, read

log = structlog.get_logger(__name__)


async def write(report: Report, reader: Rows, options: Options, path: Path) -> Written:
    """Writes the file. At most MOST_ROWS rows of a table are in it, and it says so where there are more; ``Written.rows`` are
    those in it. TooLarge if it would be larger than is allowed: then there is no file. Raises PrintingFailed, too.
    """
    zone = ZoneInfo(report.time_zone)
    tables = [await read(sheet, reader, zone) for sheet in report.sheets]
    pages = await printed(report, tables)
    if not pages.are_accessible:
        log.warning("pdf_not_accessible")
    if len(pages.content) > options.most_bytes:
        raise TooLarge(f"{len(pages.content):,} bytes are more than the {options.most_bytes:,} allowed")
    with whole_or_gone(path):
        await asyncio.to_thread(path.write_bytes, pages.content)
    shown = tuple(
        manifest.Table(table.sheet.title, replace(table.sheet, columns=table.columns), len(table.rows))
        for table in tables
    )
    truncated = sum(table.cut for table in tables)
    sha256 = hashlib.sha256(pages.content).hexdigest()
    return Written(
        rows=shown[0].rows if shown else 0,
        bytes=len(pages.content),
        sha256=sha256,
        manifest=manifest.Manifest(report, "pdf", shown, truncated=truncated).of_file(sha256, len(pages.content)),
        truncated=truncated,
    )
