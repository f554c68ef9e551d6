"""A client that goes away wants no answer: what is done for it is stopped, down to its statement."""

from __future__ import annotations

import asyncio
from types import TracebackType

from starlette.types import Receive

from execution.http_request import ClientGone

UNWATCHED_SECONDS = 0.05
"""Most answers are given sooner, and cost no task that watches. It begins within twice that."""


class Patience:
    """Looks after the clients of one application."""

    def __init__(self) -> None:
        self._new: set[Waiting] = set()
        self._waiting: set[Waiting] = set()
        self._timer: asyncio.TimerHandle | None = None

    def of_client(self, receive: Receive) -> Waiting:
        """``with patience.of_client(receive): …``: cancels the block when the client of a request, whose body was read, goes
        away. Raises ClientGone.
        """
        return Waiting(self, receive)

    def begin(self, waiting: Waiting) -> None:
        self._new.add(waiting)
        if self._timer is None:
            # One for all: a timer costs as much as everything else here.
            self._timer = asyncio.get_running_loop().call_later(UNWATCHED_SECONDS, self._look)

    def end(self, waiting: Waiting) -> None:
        self._new.discard(waiting)
        self._waiting.discard(waiting)

    def _look(self) -> None:
        self._timer = None
        for waiting in self._waiting:
            waiting.watch()
        self._waiting, self._new = self._new, set()
        if self._waiting:
            self._timer = asyncio.get_running_loop().call_later(UNWATCHED_SECONDS, self._look)


class Waiting:
    """What is done for one client."""

    __slots__ = ("_is_gone", "_patience", "_receive", "_watching", "_working")

    def __init__(self, patience: Patience, receive: Receive) -> None:
        self._patience = patience
        self._receive = receive
        self._working = asyncio.current_task()
        self._watching: asyncio.Task[None] | None = None
        self._is_gone = False

    def __enter__(self) -> None:
        self._patience.begin(self)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._patience.end(self)
        if self._watching is not None:
            self._watching.cancel()
            if self._is_gone and kind is asyncio.CancelledError and self._working and self._working.uncancel() == 0:
                raise ClientGone from None

    def watch(self) -> None:
        self._watching = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._is_gone = True
        if self._working is not None:
            self._working.cancel()
