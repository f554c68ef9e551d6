"""GraphQL over HTTP, straight on ASGI: from bytes to bytes, with nothing in between that is not needed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import orjson
from graphql import ExecutionResult, GraphQLError, OperationType
from starlette.types import Receive, Scope, Send

from auth import AuthenticationError, Claims, TokenVerifier, bearer
from execution.http_request import ClientGone, headers_of, of_address, of_body, read_body
from execution.media_types import GRAPHQL_RESPONSE, JSON, answer_type
from execution.operations import GraphQLRequest, Operation, Operations, RequestErrors
from execution.refusals import Refusal
from resolvers.context import Context, Services

METHODS = {"GET", "POST"}


class Graph(Protocol):
    """What the endpoint needs of the graph."""

    operations: Operations

    async def run(
        self, operation: Operation, variables: dict[str, Any] | None, context: Context
    ) -> ExecutionResult: ...

    def presented(self, errors: list[GraphQLError]) -> list[GraphQLError]: ...


class GraphQLEndpoint:
    """Serves one graph. A request with a token that is not accepted is refused as a whole (401)."""

    def __init__(self, graph: Graph, services: Services, verifier: TokenVerifier) -> None:
        self._graph = graph
        self._services = services
        self._verifier = verifier

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = headers_of(scope)
        media_type = answer_type(headers.get("accept")) or JSON
        try:
            answer = await self._answer(scope, receive, headers, media_type)
        except ClientGone:
            return
        except Refusal as refusal:
            answer = _Answer({"errors": [refusal.formatted]}, refusal.status, refusal.headers)
        await answer.send(send, media_type)

    async def _answer(self, scope: Scope, receive: Receive, headers: dict[str, str], media_type: str) -> _Answer:
        if scope["method"] not in METHODS:
            raise Refusal(405, "Send a query by GET or POST.", "METHOD_NOT_ALLOWED", headers={"Allow": "GET, POST"})
        body = await read_body(receive, headers)
        claims = await self._claims(headers)
        if answer_type(headers.get("accept")) is None:
            raise Refusal(406, f"Answers are {GRAPHQL_RESPONSE} or {JSON}.", "NOT_ACCEPTABLE")
        is_get = scope["method"] == "GET"
        request = of_address(scope["query_string"]) if is_get else of_body(body, headers.get("content-type"))
        try:
            operation = self._prepare(request)
            if operation.kind is OperationType.SUBSCRIPTION:
                raise Refusal(400, "Subscriptions are answered over WebSocket.")
            if is_get and operation.kind is OperationType.MUTATION:
                raise Refusal(405, "Send a mutation by POST.", "METHOD_NOT_ALLOWED", headers={"Allow": "POST"})
            result = await self._graph.run(operation, request.variables, Context(self._services, claims))
        except RequestErrors as error:
            result = ExecutionResult(None, self._graph.presented(error.errors))
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

    def _prepare(self, request: GraphQLRequest) -> Operation:
        if not request.query:
            raise Refusal(400, NO_QUERY)
        return self._graph.operations.prepare(request.query, request.operation_name)


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
