"""What is in a file is of one instant, and of nobody but those whom the requester may see."""

from __future__ import annotations

import asyncio
import csv
import json
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from threading import Event, Thread
from typing import Any

import asyncpg
import openpyxl
import pytest

from db.engine import DatabaseUnavailable
from db.entering import Caller, UnknownCaller
from tests.conftest import Database
from tests.school import new_school
from tests.workers.exports.files.conftest import Reading
from tests.workers.exports.files.reports import left, numbers_sheet, report_of
from tests.workers.exports.files.writing import WRITERS
from workers.exports.content import Column, Kind, Options, Sheet
from workers.exports.reading import BATCH_ROWS, ReportReader

PEOPLE = Sheet(
    "People",
    (Column("name", "Name", Kind.TEXT),),
    'SELECT display_name FROM users ORDER BY display_name COLLATE "C"',
)


def first_column(path: Path, table: int = 0) -> list[Any]:
    """Of a table of a file, below its header."""
    if path.suffix == ".json":
        return [row[0] for row in json.loads(path.read_bytes())["sheets"][table]["rows"]]
    if path.suffix == ".xlsx":
        book = openpyxl.load_workbook(path)
        return [row[0] for row in book.worksheets[table].iter_rows(min_row=2, values_only=True)]
    with path.open(encoding="utf-8-sig", newline="") as file:
        return [row[0] for row in csv.reader(file)][1:]


@pytest.mark.parametrize("format", WRITERS)
@pytest.mark.parametrize(
    ("caller", "people"),
    [
        (Caller("north", "ben", "STUDENT"), ["Ben Bauer"]),
        (Caller("north", "ada", "TEACHER"), ["Ada Abel", "Ben Bauer", "Cleo Cruz", "Fay Falk"]),
        (Caller("south", "tom", "TEACHER"), ["Dan Diaz (south)", "Tom Tran (south)"]),
    ],
)
async def test_row_security(reading: Reading, tmp_path: Path, format: str, caller: Caller, people: list[str]) -> None:
    async with reading(caller) as reader:
        written = await WRITERS[format](report_of(PEOPLE), reader, Options(), tmp_path / f"a.{format}")
    assert first_column(tmp_path / f"a.{format}") == people
    assert written.rows == len(people)


@pytest.mark.parametrize("format", WRITERS)
async def test_nobody_who_is_unknown(reading: Reading, tmp_path: Path, format: str) -> None:
    async with reading(Caller("north", "nobody", "STUDENT")) as reader:
        with pytest.raises(UnknownCaller):
            await WRITERS[format](report_of(PEOPLE), reader, Options(), tmp_path / f"a.{format}")
    assert left(tmp_path) == set()


@pytest.fixture
def busy(new_database: Callable[[], Database]) -> Database:
    return new_school(new_database)


ADD = """INSERT INTO users (organization_id, external_id, username, display_name, role)
  SELECT id, 'new-' || %(n)s, 'new-' || %(n)s, 'New', 'STUDENT' FROM organizations WHERE slug = 'north'"""


@pytest.mark.parametrize("format", ["json", "xlsx"])
async def test_concurrent_writes_tear_nothing(reading: Reading, busy: Database, tmp_path: Path, format: str) -> None:
    """Somebody adds people without a pause while three sheets of them are written."""
    begun, enough = Event(), Event()

    def add() -> None:
        with busy.connect() as owner:
            for number in count():
                owner.execute(ADD, {"n": number})
                begun.set()
                if enough.is_set():
                    return

    adding = Thread(target=add)
    adding.start()
    again = Sheet("Again", PEOPLE.columns, PEOPLE.sql)
    path = tmp_path / f"a.{format}"
    try:
        await asyncio.to_thread(begun.wait)
        async with reading(database=busy) as reader:
            [[seen]] = await reader.rows("SELECT count(*) FROM users")
            written = await WRITERS[format](report_of(PEOPLE, numbers_sheet(5_000), again), reader, Options(), path)
    finally:
        enough.set()
        adding.join()
    with busy.connect() as owner:
        [[now]] = owner.execute("SELECT count(*) FROM users WHERE external_id LIKE 'new-%'").fetchall()
    assert now > seen, "nobody wrote meanwhile"
    assert first_column(path) == first_column(path, 2)
    assert len(first_column(path)) == written.rows == seen


async def test_a_copy_is_of_the_same_instant(reading: Reading, busy: Database, tmp_path: Path) -> None:
    async with reading(database=busy) as reader:
        [[seen]] = await reader.rows("SELECT count(*) FROM users")
        with busy.connect() as owner:
            owner.execute(ADD, {"n": 1})
        assert (await WRITERS["csv"](report_of(PEOPLE), reader, Options(), tmp_path / "a.csv")).rows == seen


async def test_others_read_between_two_batches(reader: ReportReader) -> None:
    rows = 0
    async for batch in reader.batches(numbers_sheet(2 * BATCH_ROWS)):
        rows += len(batch)
        assert await reader.rows("SELECT $1::int", rows) == [(rows,)]
    assert rows == 2 * BATCH_ROWS


SLOW = Sheet(
    "Slow",
    (Column("number", "Number", Kind.INTEGER),),
    "SELECT n + length(CAST(pg_sleep(0.0005) AS text)) FROM generate_series(1, 1000000) AS n",
)
KILL = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
  WHERE datname = current_database() AND application_name = 'scoregraph reads' AND state = 'active' AND query LIKE '%pg_sleep%'"""


RUNNING = """SELECT count(*) FROM pg_stat_activity
  WHERE datname = current_database() AND query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()"""


async def until(is_so: Callable[[], object]) -> None:
    for _ in range(1_000):
        if is_so():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never was so")


@pytest.mark.parametrize("format", WRITERS)
async def test_a_connection_that_is_lost(reading: Reading, busy: Database, tmp_path: Path, format: str) -> None:
    async with reading(database=busy) as reader:
        writing = asyncio.ensure_future(WRITERS[format](report_of(SLOW), reader, Options(), tmp_path / f"a.{format}"))
        with busy.connect(None) as admin:
            await until(lambda: admin.execute(KILL).fetchall())
        with pytest.raises(DatabaseUnavailable):
            await writing
        with pytest.raises(DatabaseUnavailable):
            await reader.rows("SELECT 1")
    assert left(tmp_path) == set()


@pytest.mark.parametrize("format", WRITERS)
async def test_who_gives_up(reading: Reading, busy: Database, tmp_path: Path, format: str) -> None:
    """Neither a file is left, nor a connection, nor a statement that runs on."""
    async with reading(database=busy) as reader:
        writing = asyncio.ensure_future(WRITERS[format](report_of(SLOW), reader, Options(), tmp_path / f"a.{format}"))
        await until(lambda: reader.rows_read)
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing
    assert left(tmp_path) == set()
    with busy.connect(None) as admin:
        await until(lambda: admin.execute(RUNNING).fetchall() == [(0,)])


@contextmanager
def no_room(most_bytes: int) -> Iterator[None]:
    """No file may become larger: as if the disk were full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("format", WRITERS)
@pytest.mark.parametrize("most_bytes", [200_000, 0])
async def test_a_disk_that_is_full(reader: ReportReader, tmp_path: Path, format: str, most_bytes: int) -> None:
    with no_room(most_bytes), pytest.raises(OSError, match="File too large"):
        await WRITERS[format](report_of(numbers_sheet(20_000)), reader, Options(), tmp_path / f"a.{format}")
    assert left(tmp_path) == set()


@pytest.mark.parametrize("format", WRITERS)
async def test_a_folder_that_is_not_there(reader: ReportReader, tmp_path: Path, format: str) -> None:
    with pytest.raises(FileNotFoundError):
        await WRITERS[format](report_of(PEOPLE), reader, Options(), tmp_path / "not there" / f"a.{format}")


@pytest.mark.parametrize("format", WRITERS)
async def test_a_statement_that_fails_midway(reader: ReportReader, tmp_path: Path, format: str) -> None:
    sheet = Sheet("Rows", SLOW.columns, "SELECT 1 / (n - 5000) FROM generate_series(1, 10000) AS n")
    with pytest.raises(asyncpg.DivisionByZeroError):
        await WRITERS[format](report_of(sheet), reader, Options(), tmp_path / f"a.{format}")
    assert left(tmp_path) == set()


@pytest.mark.skipif(sys.platform != "linux", reason="Linux says how much memory a process had")
@pytest.mark.parametrize("format", WRITERS)
async def test_many_rows_take_little_memory(school: Database, tmp_path: Path, format: str) -> None:
    """Held all at once, they would take about 100 MB."""
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "tests.workers.exports.files.writing", school.url, format, "200000", tmp_path],
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(done.stdout) < 30_000_000
