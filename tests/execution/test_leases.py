"""Budgets are exact within a process, bounded over several, and go on where Redis does not."""

from __future__ import annotations

import asyncio
import socket
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs

from execution import leases
from execution.leases import MOST_CALLERS, SLICES, WINDOW, Caller, Leases
from tests.conftest import Servers

BUDGET = 1_000
SLICE = BUDGET // SLICES


class Clock:
    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


def somebody() -> Caller:
    return Caller("north", uuid.uuid4().hex, "STUDENT")


@asynccontextmanager
async def process(redis_url: str | None, clock: Callable[[], float] = time.time) -> AsyncIterator[Leases]:
    made = Leases(redis_url, clock=clock)
    yield made
    await made.aclose()


async def spend(process: Leases, caller: Caller, cost: int, times: int) -> int:
    """What was granted of many requests at once."""
    balances = await asyncio.gather(*(process.take(caller, BUDGET, cost) for _ in range(times)))
    return cost * sum(balance.granted for balance in balances)


@pytest.fixture(params=["shared", "alone"])
def redis_url(request: pytest.FixtureRequest, servers: Servers) -> str | None:
    return servers.redis_url if request.param == "shared" else None


@pytest.mark.parametrize(("cost", "granted"), [(1, 1000), (7, 994), (50, 1000), (120, 960), (1000, 1000)])
async def test_one_process_spends_the_budget_to_the_last_that_fits(
    redis_url: str | None, cost: int, granted: int
) -> None:
    async with process(redis_url) as one:
        assert await spend(one, somebody(), cost, 1200 // cost + 5) == granted


@pytest.mark.parametrize("cost", [1, 7, 50, 120])
async def test_several_processes_spend_it_together(
    servers: Servers, cost: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A machine that is busy with something else is no reason to go on alone.
    monkeypatch.setattr(leases, "REDIS_TIMEOUT", 20.0)
    caller = somebody()
    async with (
        process(servers.redis_url) as one,
        process(servers.redis_url) as two,
        process(servers.redis_url) as three,
    ):
        granted = await asyncio.gather(*(spend(each, caller, cost, 1200 // cost) for each in (one, two, three)))
    # What is left in a process is less than a slice, or than what was asked for.
    assert BUDGET - 3 * max(SLICE, cost) <= sum(granted) <= BUDGET


async def test_what_is_left_is_told(redis_url: str | None) -> None:
    caller = somebody()
    async with process(redis_url) as one:
        balance = await one.take(caller, BUDGET, 30)
        assert (balance.granted, balance.remaining) == (True, 970)
        assert WINDOW - 1 <= balance.reset <= WINDOW
        assert (await one.take(caller, BUDGET, 30)).remaining == 940
        refused = await one.take(caller, BUDGET, 950)
        assert (refused.granted, refused.remaining) == (False, 940)
        assert 1 <= refused.reset <= WINDOW
        # Nothing was taken for what was refused.
        assert (await one.take(caller, BUDGET, 940)).remaining == 0
        assert (await one.take(caller, BUDGET, 0)).granted
        assert not (await one.take(caller, BUDGET, 1)).granted


async def test_what_others_have_left_is_told(servers: Servers) -> None:
    caller = somebody()
    async with process(servers.redis_url) as one, process(servers.redis_url) as two:
        await one.take(caller, BUDGET, 500)
        assert (await two.take(caller, BUDGET, 10)).remaining == 490
        assert not (await two.take(caller, BUDGET, 600)).granted
        # For a moment this caller is refused without asking, as far as more is needed than is at hand.
        assert not (await two.take(caller, BUDGET, 100)).granted
        assert (await two.take(caller, BUDGET, 10)).granted


async def test_budgets_are_of_one_caller_in_one_role(redis_url: str | None) -> None:
    caller = somebody()
    others = [
        Caller("south", caller.subject, caller.role),
        Caller(caller.organization, caller.subject, "TEACHER"),
        # No two names run into each other.
        Caller(caller.organization + caller.subject[:1], caller.subject[1:], caller.role),
    ]
    async with process(redis_url) as one:
        assert await spend(one, caller, BUDGET, 1) == BUDGET
        for other in others:
            assert await spend(one, other, BUDGET, 2) == BUDGET


async def test_small_budgets() -> None:
    async with process(None) as one:
        for budget in range(1, 2 * SLICES):
            caller, whole = somebody(), budget - budget % min(SLICES, budget)
            granted = [(await one.take(caller, budget, 1)).granted for _ in range(budget + 1)]
            assert sum(granted) == whole


async def test_the_window_moves() -> None:
    clock, caller = Clock(), somebody()
    async with process(None, clock) as one:
        assert await spend(one, caller, 100, 5) == 500
        clock.now += 40
        assert await spend(one, caller, 100, 9) == 500
        refused = await one.take(caller, BUDGET, 100)
        assert (refused.granted, refused.reset) == (False, 20)
        clock.now += 19
        assert not (await one.take(caller, BUDGET, 100)).granted
        clock.now += 2
        assert await spend(one, caller, 100, 9) == 500
        clock.now += 3 * WINDOW
        balance = await one.take(caller, BUDGET, 10)
        assert (balance.remaining, balance.reset) == (990, WINDOW)


async def test_callers_that_rest_are_told_so() -> None:
    clock, caller = Clock(), somebody()
    async with process(None, clock) as one:
        await one.take(caller, BUDGET, 910)
        clock.now += 2 * WINDOW
        # Spent from what was at hand: nothing is asked, and all that was taken is long free.
        assert (await one.take(caller, BUDGET, 10)).remaining == BUDGET + 30


async def test_redis_learns_no_names(servers: Servers) -> None:
    caller = Caller("north", "ada.lovelace@example.org", "TEACHER")
    async with process(servers.redis_url) as one, Redis.from_url(servers.redis_url) as redis:
        await one.take(caller, BUDGET, 60)
        keys = [key.decode() async for key in redis.scan_iter("*budgets*")]
        assert [key for key in keys if caller.key in key]
        assert not [key for key in keys if "ada.lovelace" in key or "north" in key]
        for key in keys:
            assert 0 < await redis.ttl(key) <= WINDOW
            assert await redis.llen(key) <= SLICES


async def test_redis_that_is_gone_or_deaf_is_no_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"redis://127.0.0.1:{deaf.getsockname()[1]}"
        async with process(url) as one:
            with capture_logs() as logged:
                caller = somebody()
                assert await spend(one, caller, 100, 12) == BUDGET
                assert await spend(one, somebody(), 100, 12) == BUDGET
            # One wait, not one for each request.
            assert [entry["event"] for entry in logged] == ["budgets_not_shared"]
    async with process(url) as one:
        assert await spend(one, somebody(), 100, 12) == BUDGET


async def test_redis_is_asked_again_after_a_pause(servers: Servers) -> None:
    clock, caller = Clock(), somebody()
    async with process(servers.redis_url, clock) as one, process(servers.redis_url) as two:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(one._shared, "hit", _gone)
            assert await spend(one, caller, 100, 4) == 400
        # Still alone: what is taken now is not told to others.
        assert await spend(one, caller, 100, 1) == 100
        assert (await two.take(caller, BUDGET, 50)).remaining == 950
        clock.now += leases.REDIS_PAUSE + 1
        assert await spend(one, caller, 100, 9) == 500
        # Its own count goes on through all of it: 500 before and 500 after.
        assert not (await one.take(caller, BUDGET, 100)).granted
        assert (await two.take(caller, BUDGET, 100)).remaining == 350


async def _gone(*arguments: object, **options: object) -> bool:
    raise ConnectionResetError


async def test_only_so_many_callers_are_kept() -> None:
    async with process(None) as one:
        first = somebody()
        await one.take(first, BUDGET, BUDGET)
        for number in range(MOST_CALLERS):
            await one.take(Caller("north", str(number), "STUDENT"), BUDGET, 1)
        assert len(one._leases) == MOST_CALLERS
        assert (await one.take(first, BUDGET, 1)).granted
