"""What waits for one client: in order, bounded, and not for ever."""

from __future__ import annotations

import asyncio

import pytest

from execution.live.outbox import MOST_WAITING, Outbox, Stuck


class Wire:
    """A connection that can be blocked."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.failures: list[Exception] = []
        self.flows = asyncio.Event()
        self.flows.set()
        self.error: Exception | None = None

    async def send(self, text: str) -> None:
        await self.flows.wait()
        if self.error is not None:
            raise self.error
        self.sent.append(text)

    def box(self, patience: float = 10) -> Outbox:
        return Outbox(self.send, patience, self.failures.append)


async def test_texts_are_sent_in_order() -> None:
    wire = Wire()
    box = wire.box()
    for text in "abc":
        box.put(text)
    await box.drained()
    box.put("d")
    await box.drained()
    assert wire.sent == ["a", "b", "c", "d"]


async def test_the_newest_under_a_name_wins_and_keeps_its_place() -> None:
    wire = Wire()
    box = wire.box()
    wire.flows.clear()
    box.put("taken")
    await asyncio.sleep(0)
    box.put("old", "board")
    box.put("between")
    assert box.holds("board")
    box.put("new", "board")
    box.put("dropped", "other")
    box.drop("other")
    wire.flows.set()
    await box.drained()
    assert wire.sent == ["taken", "new", "between"]
    assert not box.holds("board")


async def test_whoever_feeds_a_client_that_does_not_read_has_to_wait() -> None:
    wire = Wire()
    box = wire.box()
    wire.flows.clear()
    for number in range(MOST_WAITING + 2):
        box.put(str(number))
    waiting = asyncio.ensure_future(box.room())
    await asyncio.sleep(0.01)
    assert not waiting.done()
    wire.flows.set()
    await asyncio.wait_for(waiting, 10)
    await box.drained()
    assert len(wire.sent) == MOST_WAITING + 2


async def test_a_client_that_takes_nothing_is_given_up() -> None:
    wire = Wire()
    box = wire.box(patience=0.01)
    wire.flows.clear()
    box.put("a")
    box.put("b", "board")
    await box.drained()
    assert [type(failure) for failure in wire.failures] == [Stuck]
    wire.flows.set()
    box.put("c")
    assert not box.holds("board")
    await asyncio.wait_for(box.room(), 10)
    assert wire.sent == []


async def test_a_client_that_is_gone_is_told_of_once() -> None:
    wire = Wire()
    wire.error = ConnectionResetError()
    box = wire.box()
    box.put("a")
    box.put("b")
    await box.drained()
    assert wire.failures == [wire.error]


async def test_a_closed_box_sends_nothing_more() -> None:
    wire = Wire()
    box = wire.box()
    wire.flows.clear()
    box.put("a")
    await asyncio.sleep(0)
    box.put("b")
    box.close()
    wire.flows.set()
    await box.drained()
    await asyncio.sleep(0)
    assert (wire.sent, wire.failures) == ([], [])


@pytest.mark.parametrize("patience", [0.01])
async def test_patience_is_per_text(patience: float) -> None:
    """A client that takes one thing after the other is not stuck, however long it all takes."""
    wire = Wire()

    async def slowly(text: str) -> None:
        await asyncio.sleep(patience / 4)
        wire.sent.append(text)

    box = Outbox(slowly, patience * 10, wire.failures.append)
    for number in range(60):
        box.put(str(number))
    await box.drained()
    assert (len(wire.sent), wire.failures) == (60, [])
