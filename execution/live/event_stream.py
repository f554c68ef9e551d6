"""One operation answered as server-sent events: GraphQL over SSE, distinct connections mode.

The protocol is https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

import orjson
from starlette.types import Receive, Send

from execution.live.outbox import Outbox, Pieces
from execution.live.plan import Errors, Follower
from execution.media_types import EVENT_STREAM
from settings import Settings

HEADERS = [
    (b"content-type", f"{EVENT_STREAM}; charset=utf-8".encode()),
    (b"cache-control", b"no-cache"),
    (b"vary", b"Accept"),
    # Proxies of nginx's kind would hold events back.
    (b"x-accel-buffering", b"no"),
]
COMMENT = (b":\n\n",)
NEXT, END = b"event: next\ndata: ", b"\n\n"
# A line of data, though empty: without one no client is told of the event.
COMPLETE = (b"event: complete\ndata:\n\n",)


FAREWELL_SECONDS = 5.0
"""How long the end of the answer may wait behind what the client does not take."""


class EventStream:
    """A sink whose answers are events. ``run`` it once; ``close`` ends it from outside. ``lost`` is told why it ends early."""

    def __init__(self, settings: Settings, receive: Receive, send: Send, lost: Callable[[Exception], None]) -> None:
        self._heartbeat = settings.live_heartbeat
        self._receive = receive
        self._send = send
        self._outbox = Outbox(self._send_message, settings.live_patience, self._gone)
        self._lost = lost
        self._over = asyncio.Event()

    async def run(self, begin: Coroutine[Any, Any, Follower | None]) -> None:
        """Answers until all is told, the client goes, or it takes nothing. ``begin`` has this sink told."""
        await self._send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        # The headers are sent with the first piece of the body.
        self._outbox.put(COMMENT)
        begun = asyncio.create_task(begin)
        around = [begun, asyncio.create_task(self._watch()), asyncio.create_task(self._beat())]
        try:
            await self._over.wait()
            await self._outbox.drained()
        finally:
            for task in around:
                task.cancel()
            await asyncio.wait(around)
            if not begun.cancelled() and (follower := begun.result()) is not None:
                follower.leave()
            self._outbox.close()
        # Gone, or without room for the end: then there is nobody to tell.
        with suppress(OSError):
            async with asyncio.timeout(FAREWELL_SECONDS):
                await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    def close(self) -> None:
        """Ends the stream without saying that all was told: clients come back."""
        self._outbox.close()
        self._over.set()

    @property
    def is_free(self) -> bool:
        return not self._outbox.holds(self)

    def put(self, payload: bytes) -> None:
        self._outbox.put((NEXT, payload, END), self)

    def end(self, errors: Errors) -> None:
        self._outbox.put((NEXT, orjson.dumps({"errors": errors}), END))
        self.complete()

    def complete(self) -> None:
        self._outbox.put(COMPLETE)
        self._over.set()

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.close()

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self._heartbeat)
            self._outbox.put(COMMENT, COMMENT)

    def _gone(self, error: Exception) -> None:
        self._lost(error)
        self.close()

    async def _send_message(self, message: Pieces) -> None:
        await self._send({"type": "http.response.body", "body": b"".join(message), "more_body": True})
