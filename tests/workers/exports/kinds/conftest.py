"""A school to make reports of: with changes pending, and after a worker was there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest

from tests.asking import Asker
from tests.conftest import Database, Servers
from tests.school import new_school


@pytest.fixture(scope="session", params=[True, False], ids=["folded", "pending"])
async def ask(
    request: pytest.FixtureRequest, new_lasting_database: Callable[[], Database], servers: Servers
) -> AsyncIterator[Asker]:
    """Read only: the tests of all modules share it."""
    asker = Asker(new_school(new_lasting_database, is_folded=request.param), servers)
    yield asker
    await asker.aclose()


@pytest.fixture
async def fresh_ask(new_database: Callable[[], Database], servers: Servers) -> AsyncIterator[Asker]:
    """A school of one's own, for tests that write."""
    asker = Asker(new_school(new_database), servers)
    yield asker
    await asker.aclose()
