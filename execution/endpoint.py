"""GraphQL over HTTP, straight on ASGI: from bytes to bytes, with nothing in between that is not needed."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any

import orjson
from graphql import ExecutionResult, OperationType
from starlette.types import Receive, Scope, Send

from auth import AuthenticationError, Claims, TokenVerifier, bearer
from execution.admission import Gate
from execution.budgets import FREE, Admission, wants_report
from execution.compression import compress, content_encoding, is_worth_it
from execution.error_limit import limit_errors
from execution.http_request import ClientGone, headers_of, of_address, of_body, read_body
from execution.live.endpoint import Graph, LiveEndpoint
from execution.media_types import EVENT_STREAM, GRAPHQL_RESPONSE, JSON, accepts_events, answer_type, prefers_events
from execution.operation_log import Observation, OperationLog
from execution.operations import GraphQLRequest, Operation, RequestErrors
from execution.patience import while_client_waits
from execution.refusals import Refusal
from resolvers.context import Context, Services

METHODS = {"GET", "POST"}


class GraphQLEndpoint:
    """Serves one graph; ``live`` is the application for its sockets. A request with a token that is not accepted is refused as
    a whole (401).
    """

    def __init__(
        self, graph: Graph, services: Services, verifier: TokenVerifier, gate: Gate, log: OperationLog
    ) -> None:
        self.live = LiveEndpoint(graph, services, verifier, self.prepare)
        self._graph = graph
        self._services = services
        self._verifier = verifier
        self._gate = gate
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = headers_of(scope)
        media_type = answer_type(headers.get("accept")) or JSON
        with self._log.observe(headers.get("traceparent"), headers.get("tracestate")) as seen:
            try:
                answer = await self._answer(scope, receive, send, headers, media_type, seen)
            except ClientGone:
                return
            except Refusal as refusal:
                seen.codes = (refusal.code,)
                # Some that older clients expect under 200 are no answers to newer ones.
                status = refusal.status if media_type == JSON else max(refusal.status, 400)
                answer = _Answer({"errors": [refusal.formatted]}, status, refusal.headers)
            if answer is not None:
                await answer.send(send, media_type, content_encoding(headers.get("accept-encoding")))

    async def prepare(self, request: GraphQLRequest, context: Context) -> Operation:
        """The operation that a socket asks for, if it may be run. Raises Refusal, RequestErrors."""
        operation, _ = await self._gate.admit(request, context.claims)
        return operation

    async def _answer(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        headers: dict[str, str],
        media_type: str,
        seen: Observation,
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
        admission = FREE
        try:
            operation, admission = await self._gate.admit(request, claims)
            _note(seen, request, operation, admission, claims)
            if is_get and operation.kind is OperationType.MUTATION:
                raise Refusal(405, "Send a mutation by POST.", "METHOD_NOT_ALLOWED", headers={"Allow": "POST"})
            is_live = operation.kind is OperationType.SUBSCRIPTION
            if is_live and not accepts_events(accept):
                raise Refusal(400, f"Subscriptions are answered over WebSocket, or as {EVENT_STREAM}.")
            if is_live or prefers_events(accept):
                await self.live.stream(operation, request.variables, context, receive, send)
                return None
            # What changes data is done to the end.
            with while_client_waits(receive) if operation.kind is OperationType.QUERY else nullcontext():
                result = await self._graph.run(operation, request.variables, context)
        except RequestErrors as error:
            result = ExecutionResult(None, self._graph.presented(error.errors))
            if prefers_events(accept):
                await self.live.stream_errors(result, receive, send)
                return None
        answer = _of_result(result, media_type, admission.extensions if wants_report(headers) else None)
        answer.headers = admission.headers
        seen.codes = answer.codes
        return answer

    async def _claims(self, headers: dict[str, str]) -> Claims | None:
        """Whose token it is; None where nobody's."""
        token = bearer(headers.get("authorization"))
        if token is None:
            return None
        try:
            return await self._verifier.verify(token)
        except AuthenticationError as error:
            raise Refusal(401, str(error), error.code, headers={"WWW-Authenticate": "Bearer"}) from None


def _note(
    seen: Observation, request: GraphQLRequest, operation: Operation, admission: Admission, claims: Claims | None
) -> None:
    seen.name, seen.kind, seen.text = operation.name, operation.kind.value, operation.text
    seen.is_registered = request.document_id is not None
    seen.organization = claims.organization if claims else None
    seen.cost = admission.cost.total


def _of_result(result: ExecutionResult, media_type: str, extensions: dict[str, Any] | None) -> _Answer:
    """Without ``data`` where nothing was run, as the specification wants it."""
    content: dict[str, Any] = {"data": result.data}
    status = 200
    if result.errors:
        content["errors"] = [error.formatted for error in result.errors]
        if result.data is None and not all(error.path for error in result.errors):
            del content["data"]
            codes = {error["extensions"]["code"] for error in content["errors"]}
            status = 200 if media_type == JSON else 500 if "INTERNAL" in codes else 400
    if extensions:
        content["extensions"] = extensions
    answer = _Answer(content, status)
    if result.errors:
        answer.codes = [error["extensions"]["code"] for error in content["errors"]]
        limit_errors(content)
    return answer


class _Answer:
    __slots__ = ("codes", "content", "headers", "status")

    def __init__(self, content: object, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        self.content = content
        self.status = status
        self.headers: Mapping[str, str] = headers or {}
        self.codes: list[str] = []

    async def send(self, send: Send, media_type: str, encoding: str | None) -> None:
        body = orjson.dumps(self.content)
        headers = [
            (b"content-type", f"{media_type}; charset=utf-8".encode()),
            (b"vary", b"Accept, Accept-Encoding"),
        ]
        if encoding is not None and is_worth_it(body):
            body = compress(body)
            headers.append((b"content-encoding", encoding.encode()))
        headers.append((b"content-length", str(len(body)).encode()))
        for name, value in self.headers.items():
            headers.append((name.lower().encode("latin-1"), value.encode("latin-1")))
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})
