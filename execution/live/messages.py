"""The messages of graphql-transport-ws: what a client may send, checked, and what it is sent.

The protocol is https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import orjson

from execution.live.outbox import Pieces
from execution.operations import GraphQLRequest

SUBPROTOCOL = "graphql-transport-ws"
LONGEST_MESSAGE = 1024 * 1024
LONGEST_ID = 256

ACKNOWLEDGED: Pieces = (b'{"type":"connection_ack"}',)
PING: Pieces = (b'{"type":"ping"}',)
PONG: Pieces = (b'{"type":"pong"}',)


class CloseCode(IntEnum):
    """Why a socket is closed."""

    RESTARTING = 1012
    TOO_LARGE = 1009
    INTERNAL_ERROR = 1011
    BAD_REQUEST = 4400
    UNAUTHORIZED = 4401
    FORBIDDEN = 4403
    SUBPROTOCOL_NOT_ACCEPTABLE = 4406
    TIMEOUT = 4408
    SUBSCRIBER_EXISTS = 4409
    TOO_MANY_INITIALISATIONS = 4429


class Close(Exception):
    """Ends a conversation: the socket is closed with a code and a reason of up to 123 bytes."""

    def __init__(self, code: CloseCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Initialisation:
    """``connection_init``."""

    payload: Mapping[str, Any]

    @property
    def authorization(self) -> object:
        """What stands in its payload where HTTP has a header; None where nothing does. The case does not matter."""
        return next((value for name, value in self.payload.items() if name.lower() == "authorization"), None)


@dataclass(frozen=True, slots=True)
class Ping:
    """``ping``."""


@dataclass(frozen=True, slots=True)
class Pong:
    """``pong``."""


@dataclass(frozen=True, slots=True)
class Subscribe:
    """``subscribe``, also for queries and mutations."""

    id: str
    request: GraphQLRequest


@dataclass(frozen=True, slots=True)
class Complete:
    """``complete``: the client has enough."""

    id: str


Message = Initialisation | Ping | Pong | Subscribe | Complete


def read_message(event: Mapping[str, Any]) -> Message:
    """The message in a frame, as ASGI tells it. Raises Close."""
    text, data = event.get("text"), event.get("bytes")
    if (len(data or b"") if text is None else _size(text)) > LONGEST_MESSAGE:
        raise Close(CloseCode.TOO_LARGE, f"A message has at most {LONGEST_MESSAGE // 1024} KiB.")
    if text is None:
        raise Close(CloseCode.BAD_REQUEST, "Messages are sent as text.")
    try:
        sent = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise Close(CloseCode.BAD_REQUEST, "What was sent is not valid JSON.") from None
    match sent:
        case {"type": "connection_init"} if _may_be(sent.get("payload"), dict):
            return Initialisation(sent.get("payload") or {})
        case {"type": "ping"} if _may_be(sent.get("payload"), dict):
            return Ping()
        case {"type": "pong"} if _may_be(sent.get("payload"), dict):
            return Pong()
        case {"type": "subscribe", "id": str(id), "payload": dict(payload)} if _is_id(id) and _is_request(payload):
            return Subscribe(id, _request(payload))
        case {"type": "complete", "id": str(id)} if _is_id(id):
            return Complete(id)
    raise Close(CloseCode.BAD_REQUEST, f"What was sent is no message of {SUBPROTOCOL}.")


class Next:
    """``next`` messages of one operation, around results that are JSON already."""

    __slots__ = ("_begin",)

    def __init__(self, id: str) -> None:
        self._begin = b'{"id":%b,"type":"next","payload":' % orjson.dumps(id)

    def message(self, payload: bytes) -> Pieces:
        return self._begin, payload, b"}"


def failed_payload(errors: Sequence[Mapping[str, Any]]) -> bytes:
    """A result that is nothing but errors."""
    return orjson.dumps({"data": None, "errors": errors})


def error_message(id: str, errors: Sequence[Mapping[str, Any]]) -> Pieces:
    """``error``, which ends the operation."""
    return (b'{"id":%b,"type":"error","payload":%b}' % (orjson.dumps(id), orjson.dumps(errors)),)


def complete_message(id: str) -> Pieces:
    """``complete``: nothing more will come."""
    return (b'{"id":%b,"type":"complete"}' % orjson.dumps(id),)


def _size(text: str) -> int:
    # Counted only where it could matter.
    return len(text) if len(text) * 4 <= LONGEST_MESSAGE else len(text.encode())


def _is_id(id: str) -> bool:
    return 0 < len(id) <= LONGEST_ID


def _may_be(value: object, kind: type) -> bool:
    return value is None or isinstance(value, kind)


def _is_request(payload: Mapping[str, Any]) -> bool:
    named = isinstance(payload.get("documentId"), str) or isinstance(payload.get("extensions"), dict)
    return (
        (isinstance(payload.get("query"), str) or (named and payload.get("query") is None))
        and _may_be(payload.get("operationName"), str)
        and _may_be(payload.get("variables"), dict)
        and _may_be(payload.get("extensions"), dict)
        and _may_be(payload.get("documentId"), str)
    )


def _request(payload: Mapping[str, Any]) -> GraphQLRequest:
    return GraphQLRequest(
        payload.get("query"),
        payload.get("operationName"),
        payload.get("variables"),
        payload.get("extensions"),
        payload.get("documentId"),
    )
