"""What waits to be sent to one client: bounded, without holding anybody up, and with an end to patience."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

MOST_WAITING = 100
"""More messages than this wait only for a client that does not read; what it sends is not read either then."""


class Stuck(Exception):
    """The client took nothing for as long as it may."""


class Outbox:
    """Sends texts one after the other. A text under a name takes the place of one that still waits under that name.

    ``gone`` is called once when nothing can be sent any more: with Stuck, or what sending raised.
    """

    def __init__(
        self, send: Callable[[str], Awaitable[None]], patience: float, gone: Callable[[Exception], None]
    ) -> None:
        self._send = send
        self._patience = patience
        self._gone = gone
        self._waiting: dict[object, str] = {}
        self._task: asyncio.Task[None] | None = None
        self._is_over = False
        self._has_room = asyncio.Event()
        self._has_room.set()

    def put(self, text: str, name: object = None) -> None:
        """Never waits. Texts keep the order in which they, or those that they replace, came."""
        if self._is_over:
            return
        self._waiting[object() if name is None else name] = text
        if len(self._waiting) > MOST_WAITING:
            self._has_room.clear()
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._empty())

    def holds(self, name: object) -> bool:
        """Whether a text still waits under the name."""
        return name in self._waiting

    def drop(self, name: object) -> None:
        """Takes back what waits under the name."""
        self._waiting.pop(name, None)

    async def room(self) -> None:
        """Returns when not too much waits, or nothing ever will again."""
        await self._has_room.wait()

    def close(self) -> None:
        """Sends nothing more: what waits is forgotten."""
        self._is_over = True
        self._waiting.clear()
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
                name = next(iter(self._waiting))
                text = self._waiting.pop(name)
                if len(self._waiting) <= MOST_WAITING:
                    self._has_room.set()
                async with asyncio.timeout(self._patience):
                    await self._send(text)
        except TimeoutError:
            self._fail(Stuck())
        except OSError as error:
            self._fail(error)
        finally:
            self._task = None

    def _fail(self, error: Exception) -> None:
        self.close()
        self._gone(error)
