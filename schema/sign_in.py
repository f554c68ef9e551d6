"""Signing in where somebody follows a link of a message in a browser, which has no token to send."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from auth import bearer

MOST_BYTES = 64 * 1024
"""Of a form; a token names at most a few thousand groups."""

HEADERS = {
    "Cache-Control": "no-store",
    "Vary": "Accept, Authorization",
    "WWW-Authenticate": "Bearer",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
}
_PAGE = Path(__file__).with_name("sign_in.html").read_text("utf-8")


async def token_of(request: Request) -> str | None:
    """The token of the header, or of the form of the page; None where there is none."""
    token = bearer(request.headers.get("authorization"))
    return await _token_of_form(request) if token is None and request.method == "POST" else token


def asks_for_page(request: Request) -> bool:
    """Whether it is a browser that somebody looks at."""
    return "text/html" in request.headers.get("accept", "")


def page() -> Response:
    """A form that sends the token in its body: it is in no address, no log and no history."""
    return HTMLResponse(_PAGE, 401, HEADERS)


async def _token_of_form(request: Request) -> str | None:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            return None
    form = parse_qs(body.decode("ascii", "replace"))
    return form.get("token", [""])[0].strip() or None
