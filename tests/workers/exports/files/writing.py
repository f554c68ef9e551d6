"""Writes a file of many rows as a process of its own, and says how much memory that took: URL, format, rows, folder."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

from db.engine import ReadPool
from db.snapshot import Snapshot
from settings import DatabaseRole
from tests.workers.exports.files.reports import ROOT, numbers_sheet, report_of
from workers.exports import csv_file, json_file, xlsx_file
from workers.exports.content import Options
from workers.exports.reading import ReportReader

WRITERS = {"csv": csv_file.write, "json": json_file.write, "xlsx": xlsx_file.write}


def peak() -> int:
    """Bytes of memory that this process had at most."""
    status = Path("/proc/self/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) * 1024


async def write(url: str, format: str, rows: int, folder: Path) -> None:
    pool = ReadPool(url, DatabaseRole.API, size=1, statement_timeout=60)
    reader = ReportReader(Snapshot(pool, ROOT))
    peaks = []
    for many in (1_000, rows):
        path = folder / f"{many}.{format}"
        written = await WRITERS[format](report_of(numbers_sheet(many)), reader, Options(), path)
        assert written.rows == many
        peaks.append(peak())
    print(peaks[1] - peaks[0])


if __name__ == "__main__":
    asyncio.run(write(sys.argv[1], sys.argv[2], int(sys.argv[3]), Path(sys.argv[4])))
