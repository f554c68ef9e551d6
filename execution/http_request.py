"""GraphQL over HTTP: what a request asks for, out of a body or an address."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

import orjson
from starlette.types import Receive, Scope

from execution.body_limit import MAX_BYTES, too_large
from execution.media_types import JSON, is_json
from execution.operations import GraphQLRequest
from execution.refusals import Refusal


class ClientGone(Exception):
    """The client closed the connection before it had sent everything."""


class Headers(dict[bytes, bytes]):
    """By name in lower case, as they came: few of them are ever read."""

    def text(self, name: bytes) -> str | None:
        value = self.get(name)
        return None if value is None else value.decode("latin-1")


def headers_of(scope: Scope) -> Headers:
    """What comes several times is joined by commas."""
    pairs: list[tuple[bytes, bytes]] = scope["headers"]
    headers = Headers(pairs)
    if len(headers) < len(pairs):
        headers.clear()
        for name, value in pairs:
            headers[name] = b"%b, %b" % (headers[name], value) if name in headers else value
    return headers


async def read_body(receive: Receive, headers: Headers) -> bytes:
    """The whole body. Raises Refusal (413), ClientGone."""
    length = headers.get(b"content-length", b"")
    if length.isdigit() and int(length) > MAX_BYTES:
        raise too_large()
    message = await receive()
    if not message.get("more_body") and message["type"] == "http.request":
        body: bytes = message.get("body", b"")
        return body
    parts: list[bytes] = []
    read = 0
    while True:
        if message["type"] == "http.disconnect":
            raise ClientGone
        part = message.get("body", b"")
        read += len(part)
        if read > MAX_BYTES:
            raise too_large()
        parts.append(part)
        if not message.get("more_body"):
            return b"".join(parts)
        message = await receive()


def of_body(body: bytes, content_type: str | None) -> GraphQLRequest:
    """Raises Refusal (400, 415)."""
    if not is_json(content_type):
        raise Refusal(415, f"Send {JSON} in UTF-8.", "UNSUPPORTED_MEDIA_TYPE")
    return of_object(json_object(body))


def of_address(query_string: bytes) -> GraphQLRequest:
    """Raises Refusal (400)."""
    try:
        found = dict(
            parse_qsl(query_string.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=20)
        )
    except ValueError:
        raise Refusal(400, "The address is not well formed.") from None
    given: dict[str, Any] = {name: found.get(name) for name in ("query", "documentId", "operationName")}
    for name in ("variables", "extensions"):
        given[name] = json_object(found[name].encode(), f"`{name}`") if found.get(name) else None
    return of_object(given)


def of_object(given: dict[str, Any]) -> GraphQLRequest:
    """Of the members of a request, over HTTP or in a socket's message. Raises Refusal (400)."""
    request = GraphQLRequest(
        given.get("query"),
        None if given.get("operationName") == "" else given.get("operationName"),
        given.get("variables"),
        given.get("extensions"),
        given.get("documentId"),
    )
    for name, value, kind, words in (
        ("query", request.query, str, "a string"),
        ("operationName", request.operation_name, str, "a string"),
        ("documentId", request.document_id, str, "a string"),
        ("variables", request.variables, dict, "an object"),
        ("extensions", request.extensions, dict, "an object"),
    ):
        if value is not None and not isinstance(value, kind):
            raise Refusal(400, f"`{name}` must be {words} or null, if provided.")
    return request


def json_object(text: bytes, what: str = "What was sent") -> dict[str, Any]:
    """Strict JSON: no NaN, no lone surrogates; an object at the top. Raises Refusal (400)."""
    try:
        decoded = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise Refusal(400, f"{what} is not valid JSON.") from None
    if not isinstance(decoded, dict):
        raise Refusal(400, f"{what} must be a JSON object.")
    return decoded
