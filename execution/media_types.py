"""The media types of GraphQL over HTTP, and which of them a client asks for.

The older one hides mistakes in the document behind a 200, as its clients expect; the newer one says 400.
"""

from __future__ import annotations

from collections.abc import Mapping
from email.message import Message
from functools import lru_cache
from typing import NamedTuple

JSON = "application/json"
GRAPHQL_RESPONSE = "application/graphql-response+json"
EVENT_STREAM = "text/event-stream"

LONGEST_REMEMBERED = 256
"""Characters of a header whose meaning is remembered: clients send the same few again and again."""

_RANGES = {
    JSON: JSON,
    GRAPHQL_RESPONSE: GRAPHQL_RESPONSE,
    "application/*": JSON,
    "*/*": JSON,
}


class Accepted(NamedTuple):
    """What an ``Accept`` header asks for."""

    answer_type: str | None
    """What to answer in: of equals the one named first; JSON where nothing is asked for; None where neither will do."""
    prefers_events: bool
    """Whether an answer that can be given at once is wanted as an event stream rather than in JSON. Clients that can read
    either, and name JSON first, want JSON.
    """
    events: bool
    """Whether a client says that it can read an event stream, as it must for a subscription."""


def accepted(accept: str | None) -> Accepted:
    accept = accept or ""
    return _accepted(accept) if len(accept) <= LONGEST_REMEMBERED else _read(accept)


def _read(accept: str) -> Accepted:
    return Accepted(
        _best(accept, _RANGES) if accept.strip() else JSON,
        _best(accept, {**_RANGES, EVENT_STREAM: EVENT_STREAM}) == EVENT_STREAM,
        _best(accept, {EVENT_STREAM: EVENT_STREAM}) is not None,
    )


_accepted = lru_cache(maxsize=256)(_read)


def _best(accept: str, ranges: Mapping[str, str]) -> str | None:
    best, best_quality = None, 0.0
    for part in accept.split(","):
        media_range, _, parameters = part.partition(";")
        media_type = ranges.get(media_range.strip().lower())
        quality = _quality(parameters)
        if media_type is not None and quality > best_quality:
            best, best_quality = media_type, quality
    return best


def is_json(content_type: str | None) -> bool:
    """Whether a body is said to be JSON in UTF-8, the only encoding there is for it."""
    content_type = content_type or "none/none"
    return _is_json(content_type) if len(content_type) <= LONGEST_REMEMBERED else _says_json(content_type)


def _says_json(content_type: str) -> bool:
    header = Message()
    header["content-type"] = content_type
    charset = header.get_param("charset", "utf-8")
    return header.get_content_type() == JSON and isinstance(charset, str) and charset.lower() in ("utf-8", "utf8")


_is_json = lru_cache(maxsize=256)(_says_json)


def _quality(parameters: str) -> float:
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            try:
                return min(float(value), 1.0)
            except ValueError:
                return 0.0
    return 1.0
