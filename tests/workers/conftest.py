"""A school of one's own with changes pending, and the worker's engine."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from db.engine import write_engine
from settings import DatabaseRole
from tests.conftest import Database
from tests.school import new_school


@pytest.fixture
def school(new_database: Callable[[], Database]) -> Database:
    return new_school(new_database)


@pytest.fixture
async def engine(school: Database) -> AsyncIterator[AsyncEngine]:
    engine = write_engine(school.url, DatabaseRole.WORKER)
    yield engine
    await engine.dispose()
