"""GraphQL over HTTP, straight on ASGI: from bytes to bytes, with nothing in between that is not needed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import orjson
from graphql import ExecutionResult, OperationType
from starlette.types import Receive, Scope, Send

from auth import AuthenticationError, Claims, TokenVerifier, bearer
from execution.http_request import ClientGone, headers_of, of_address, of_body, read_body
from execution.live.endpoint import Graph as LiveGraph
from execution.live.endpoint import LiveEndpoint
from execution.media_types import EVENT_STREAM, GRAPHQL_RESPONSE, JSON, accepts_events, answer_type, prefers_events
from execution.operations import GraphQLRequest, Operation, Operations, RequestErrors
from execution.refusals import Refusal
from resolvers.context import Context, Services

METHODS = {"GET", "POST"}


class Graph(LiveGraph, Protocol):
    """What the endpoint needs of the graph."""

    operations: Operations


class GraphQLEndpoint:
    """Serves one graph; ``live`` is the application for its sockets. A request with a token that is not accepted is refused as
    a whole (401).
    """

    def __init__(self, graph: Graph, services: Services, verifier: TokenVerifier) -> None:
        self.live = LiveEndpoint(graph, services, verifier, self.prepare)
        self._graph = graph
        self._services = services
        self._verifier = verifier

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = headers_of(scope)
        media_type = answer_type(headers.get("accept")) or JSON
        try:
            answer = await self._answer(scope, receive, send, headers, media_type)
        except ClientGone:
            return
        except Refusal as refusal:
            answer = _Answer({"errors": [refusal.formatted]}, refusal.status, refusal.headers)
        if answer is not None:
            await answer.send(send, media_type)

    async def prepare(self, request: GraphQLRequest, context: Context) -> Operation:
        """The operation that a request asks for, if it may be run. Raises Refusal, RequestErrors."""
        if not request.query:
            raise Refusal(400, NO_QUERY)
        return self._graph.operations.prepare(request.query, request.operation_name)

    async def _answer(
        self, scope: Scope, receive: Receive, send: Send, headers: dict[str, str], media_type: str
    ) -> _Answer | None:
        """None where it was given already, as an event stream."""
        if scope["method"] not in METHODS:
            raise Refusal(405, "Send a query by GET or POST.", "METHOD_NOT_ALLOWED", headers={"Allow": "GET, POST"})
        body = await read_body(receive, headers)
        claims = await self._claims(headers)
        accept = headers.get("accept")
        if answer_type(accept) is None and not accepts_events(accept):
            raise Refusal(406, f"Answers are {GRAPHQL_RESPONSE}, {JSON} or {EVENT_STREAM}.", "NOT_ACCEPTABLE")
        is_get = scope["method"] == "GET"
        request = of_address(scope["query_string"]) if is_get else of_body(body, headers.get("content-type"))
        context = Context(self._services, claims)
        try:
            operation = await self.prepare(request, context)
            if is_get and operation.kind is OperationType.MUTATION:
                raise Refusal(405, "Send a mutation by POST.", "METHOD_NOT_ALLOWED", headers={"Allow": "POST"})
            is_live = operation.kind is OperationType.SUBSCRIPTION
            if is_live and not accepts_events(accept):
                raise Refusal(400, f"Subscriptions are answered over WebSocket, or as {EVENT_STREAM}.")
            if is_live or prefers_events(accept):
                await self.live.stream(operation, request.variables, context, receive, send)
                return None
            result = await self._graph.run(operation, request.variables, context)
        except RequestErrors as error:
            result = ExecutionResult(None, self._graph.presented(error.errors))
            if prefers_events(accept):
                await self.live.stream_errors(result, receive, send)
                return None
        return _of_result(result, media_type)

    async def _claims(self, headers: dict[str, str]) -> Claims | None:
        """Whose token it is; None where nobody's."""
        token = bearer(headers.get("authorization"))
        if token is None:
            return None
        try:
            return await self._verifier.verify(token)
        except AuthenticationError as error:
            raise Refusal(401, str(error), error.code, headers={"WWW-Authenticate": "Bearer"}) from None


NO_QUERY = 'Send {"query": "…"} by POST as application/json; a browser finds GraphiQL here.'


def _of_result(result: ExecutionResult, media_type: str) -> _Answer:
    """Without ``data`` where nothing was run, as the specification wants it."""
    if not result.errors:
        return _Answer({"data": result.data})
    errors = [error.formatted for error in result.errors]
    if result.data is not None or all(error.path for error in result.errors):
        return _Answer({"data": result.data, "errors": errors})
    codes = {error["extensions"]["code"] for error in errors}
    status = 200 if media_type == JSON else 500 if "INTERNAL" in codes else 400
    return _Answer({"errors": errors}, status)


class _Answer:
    __slots__ = ("_content", "_headers", "_status")

    def __init__(self, content: object, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        self._content = content
        self._status = status
        self._headers = headers

    async def send(self, send: Send, media_type: str) -> None:
        body = orjson.dumps(self._content)
        headers = [
            (b"content-type", f"{media_type}; charset=utf-8".encode()),
            (b"content-length", str(len(body)).encode()),
            (b"vary", b"Accept"),
        ]
        for name, value in (self._headers or {}).items():
            headers.append((name.lower().encode("latin-1"), value.encode("latin-1")))
        await send({"type": "http.response.start", "status": self._status, "headers": headers})
        await send({"type": "http.response.body", "body": body})
