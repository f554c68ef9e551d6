"""One id per request: in the answer's header, and on every event that is logged meanwhile."""

from __future__ import annotations

import os
import re
from contextvars import ContextVar
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import STRUCTLOG_KEY_PREFIX

HEADER = b"x-request-id"
SANE = re.compile(rb"[A-Za-z0-9._-]{1,64}")

# structlog adds every variable of this prefix to what is logged; setting it here is ten times cheaper than by its functions.
_request_id: ContextVar[Any] = ContextVar(f"{STRUCTLOG_KEY_PREFIX}request_id", default=...)


def current_request_id() -> str | None:
    """Of the request that is being answered."""
    request_id = _request_id.get()
    return None if request_id is ... else request_id


class RequestId:
    """Keeps the id that a proxy or client sends where it is sane, and makes one where it is not."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        request_id = _given(scope) or os.urandom(16).hex().encode()

        async def send_with_id(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.accept"):
                message["headers"] = [*message.get("headers", ()), (HEADER, request_id)]
            await send(message)

        token = _request_id.set(request_id.decode())
        try:
            await self._app(scope, receive, send_with_id)
        finally:
            _request_id.reset(token)


def _given(scope: Scope) -> bytes | None:
    for name, value in scope["headers"]:
        if name == HEADER:
            given: bytes = value
            return given if SANE.fullmatch(given) else None
    return None
