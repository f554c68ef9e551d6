"""What waits for one client: in order, bounded, and not for ever."""

from __future__ import annotations

import asyncio

import pytest

from execution.live.outbox import ENOUGH_WAITING_BYTES, MOST_WAITING, MOST_WAITING_BYTES, Outbox, Pieces, Stuck


class Wire:
    """A connection that can be blocked."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.failures: list[Exception] = []
        self.flows = asyncio.Event()
        self.flows.set()
        self.error: Exception | None = None
        self.writes = 0

    async def send(self, pieces: Pieces) -> None:
        await self.flows.wait()
        if self.error is not None:
            raise self.error
        self.sent.append(b"".join(pieces).decode())

    def write(self, pieces: Pieces) -> bool:
        self.writes += 1
        if self.flows.is_set():
            self.sent.append(b"".join(pieces).decode())
        return self.flows.is_set()

    def box(self, patience: float = 10) -> Outbox:
        return Outbox(self.send, patience, self.failures.append)

    def quick_box(self) -> Outbox:
        return Outbox(self.send, 10, self.failures.append, self.write)


def message(text: str) -> Pieces:
    return text[:1].encode(), text[1:].encode()


async def test_texts_are_sent_in_order() -> None:
    wire = Wire()
    box = wire.box()
    for text in "abc":
        box.put(message(text))
    await box.drained()
    box.put(message("d"))
    await box.drained()
    assert wire.sent == ["a", "b", "c", "d"]


async def test_the_newest_under_a_name_wins_and_keeps_its_place() -> None:
    wire = Wire()
    box = wire.box()
    wire.flows.clear()
    box.put(message("taken"))
    await asyncio.sleep(0)
    box.put(message("old"), "board")
    box.put(message("between"))
    assert box.holds("board")
    box.put(message("new"), "board")
    box.put(message("dropped"), "other")
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
        box.put(message(str(number)))
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
    box.put(message("a"))
    box.put(message("b"), "board")
    await box.drained()
    assert [type(failure) for failure in wire.failures] == [Stuck]
    wire.flows.set()
    box.put(message("c"))
    assert not box.holds("board")
    await asyncio.wait_for(box.room(), 10)
    assert wire.sent == []


async def test_a_client_that_is_gone_is_told_of_once() -> None:
    wire = Wire()
    wire.error = ConnectionResetError()
    box = wire.box()
    box.put(message("a"))
    box.put(message("b"))
    await box.drained()
    assert wire.failures == [wire.error]


async def test_a_closed_box_sends_nothing_more() -> None:
    wire = Wire()
    box = wire.box()
    wire.flows.clear()
    box.put(message("a"))
    await asyncio.sleep(0)
    box.put(message("b"))
    box.close()
    wire.flows.set()
    await box.drained()
    await asyncio.sleep(0)
    assert (wire.sent, wire.failures) == ([], [])


@pytest.mark.parametrize("patience", [0.01])
async def test_patience_is_per_text(patience: float) -> None:
    """A client that takes one thing after the other is not stuck, however long it all takes."""
    wire = Wire()

    async def slowly(pieces: Pieces) -> None:
        await asyncio.sleep(patience / 4)
        wire.sent.append(b"".join(pieces).decode())

    box = Outbox(slowly, patience * 10, wire.failures.append)
    for number in range(60):
        box.put(message(str(number)))
    await box.drained()
    assert (len(wire.sent), wire.failures) == (60, [])


async def test_what_can_be_sent_at_once_waits_for_nobody() -> None:
    wire = Wire()
    box = wire.quick_box()
    box.put(message("a"))
    box.put(message("b"), "board")
    assert (wire.sent, box.holds("board")) == (["a", "b"], False)


async def test_nothing_overtakes_what_waits() -> None:
    wire = Wire()
    box = wire.quick_box()
    wire.flows.clear()
    box.put(message("a"))
    assert wire.writes == 1
    wire.flows.set()
    box.put(message("b"))
    assert (wire.sent, wire.writes) == ([], 1)
    await box.drained()
    box.put(message("c"))
    assert (wire.sent, wire.writes) == (["a", "b", "c"], 2)


async def test_a_client_that_does_not_read_is_not_fed_by_the_mebibyte() -> None:
    wire = Wire()
    box = wire.box()
    wire.flows.clear()
    large = (bytes(ENOUGH_WAITING_BYTES // 2 + 1),)
    box.put(large, "board")
    await asyncio.sleep(0)
    for _ in range(3):
        box.put(large, "board")
    await asyncio.wait_for(box.room(), 10)
    box.put(large, "other board")
    waiting = asyncio.ensure_future(box.room())
    await asyncio.sleep(0.01)
    assert not waiting.done()
    box.drop("board")
    await asyncio.wait_for(waiting, 10)


async def test_what_waits_has_an_end_whatever_the_patience() -> None:
    wire = Wire()
    box = wire.box()
    wire.flows.clear()
    piece = bytes(1024 * 1024)
    for _ in range(MOST_WAITING_BYTES // len(piece)):
        box.put((piece,))
    assert wire.failures == []
    box.put((b"!",))
    assert [type(failure) for failure in wire.failures] == [Stuck]
    await asyncio.wait_for(box.room(), 10)
    await box.drained()
    wire.flows.set()
    assert wire.sent == []
