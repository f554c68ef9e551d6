"""Which sites' pages may use the gateway from a browser: its own, and those that the operator names.

A token comes in a header or a message, never in a cookie: a browser adds none by itself, so a foreign page that makes one
ask (CSRF) asks as nobody. What needs more than that is refused by the browser's preflight: an ``Authorization`` header, and a
POST of JSON, the only one there is. A socket has no preflight, so here its origin is checked.
"""

from __future__ import annotations

from collections.abc import Collection

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from execution.front import Soon, Whole
from execution.representation import Form

ANY = "*"

REQUEST_HEADERS = (
    "Authorization",
    "Content-Type",
    "GraphQL-Cost",
    "If-None-Match",
    "X-Request-Id",
    "traceparent",
    "tracestate",
    # Apollo's clients add them to force a preflight.
    "Apollo-Require-Preflight",
    "X-Apollo-Operation-Name",
    "X-Requested-With",
)
RESPONSE_HEADERS = ("ETag", "RateLimit", "RateLimit-Policy", "Retry-After", "X-Request-Id")


def cors(app: ASGIApp, origins: Collection[str]) -> ASGIApp:
    """The application with what browsers are told about other sites. Without any there is nothing to say: browsers keep
    other sites out by themselves.
    """
    if not origins:
        return app
    return CORSMiddleware(
        app,
        allow_origins=origins,
        allow_methods=("GET", "HEAD", "POST"),
        allow_headers=REQUEST_HEADERS,
        expose_headers=RESPONSE_HEADERS,
    )


def same_origin(whole: Whole, origins: Collection[str]) -> Whole:
    """Leaves pages of other sites to ``cors``, where any are let in: a browser that names an origin wants to be told of it."""
    if not origins:
        return whole

    def without_origin(scope: Scope, body: bytes, receive: Receive) -> Form | Soon | None:
        return None if any(name == b"origin" for name, _ in scope["headers"]) else whole(scope, body, receive)

    return without_origin


class AllowedOrigins:
    """CORS for requests; a socket of another origin is refused before it is opened (403)."""

    def __init__(self, app: ASGIApp, origins: Collection[str]) -> None:
        self._app = app
        self._origins = origins
        self._http = cors(app, origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket" and not self._may_open(scope):
            await send({"type": "websocket.close", "code": 1008, "reason": "This origin is not allowed."})
        else:
            await self._app(scope, receive, send)

    def _may_open(self, scope: Scope) -> bool:
        origins = [value.decode("latin-1") for name, value in scope["headers"] if name == b"origin"]
        if not origins or ANY in self._origins:
            return True  # no browser asks, or anybody may
        hosts = [value.decode("latin-1").lower() for name, value in scope["headers"] if name == b"host"]
        [origin, *more] = origins
        # Behind a proxy that speaks TLS for us the scheme is not ours to compare.
        is_own = origin.partition("://")[2].lower() in hosts
        return not more and (is_own or origin in self._origins)
