"""Headers that every answer has, so that a browser takes it for nothing but what it is."""

from __future__ import annotations

from starlette.types import Scope

from execution.representation import Headers, lines_of

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
ALWAYS_LINES, OVER_HTTPS_LINES = lines_of(ALWAYS), lines_of(OVER_HTTPS)


def security_headers(scope: Scope) -> Headers:
    """Promise HTTPS for a year where a request came by it."""
    return OVER_HTTPS if _is_https(scope) else ALWAYS


def security_lines(scope: Scope) -> bytes:
    """The same as they are written."""
    return OVER_HTTPS_LINES if _is_https(scope) else ALWAYS_LINES


def _is_https(scope: Scope) -> bool:
    # Any proxy is believed: browsers take the promise over HTTPS alone.
    return scope["scheme"] == "https" or (b"x-forwarded-proto", b"https") in scope["headers"]
