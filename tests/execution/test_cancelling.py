"""A client that goes away: the operation ends wherever it is, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from db.engine import ReadPool
from schema.graph import graph
from settings import DatabaseRole
from tests.asking import Asker
from tests.execution.callers import KNOWN, UNKNOWN
from tests.execution.conftest import School

PAGE = (Path(__file__).parents[1] / "golden" / "teacher_group" / "query.graphql").read_text()
TEACHER, STUDENT, MANAGER = KNOWN[0], KNOWN[3], KNOWN[6]
LEFT_OPEN = """SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = 'scoregraph reads' AND state <> 'idle'"""


@pytest.fixture(scope="module")
async def small(lively_school: School) -> AsyncIterator[Asker]:
    """Reads by two connections: one that is kept is missed soon."""
    ask = lively_school.ask
    before = ask.services
    pool = ReadPool(ask.database.url, DatabaseRole.API, size=2, statement_timeout=10)
    ask.services = replace(before, read_pool=pool)
    yield ask
    ask.services = before
    await pool.aclose()


async def left_open(ask: Asker) -> int:
    """Transactions that are still open, once the server has heard of all that was cancelled."""
    with ask.database.connect(None) as admin:
        for _ in range(100):
            [[count]] = admin.execute(LEFT_OPEN).fetchall()
            if not count:
                break
            await asyncio.sleep(0.02)
        return int(str(count))


# graphql-core itself forgets coroutines that it has made when it is cancelled.
FORGETFUL = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.mark.parametrize("compiled", [True, pytest.param(False, marks=FORGETFUL)], ids=["compiled", "standard"])
async def test_an_operation_that_is_cancelled_leaves_nothing(small: Asker, compiled: bool) -> None:
    """Cancelled at each of the first hundred steps, then ever later until it is done before."""
    operation = graph.operations.prepare(PAGE)
    expected = await graph.run(operation, None, small.context(**TEACHER))
    cancelled = 0
    for steps in [*range(100), *range(100, 4000, 50)]:
        running = asyncio.ensure_future(graph.run(operation, None, small.context(**TEACHER), compiled=compiled))
        for _ in range(steps):
            await asyncio.sleep(0)
        running.cancel()
        [outcome] = await asyncio.gather(running, return_exceptions=True)
        cancelled += isinstance(outcome, asyncio.CancelledError)
        assert small.services.read_pool.in_use == 0
    assert cancelled > 100
    # Coroutines that were never awaited would be told of now, as an error.
    gc.collect()
    assert await left_open(small) == 0
    answer = await graph.run(operation, None, small.context(**TEACHER))
    assert answer.data == expected.data


async def test_whoever_waits_for_a_connection_can_go_away(small: Asker) -> None:
    operation = graph.operations.prepare(PAGE)
    running = [asyncio.ensure_future(graph.run(operation, None, small.context(**TEACHER))) for _ in range(8)]
    await asyncio.sleep(0)
    for place in (3, 6, 7):
        running[place].cancel()
    outcomes = await asyncio.gather(*running, return_exceptions=True)
    assert [isinstance(outcome, asyncio.CancelledError) for outcome in outcomes] == [
        place in (3, 6, 7) for place in range(8)
    ]
    assert small.services.read_pool.in_use == 0
    assert await left_open(small) == 0


async def test_operations_at_once_do_not_mix(small: Asker) -> None:
    """Of several callers and documents on one loop: each is answered as it is alone."""
    pages = [(path / "query.graphql").read_text() for path in sorted((Path(__file__).parents[1] / "golden").iterdir())]
    asked = [(page, caller) for page in pages for caller in (TEACHER, STUDENT, MANAGER, UNKNOWN[1])]

    async def answer(page: str, caller: dict[str, object]) -> object:
        result = await graph.run(graph.operations.prepare(page), None, small.context(**caller))  # type: ignore[arg-type]
        return result.data, sorted(str((error.extensions or {})["code"]) for error in result.errors or ())

    alone = [await answer(page, caller) for page, caller in asked]
    together = await asyncio.gather(*(answer(page, caller) for page, caller in asked))
    assert [str(each) for each in together] == [str(each) for each in alone]
