"""A small school to ask about: `ask` reads a shared, folded and refreshed one; `fresh_ask` has one of its own to change;
`ask_anything` has labs and room for people of any history.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest

from tests.asking import Asker
from tests.conftest import Database, Servers
from tests.schema.histories import add_labs
from tests.school import new_school


@pytest.fixture(scope="session")
def school_database(new_lasting_database: Callable[[], Database]) -> Database:
    return new_school(new_lasting_database, is_folded=True)


@pytest.fixture(scope="session")
async def ask(school_database: Database, servers: Servers) -> AsyncIterator[Asker]:
    """Read only: the tests of all modules share it."""
    asker = Asker(school_database, servers)
    yield asker
    await asker.aclose()


@pytest.fixture
async def fresh_ask(new_database: Callable[[], Database], servers: Servers) -> AsyncIterator[Asker]:
    """A school of one's own, for tests that write."""
    asker = Asker(new_school(new_database, is_folded=True), servers)
    yield asker
    await asker.aclose()


@pytest.fixture(scope="module")
async def ask_anything(new_database: Callable[[], Database], servers: Servers) -> AsyncIterator[Asker]:
    """A school that grows: each example adds a person."""
    asker = Asker(new_school(new_database, is_folded=True), servers)
    with asker.database.connect() as owner:
        add_labs(owner)
    yield asker
    await asker.aclose()
