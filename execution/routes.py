"""The small routes beside the endpoint: the page, and the schema as text."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

import web

ASKING = frozenset({"query", "documentId", "extensions"})
"""What an address that asks something has."""

RequestHandler = Callable[[Request], Awaitable[Response]]


class PageOr:
    """Browsers that open the endpoint get GraphiQL; everything else goes to the endpoint."""

    def __init__(self, endpoint: ASGIApp) -> None:
        self._endpoint = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # Most requests are POSTs, and are not looked at any further.
        answer = _page() if scope["method"] in ("GET", "HEAD") and _wants_page(Request(scope)) else self._endpoint
        await answer(scope, receive, send)


def _wants_page(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "") and ASKING.isdisjoint(request.query_params)


def _page() -> Response:
    index = web.DIST / "index.html"
    if not index.is_file():
        return PlainTextResponse("The page is not built. Run `make setup`.", 503)
    headers = {
        "Content-Security-Policy": web.CONTENT_SECURITY_POLICY,
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cache-Control": "no-cache",
        "Vary": "Accept",
    }
    return FileResponse(index, media_type="text/html", headers=headers)


async def to_page(request: Request) -> Response:
    """Whoever opens the bare address of the gateway is sent to the page."""
    return RedirectResponse("/graphql", 302)
