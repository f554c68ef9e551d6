"""What waits to be sent to one client: bounded, without holding anybody up, and with an end to patience."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

Pieces = tuple[bytes, ...]
"""One message. They are put together when it is sent: a piece that goes to many is kept once, however many it waits for."""

MOST_WAITING = 100
ENOUGH_WAITING_BYTES = 1024 * 1024
"""More than this waits only for a client that does not read; what it sends is not read either then."""

MOST_WAITING_BYTES = 32 * 1024 * 1024
"""More than this is not kept for anybody, however patient we are."""


class Stuck(Exception):
    """The client took nothing for as long as it may, or far less than it asked for."""


class Outbox:
    """Sends messages one after the other. A message under a name takes the place of one that still waits under that name.

    ``write`` sends a message at once and says True, or cannot; ``send`` waits until it can. ``gone`` is called once when nothing
    can be sent any more: with Stuck, or what sending raised.
    """

    def __init__(
        self,
        send: Callable[[Pieces], Awaitable[None]],
        patience: float,
        gone: Callable[[Exception], None],
        write: Callable[[Pieces], bool] = lambda message: False,
    ) -> None:
        self._send = send
        self._write = write
        self._patience = patience
        self._gone = gone
        self._waiting: dict[object, Pieces] = {}
        self._size = 0
        self._task: asyncio.Task[None] | None = None
        self._is_over = False
        self._has_room = asyncio.Event()
        self._has_room.set()

    def put(self, message: Pieces, name: object = None) -> None:
        """Never waits. Messages keep the order in which they, or those that they replace, came."""
        if self._is_over or (self._task is None and self._write(message)):
            return
        if name is None:
            name = object()
        elif name in self._waiting:
            self._size -= _size(self._waiting[name])
        self._waiting[name] = message
        self._size += _size(message)
        self._look_for_room()
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._empty())
        if self._size > MOST_WAITING_BYTES:
            self._fail(Stuck())

    def holds(self, name: object) -> bool:
        """Whether a message still waits under the name."""
        return name in self._waiting

    def drop(self, name: object) -> None:
        """Takes back what waits under the name."""
        if name in self._waiting:
            self._take(name)

    async def room(self) -> None:
        """Returns when not too much waits, or nothing ever will again."""
        await self._has_room.wait()

    def close(self) -> None:
        """Sends nothing more: what waits is forgotten."""
        self._is_over = True
        self._waiting.clear()
        self._size = 0
        self._has_room.set()
        if self._task is not None and self._task is not asyncio.current_task():
            self._task.cancel()

    async def drained(self) -> None:
        """Returns when nothing is being sent."""
        if self._task is not None:
            await asyncio.wait([self._task])

    async def _empty(self) -> None:
        try:
            while self._waiting:
                message = self._take(next(iter(self._waiting)))
                async with asyncio.timeout(self._patience):
                    await self._send(message)
        except TimeoutError:
            self._fail(Stuck())
        except OSError as error:
            self._fail(error)
        finally:
            self._task = None

    def _take(self, name: object) -> Pieces:
        message = self._waiting.pop(name)
        self._size -= _size(message)
        self._look_for_room()
        return message

    def _look_for_room(self) -> None:
        if len(self._waiting) > MOST_WAITING or self._size > ENOUGH_WAITING_BYTES:
            self._has_room.clear()
        else:
            self._has_room.set()

    def _fail(self, error: Exception) -> None:
        self.close()
        self._gone(error)


def _size(message: Pieces) -> int:
    return sum(map(len, message))
