"""The media types of GraphQL over HTTP, and which of them a client asks for.

The older one hides mistakes in the document behind a 200, as its clients expect; the newer one says 400.
"""

from __future__ import annotations

from collections.abc import Mapping
from email.message import Message

JSON = "application/json"
GRAPHQL_RESPONSE = "application/graphql-response+json"
EVENT_STREAM = "text/event-stream"

_RANGES = {
    JSON: JSON,
    GRAPHQL_RESPONSE: GRAPHQL_RESPONSE,
    "application/*": JSON,
    "*/*": JSON,
}


def answer_type(accept: str | None) -> str | None:
    """What to answer in: of equals the one named first; JSON where nothing is asked for; None where neither will do."""
    return JSON if accept is None or not accept.strip() else _best(accept, _RANGES)


def prefers_events(accept: str | None) -> bool:
    """Whether an answer that can be given at once is wanted as an event stream rather than in JSON. Clients that can read
    either, and name JSON first, want JSON.
    """
    return _best(accept or "", {**_RANGES, EVENT_STREAM: EVENT_STREAM}) == EVENT_STREAM


def accepts_events(accept: str | None) -> bool:
    """Whether a client says that it can read an event stream, as it must for a subscription."""
    return _best(accept or "", {EVENT_STREAM: EVENT_STREAM}) is not None


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
    header = Message()
    header["content-type"] = content_type or "none/none"
    charset = header.get_param("charset", "utf-8")
    return header.get_content_type() == JSON and isinstance(charset, str) and charset.lower() in ("utf-8", "utf8")


def _quality(parameters: str) -> float:
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            try:
                return min(float(value), 1.0)
            except ValueError:
                return 0.0
    return 1.0
