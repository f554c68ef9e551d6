"""WebSockets as Uvicorn speaks them, with an end for those whose peer takes nothing, and a short way for what many are sent."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request
from websockets.protocol import State

from execution.live.outbox import Pieces
from execution.live.wire import WRITE

FLUSH_SECONDS = 10.0
"""How long the peer may take to read what it was sent, once the socket is closed on our side."""

NO_FAREWELL = struct.pack("ii", 1, 0)
WHOLE_TEXT = 0x81


class SocketProtocol(WebSocketsSansIOProtocol):
    """One socket. What is sent waits for room in the buffers, but the closing frame goes to their end at once, and what the
    peer does not take of them is given up in time.
    """

    _flush: asyncio.TimerHandle | None = None

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if not self.close_sent:
            extensions: dict[str, Any] = self.scope["extensions"]
            extensions[WRITE] = {"write": self.write}

    def write(self, message: Pieces) -> bool:
        """Sends a text at once, uncompressed, if the buffers have room; whether it did."""
        if not self.writable.is_set() or self.conn.state is not State.OPEN or self.transport.is_closing():
            return False
        self.transport.write(b"".join((_head(sum(map(len, message))), *message)))
        return True

    async def send(self, message: Any) -> None:
        if message["type"] == "websocket.close":
            self.writable.set()
            self._flush = self.loop.call_later(FLUSH_SECONDS, self._cut)
        await super().send(message)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._flush is not None:
            self._flush.cancel()
        super().connection_lost(exc)

    def _cut(self) -> None:
        # Without this the kernel would go on offering what the peer does not take.
        self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_FAREWELL)
        self.transport.abort()


def _head(size: int) -> bytes:
    """Of a frame that is a whole text of so many bytes."""
    if size < 126:
        return bytes((WHOLE_TEXT, size))
    if size < 1 << 16:
        return bytes((WHOLE_TEXT, 126)) + size.to_bytes(2)
    return bytes((WHOLE_TEXT, 127)) + size.to_bytes(8)
