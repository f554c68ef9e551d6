"""Turns are as few as they should be, go to who came first, and are never lost."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable
from typing import TypeVar

import pytest

from db.turns import Ticket, Turns

T = TypeVar("T")
FOREVER = 3600.0
MOMENT = 0.002


async def soon(awaited: Awaitable[T]) -> T:
    """Fails where it would hang."""
    return await asyncio.wait_for(awaited, 20)


async def steps(number: int) -> None:
    """Lets everybody go on as far as they can, so many times."""
    for _ in range(number):
        await asyncio.sleep(0)


def free(turns: Turns) -> int:
    """How many turns there are now; they are given back."""
    taken: list[Ticket] = []
    while (ticket := turns.take_now()) is not None:
        taken.append(ticket)
    for ticket in taken:
        turns.give_back(ticket)
    return len(taken)


async def test_quick_ones_are_few() -> None:
    turns = Turns(5, 2, FOREVER)
    first, _ = [await soon(turns.take()) for _ in range(2)]
    assert turns.take_now() is None
    third = asyncio.create_task(turns.take())
    await steps(5)
    assert not third.done()
    turns.give_back(first)
    assert await soon(third) not in (None, first)
    assert turns.take_now() is None


async def test_all_together_are_no_more_than_most() -> None:
    turns = Turns(3, 2, 0.0)
    tickets = [await soon(turns.take()) for _ in range(3)]
    assert len(set(tickets)) == 3
    assert turns.take_now() is None
    fourth = asyncio.create_task(turns.take())
    # Longer than anybody's patience: these are slow, but there is no more.
    await asyncio.sleep(5 * MOMENT)
    assert not fourth.done()
    turns.give_back(tickets[1])
    await soon(fourth)


async def test_more_few_than_most() -> None:
    assert free(Turns(2, 5, FOREVER)) == 2


async def test_the_slow_let_others_pass() -> None:
    turns = Turns(4, 1, MOMENT)
    await soon(turns.take())
    # Nobody gives anything back.
    waiting = [asyncio.create_task(turns.take()) for _ in range(3)]
    found = await soon(asyncio.gather(*waiting))
    assert found == sorted(found)
    last = asyncio.create_task(turns.take())
    await asyncio.sleep(5 * MOMENT)
    assert not last.done()
    last.cancel()


async def test_who_waits_is_looked_after_though_the_quick_one_left_meanwhile() -> None:
    """The next look is arranged for the first of those who are quick; others may have come in their place."""
    turns = Turns(9, 1, MOMENT)
    first = await soon(turns.take())
    second, third = asyncio.create_task(turns.take()), asyncio.create_task(turns.take())
    await steps(2)
    turns.give_back(first)
    await soon(second)
    await soon(third)


async def test_who_came_first_is_first() -> None:
    turns = Turns(1, 1, FOREVER)
    held = await soon(turns.take())
    order: list[int] = []

    async def wait(number: int) -> None:
        ticket = await turns.take()
        order.append(number)
        await steps(number % 3)
        turns.give_back(ticket)

    waiting = []
    for number in range(6):
        waiting.append(asyncio.create_task(wait(number)))
        await steps(1)
    waiting[2].cancel()
    turns.give_back(held)
    # Who comes now comes after all who wait.
    await soon(wait(6))
    await soon(asyncio.gather(*waiting, return_exceptions=True))
    assert order == [0, 1, 3, 4, 5, 6]


async def test_nobody_overtakes_who_was_just_given_a_turn() -> None:
    turns = Turns(1, 1, FOREVER)
    held = await soon(turns.take())
    waiting = asyncio.create_task(turns.take())
    await steps(1)
    turns.give_back(held)
    assert not waiting.done()
    assert turns.take_now() is None
    await soon(waiting)


async def test_nobody_overtakes_who_waits_for_the_slow() -> None:
    """Patience has ended, but nobody has looked yet."""
    turns = Turns(3, 1, MOMENT)
    await soon(turns.take())
    waiting = asyncio.create_task(turns.take())
    await steps(1)
    time.sleep(2 * MOMENT)  # noqa: ASYNC251  so that nobody can look
    late = asyncio.create_task(turns.take())
    assert await soon(waiting) < await soon(late)


async def test_who_waits_is_counted() -> None:
    turns = Turns(2, 2, FOREVER)
    held = [await soon(turns.take()) for _ in range(2)]
    assert turns.waiting == 0
    waiting = [asyncio.create_task(turns.take()) for _ in range(3)]
    await steps(1)
    assert turns.waiting == 3
    waiting[0].cancel()
    await steps(1)
    assert turns.waiting == 2
    turns.give_back(held[0])
    assert turns.waiting == 1
    turns.give_back(await soon(waiting[1]))
    await soon(waiting[2])
    assert turns.waiting == 0


@pytest.mark.parametrize("cancelled_after", range(4))
@pytest.mark.parametrize("given_after", range(4))
async def test_a_turn_that_nobody_waits_for_any_more(cancelled_after: int, given_after: int) -> None:
    turns = Turns(1, 1, FOREVER)
    held = await soon(turns.take())
    gone, patient = asyncio.create_task(turns.take()), asyncio.create_task(turns.take())

    async def give() -> None:
        await steps(given_after)
        turns.give_back(held)

    async def cancel() -> None:
        await steps(cancelled_after)
        gone.cancel()

    for order in ((give, cancel), (cancel, give)):
        await soon(asyncio.gather(*(each() for each in order)))
        for taken in (gone, patient):
            try:
                turns.give_back(await soon(taken))
            except asyncio.CancelledError:
                assert taken is gone
        assert (free(turns), turns.waiting) == (1, 0)
        held = await soon(turns.take())
        gone, patient = asyncio.create_task(turns.take()), asyncio.create_task(turns.take())
    turns.give_back(held)
    turns.give_back(await soon(gone))
    turns.give_back(await soon(patient))


@pytest.mark.parametrize("given_before", [False, True])
async def test_who_is_closed_while_waiting(given_before: bool) -> None:
    """As a coroutine is that nobody drives any more."""
    turns = Turns(1, 1, FOREVER)
    held = await soon(turns.take())
    waiting = turns.take()
    waiting.send(None)
    if given_before:
        turns.give_back(held)
    waiting.close()
    if not given_before:
        turns.give_back(held)
    assert (free(turns), turns.waiting) == (1, 0)


@pytest.mark.parametrize("patience", [0.0, MOMENT, FOREVER])
@pytest.mark.parametrize("seed", range(8))
async def test_no_turn_is_lost_or_doubled(seed: int, patience: float) -> None:
    chance = random.Random(seed)
    most, few = chance.randint(1, 4), chance.randint(1, 3)
    turns = Turns(most, few, patience)
    holding: set[Ticket] = set()
    highest = 0

    async def work() -> None:
        nonlocal highest
        ticket = await turns.take()
        try:
            assert ticket not in holding
            holding.add(ticket)
            highest = max(highest, len(holding))
            await (
                asyncio.sleep(chance.random() * 2 * MOMENT) if chance.random() < 0.2 else steps(chance.randint(0, 3))
            )
        finally:
            holding.remove(ticket)
            turns.give_back(ticket)

    working: list[asyncio.Task[None]] = []
    for _ in range(60):
        working.append(asyncio.create_task(work()))
        await steps(chance.randint(0, 2))
        if chance.random() < 0.4:
            chance.choice(working).cancel()
    outcomes = await soon(asyncio.gather(*working, return_exceptions=True))
    assert {type(outcome) for outcome in outcomes} <= {type(None), asyncio.CancelledError}
    assert outcomes.count(None) > 10
    assert highest <= (min(most, few) if patience == FOREVER else most)
    assert (holding, turns.waiting) == (set(), 0)
    assert free(turns) == (most if patience == 0.0 else min(most, few))
