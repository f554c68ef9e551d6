"""WebSockets as Uvicorn speaks them, with an end for those whose peer takes nothing."""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

FLUSH_SECONDS = 10.0
"""How long the peer may take to read what it was sent, once the socket is closed on our side."""


class SocketProtocol(WebSocketsSansIOProtocol):
    """One socket. What is sent waits for room in the buffers, but the closing frame goes to their end at once, and what the
    peer does not take of them is given up in time.
    """

    async def send(self, message: Any) -> None:
        if message["type"] == "websocket.close":
            self.writable.set()
            self.loop.call_later(FLUSH_SECONDS, self.transport.abort)
        await super().send(message)
