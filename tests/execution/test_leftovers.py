"""What is left running when an operation is over reads nothing more, and keeps no connection.

The standard executor does not wait for what it needs no more, and aiodataloader loads in tasks of its own.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from db.engine import DatabaseUnavailable
from db.snapshot import Snapshot
from db.statement import sql
from tests.execution.conftest import School

ONE = sql("SELECT 1")
SLOW = sql("SELECT pg_sleep(0.1)")


async def load_ones(snapshot: Snapshot, keys: list[int]) -> list[int]:
    return [len(await snapshot.rows(ONE)) for _ in keys]


async def test_an_operation_that_is_over_opens_no_other_snapshot(lively_school: School) -> None:
    context = lively_school.ask.context("mia", "MANAGER")
    snapshot = context.snapshot
    assert len(await snapshot.rows(ONE)) == 1
    await context.aclose()
    with pytest.raises(DatabaseUnavailable):
        await snapshot.rows(ONE)
    with pytest.raises(DatabaseUnavailable):
        await context.viewer()
    assert lively_school.pool.in_use == 0


async def test_a_load_that_begins_too_late_is_refused(lively_school: School) -> None:
    context = lively_school.ask.context("mia", "MANAGER")
    wanted = asyncio.ensure_future(context.load(load_ones, 1))
    await context.aclose()
    with pytest.raises(DatabaseUnavailable):
        await wanted
    assert lively_school.pool.in_use == 0


async def test_who_is_cancelled_while_closing_closes_nevertheless(lively_school: School) -> None:
    """At each step of it, also while another statement still has its turn."""
    for is_busy in (False, True):
        for steps in range(1, 8):
            context = lively_school.ask.context("mia", "MANAGER")
            assert len(await context.snapshot.rows(ONE)) == 1
            running = [asyncio.ensure_future(context.snapshot.rows(SLOW))] if is_busy else []
            closing = asyncio.ensure_future(context.aclose())
            for _ in range(steps):
                await asyncio.sleep(0)
            closing.cancel()
            await asyncio.gather(closing, *running, return_exceptions=True)
            assert lively_school.pool.in_use == 0


async def test_statements_that_wait_for_their_turn_are_refused(lively_school: School) -> None:
    context = lively_school.ask.context("mia", "MANAGER")
    snapshot = context.snapshot
    first, closing, *later = (
        asyncio.ensure_future(each)
        for each in (snapshot.rows(SLOW), context.aclose(), snapshot.rows(ONE), snapshot.rows(ONE))
    )
    outcomes: list[Any] = await asyncio.gather(first, closing, *later, return_exceptions=True)
    assert len(outcomes[0]) == 1
    assert [type(outcome) for outcome in outcomes[2:]] == [DatabaseUnavailable] * 2
    assert lively_school.pool.in_use == 0
