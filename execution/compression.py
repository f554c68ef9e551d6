"""gzip: who wants it, and for what it is worth its time.

A client that can make a victim's browser ask, and that can put its own text beside a secret in the answer, could guess the
secret by the length of what is compressed (BREACH). Here a foreign page cannot ask with the victim's token, no answer
holds a token, and nothing of a request is repeated but its aliases and the text of a mistake in it; so answers are compressed.
"""

from __future__ import annotations

import gzip
from functools import lru_cache

GZIP = "gzip"
LEAST_BYTES = 1024
"""Less is in one packet anyway."""

LEVEL = 1
"""A page of 68 KB becomes 10 KB in 0.11 ms; level 6 makes it 8 KB and takes 0.5 ms, as long as all the rest of the answer."""

LONGEST_HEADER = 256


def content_encoding(accept_encoding: str | None) -> str | None:
    """GZIP where the client takes it, and likes nothing at all no better; else None: send what there is as it is."""
    if not accept_encoding or len(accept_encoding) > LONGEST_HEADER:
        return None
    return _content_encoding(accept_encoding)


def is_worth_it(body: bytes) -> bool:
    return len(body) >= LEAST_BYTES


def compress(body: bytes) -> bytes:
    """Equal bodies give equal bytes."""
    return gzip.compress(body, LEVEL, mtime=0)


@lru_cache(maxsize=256)
def _content_encoding(accept_encoding: str) -> str | None:
    qualities: dict[str, float] = {}
    for part in accept_encoding.split(","):
        coding, _, parameters = part.partition(";")
        qualities[coding.strip().lower()] = _quality(parameters)
    wanted = qualities.get(GZIP, qualities.get("x-gzip", qualities.get("*", 0.0)))
    return GZIP if wanted > 0 and wanted >= qualities.get("identity", 0.0) else None


def _quality(parameters: str) -> float:
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            try:
                quality = float(value)
            except ValueError:
                return 0.0
            return quality if 0.0 <= quality <= 1.0 else 0.0
    return 1.0
