"""A reader of a school as somebody."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from db.engine import ReadPool
from db.entering import Caller
from db.snapshot import Snapshot
from settings import DatabaseRole
from tests.conftest import Database
from tests.school import new_school
from tests.workers.exports.files.reports import ROOT
from workers.exports.reading import ReportReader

Reading = Callable[..., AbstractAsyncContextManager[ReportReader]]


@pytest.fixture(scope="session")
def school(new_lasting_database: Callable[[], Database]) -> Database:
    """One for all that only read it."""
    return new_school(new_lasting_database)


@pytest.fixture
def reading(school: Database) -> Reading:
    """Opens a reader of this or another school as somebody; its snapshot begins with the first read."""

    @asynccontextmanager
    async def open_as(caller: Caller = ROOT, database: Database = school) -> AsyncIterator[ReportReader]:
        pool = ReadPool(database.url, DatabaseRole.API, size=1, statement_timeout=60)
        snapshot = Snapshot(pool, caller)
        try:
            yield ReportReader(snapshot)
        finally:
            await snapshot.aclose()
            assert (pool.in_use, pool.waiting) == (0, 0)
            await pool.aclose()

    return open_as


@pytest.fixture
async def reader(reading: Reading) -> AsyncIterator[ReportReader]:
    async with reading() as reader:
        yield reader
