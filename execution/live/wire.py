"""How a message gets into a WebSocket: at once where the server can do that, otherwise as every server does it."""

from __future__ import annotations

from collections.abc import Callable

from starlette.types import Scope, Send

from execution.live.outbox import Pieces

WRITE = "scoregraph.write"
"""An extension of ASGI: ``write`` in it takes the pieces of a text message and sends them, unless what was sent before still
waits, or the socket is closed; then it says False. One answer that goes to a thousand clients is not worth a thousand tasks.
"""


class Wire:
    """One socket, as far as its server can send."""

    def __init__(self, scope: Scope, send: Send) -> None:
        extension = scope.get("extensions", {}).get(WRITE)
        self.write: Callable[[Pieces], bool] = extension["write"] if extension else _cannot
        self._send = send

    async def send(self, message: Pieces) -> None:
        """Returns when the server has it. Raises OSError when the client is gone."""
        await self._send({"type": "websocket.send", "text": b"".join(message).decode()})


def _cannot(message: Pieces) -> bool:
    return False
