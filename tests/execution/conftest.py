"""A school to try executors on, which nobody changes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace

import pytest

from settings import DatabaseRole
from tests.asking import Asker
from tests.conftest import Database, Servers
from tests.execution.generated_values import World
from tests.execution.held_snapshot import HeldPool
from tests.execution.lively_school import enliven
from tests.schema.conftest import filled


@dataclass(frozen=True, repr=False)
class School:
    """``ask`` reads by ``pool``; ``world`` is what there is to ask about."""

    ask: Asker
    pool: HeldPool
    world: World


@pytest.fixture(scope="session")
async def lively_school(new_database: Callable[[], Database], servers: Servers) -> AsyncIterator[School]:
    ask = Asker(filled(new_database), servers)
    world = await enliven(ask)
    pool = HeldPool(ask.database.url, DatabaseRole.API, size=3, statement_timeout=10)
    ask.services = replace(ask.services, read_pool=pool)
    yield School(ask, pool, world)
    await pool.aclose()
    await ask.aclose()
