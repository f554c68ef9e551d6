"""A client that goes away wants no answer: what is done for it is stopped, down to its statement."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.types import Receive

from execution.http_request import ClientGone

UNWATCHED_SECONDS = 0.05
"""Most answers are given sooner, and cost no task that watches."""


@contextmanager
def while_client_waits(receive: Receive) -> Iterator[None]:
    """Cancels the block when the client of a request, whose body was read, goes away. Raises ClientGone."""
    loop = asyncio.get_running_loop()
    working = asyncio.current_task()
    assert working is not None
    watching: asyncio.Task[None] | None = None
    is_gone = False

    async def watch() -> None:
        nonlocal is_gone
        while (await receive())["type"] != "http.disconnect":
            pass
        is_gone = True
        working.cancel()

    def begin() -> None:
        nonlocal watching
        watching = loop.create_task(watch())

    timer = loop.call_later(UNWATCHED_SECONDS, begin)
    try:
        yield
    except asyncio.CancelledError:
        if is_gone and working.uncancel() == 0:
            raise ClientGone from None
        raise
    finally:
        timer.cancel()
        if watching is not None:
            watching.cancel()
