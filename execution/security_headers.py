"""Headers that every answer has, so that a browser takes it for nothing but what it is."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

ALWAYS = (
    # JSON is JSON, whatever is in it.
    (b"x-content-type-options", b"nosniff"),
    # Addresses may hold variables.
    (b"referrer-policy", b"no-referrer"),
    # The page holds a token; no other site may show it in a frame, nor load an answer as a picture or a script.
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
OVER_HTTPS = (*ALWAYS, (b"strict-transport-security", b"max-age=31536000"))


class SecurityHeaders:
    """Promises HTTPS for a year where a request came by it, or a proxy that is trusted says so."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        added = OVER_HTTPS if scope["scheme"] == "https" else ALWAYS

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *added]
            await send(message)

        await self._app(scope, receive, send_with_headers)
