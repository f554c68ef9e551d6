"""An answer as bytes for one media type and coding: made once, sent many times."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Iterable
from hashlib import blake2b
from typing import NamedTuple

from execution.compression import GZIP, compress
from execution.media_types import GRAPHQL_RESPONSE

CACHE_CONTROL = b"private, no-cache"
"""Whoever keeps an answer asks whether it is still true before using it again."""
VARY = b"Accept, Accept-Encoding, Authorization"


Headers = tuple[tuple[bytes, bytes], ...]


class Form(NamedTuple):
    """A status, headers and a body, as they are sent. ``lines`` are the headers as they are written."""

    status: int
    headers: Headers
    lines: bytes
    body: bytes

    @classmethod
    def of(cls, status: int, headers: Headers, body: bytes) -> Form:
        return cls(status, headers, lines_of(headers), body)

    def with_headers(self, headers: Headers) -> Form:
        """With these, too."""
        return Form.of(self.status, self.headers + headers, self.body)


class Representation(NamedTuple):
    """``whole`` is for those who have not got it yet, ``unchanged`` for those who have (304)."""

    etag: str
    whole: Form
    unchanged: Form

    def form(self, if_none_match: str | None) -> Form:
        """What to send to whoever asks with this header."""
        return self.unchanged if self._is_named_by(if_none_match) else self.whole

    def _is_named_by(self, if_none_match: str | None) -> bool:
        """Whether a client that sends this header has the answer already (RFC 9110, 13.1.2)."""
        if if_none_match is None:
            return False
        names = [name.strip() for name in if_none_match.split(",")]
        return "*" in names or any(name.removeprefix("W/") == self.etag for name in names)


def digest_of(body: bytes) -> str:
    """Equal for equal bodies, and for no others."""
    return urlsafe_b64encode(blake2b(body, digest_size=15).digest()).decode()


def representation(body: bytes, digest: str, media_type: str, encoding: str | None) -> Representation:
    """``digest`` is the body's; ``encoding`` is GZIP or None."""
    # Each way to write it down has a name of its own.
    kind = ("r" if media_type == GRAPHQL_RESPONSE else "j") + ("z" if encoding == GZIP else "")
    written = compress(body) if encoding == GZIP else body
    etag = f'"{digest}-{kind}"'
    short = ((b"etag", etag.encode()), (b"cache-control", CACHE_CONTROL), (b"vary", VARY))
    long = [
        (b"content-type", f"{media_type}; charset=utf-8".encode()),
        (b"content-length", str(len(written)).encode()),
        *short,
    ]
    if encoding == GZIP:
        long.append((b"content-encoding", GZIP.encode()))
    return Representation(etag, Form.of(200, tuple(long), written), Form.of(304, short, b""))


def lines_of(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Headers as they are written in HTTP/1.1."""
    return b"".join([b"%b: %b\r\n" % header for header in headers])
