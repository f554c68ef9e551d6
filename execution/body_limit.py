"""No body and no message is read further than this."""

from __future__ import annotations

from cross_web import HTTPException
from starlette.types import Message, Receive

# A batch of 1,000 full attempts is about 400 KiB.
MAX_BYTES = 1024 * 1024


def too_large() -> HTTPException:
    return HTTPException(413, f"At most {MAX_BYTES // 1024} KiB can be sent at once.")


def limited(receive: Receive) -> Receive:
    """Raises HTTPException (413) when what came so far is too large: of a body all parts, of a socket one message."""
    read = 0

    async def receive_limited() -> Message:
        nonlocal read
        message = await receive()
        if message["type"] == "http.request":
            read += len(message.get("body", b""))
        elif message["type"] == "websocket.receive":
            read = _size(message)
        if read > MAX_BYTES:
            raise too_large()
        return message

    return receive_limited


def _size(message: Message) -> int:
    text = message.get("text")
    return len(message.get("bytes") or b"") if text is None else len(text.encode())
