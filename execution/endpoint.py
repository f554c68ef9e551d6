"""GraphQL over HTTP: from bytes to bytes, with nothing in between that is not needed."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from graphql import ExecutionResult, GraphQLError, OperationType
from starlette.types import Receive, Scope, Send

from auth import AuthenticationError, TokenVerifier, bearer
from execution.admission import Gate
from execution.budgets import wants_report
from execution.exchange import Exchange
from execution.http_answer import Answer, send_form
from execution.http_request import ClientGone, Headers, headers_of, of_address, of_body, read_body
from execution.live.endpoint import Graph, LiveEndpoint
from execution.media_types import EVENT_STREAM, GRAPHQL_RESPONSE, JSON, accepted
from execution.operation_log import Observation, OperationLog
from execution.operations import GraphQLRequest, Operation, RequestErrors
from execution.patience import Patience
from execution.refusals import Refusal
from execution.representation import Form
from execution.response_cache import Computed, ResponseCache, question_of, request_of
from execution.tokens import VerifiedToken, VerifiedTokens
from resolvers.context import Context, Services

METHODS = {"GET", "POST"}


class GraphQLEndpoint:
    """Serves one graph; ``live`` is the application for its sockets. A request with a token that is not accepted is refused as
    a whole (401).
    """

    def __init__(
        self,
        graph: Graph,
        services: Services,
        verifier: TokenVerifier,
        gate: Gate,
        cache: ResponseCache,
        log: OperationLog,
    ) -> None:
        self.live = LiveEndpoint(graph, services, verifier, self.prepare, log)
        self._graph = graph
        self._services = services
        self._tokens = VerifiedTokens(verifier)
        self._gate = gate
        self._cache = cache
        self._log = log
        self._patience = Patience()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = headers_of(scope)
        with self._log.observe(headers) as seen:
            form = await self._form(Exchange(scope, headers, seen, receive, send=send))
            if form is not None:
                await send_form(send, form)

    def whole(self, scope: Scope, body: bytes, receive: Receive) -> Form | Coroutine[Any, Any, Form | None] | None:
        """The answer to a request that is all there: at once where it was answered before, to the byte, and that is still
        true; else soon, but for what may become a stream or is seldom asked: None.
        """
        headers = headers_of(scope)
        if self._cache.keeps and (found := self._answered(scope, headers, body)):
            return found
        if scope["method"] != "POST" or accepted(headers.text(b"accept")).events:
            return None
        return self._soon(scope, headers, body, receive)

    def _answered(self, scope: Scope, headers: Headers, body: bytes) -> Form | None:
        if scope["method"] not in METHODS or _wants_no_older(headers) or wants_report(headers):
            return None
        found = self._cache.find(request_of(scope, headers, body))
        if found is None:
            return None
        seen = self._log.observe(headers)
        seen.cached = True
        seen.recall(found.known)
        form = found.representation.form(headers.text(b"if-none-match"))
        seen.payload_bytes = len(form.body)
        seen.end()
        return form

    async def _soon(self, scope: Scope, headers: Headers, body: bytes, receive: Receive) -> Form | None:
        with self._log.observe(headers) as seen:
            return await self._form(Exchange(scope, headers, seen, receive, body=body))

    async def prepare(self, request: GraphQLRequest, context: Context, seen: Observation) -> Operation:
        """The operation that a socket asks for, if it may be run. Raises Refusal, RequestErrors."""
        operation = await self._gate.open(request, context.claims, seen)
        await self._gate.charge(operation, request.variables, context.claims, seen)
        return operation

    async def _form(self, exchange: Exchange) -> Form | None:
        """None where it was sent already, or nobody is left to take it."""
        try:
            answer = await self._answer(exchange)
        except ClientGone:
            exchange.seen.codes = ("CLIENT_GONE",)
            return None
        except Refusal as refusal:
            answer = Answer.of_refusal(refusal, exchange.media_type)
        except Exception as error:
            # Beside what is executed: looking the caller up, say. The same words as there, and no more of it.
            mistake = GraphQLError("", original_error=error)
            answer = Answer.of_result(ExecutionResult(None, self._graph.presented([mistake])), exchange.media_type)
            answer.status = 503 if "UNAVAILABLE" in answer.codes else 500
        if isinstance(answer, Answer):
            exchange.seen.codes = answer.codes
            answer = answer.form(exchange.media_type, exchange.encoding)
        if answer is not None:
            exchange.seen.payload_bytes = len(answer.body)
        return answer

    async def _answer(self, exchange: Exchange) -> Answer | Form | None:
        """None where it was sent already. Raises ClientGone, Refusal."""
        if exchange.scope["method"] not in METHODS:
            raise Refusal(405, "Send a query by GET or POST.", "METHOD_NOT_ALLOWED", headers={"Allow": "GET, POST"})
        if exchange.body is None:
            exchange.body = await read_body(exchange.receive, exchange.headers)
        if _wants_no_older(exchange.headers):
            await self._cache.catch_up()
        if token := await self._token(exchange.headers):
            exchange.token, exchange.claims = token, token.claims
        if exchange.accepted.answer_type is None and not exchange.accepted.events:
            raise Refusal(406, f"Answers are {GRAPHQL_RESPONSE}, {JSON} or {EVENT_STREAM}.", "NOT_ACCEPTABLE")
        if exchange.is_get:
            request = of_address(exchange.scope["query_string"])
        else:
            request = of_body(exchange.body, exchange.headers.text(b"content-type"))
        try:
            operation = await self._gate.open(request, exchange.claims, exchange.seen)
            if exchange.is_get and operation.kind is OperationType.MUTATION:
                raise Refusal(405, "Send a mutation by POST.", "METHOD_NOT_ALLOWED", headers={"Allow": "POST"})
            return await self._run(exchange, request, operation)
        except RequestErrors as error:
            result = ExecutionResult(None, self._graph.presented(error.errors))
            if exchange.send is not None and exchange.accepted.prefers_events:
                await self.live.stream_errors(result, exchange.receive, exchange.send)
                return None
            return Answer.of_result(result, exchange.media_type)

    async def _run(self, exchange: Exchange, request: GraphQLRequest, operation: Operation) -> Answer | Form | None:
        is_live = operation.kind is OperationType.SUBSCRIPTION
        if is_live and not exchange.accepted.events:
            raise Refusal(400, f"Subscriptions are answered over WebSocket, or as {EVENT_STREAM}.")
        if exchange.send is not None and (is_live or exchange.accepted.prefers_events):
            await self._gate.charge(operation, request.variables, exchange.claims, exchange.seen)
            context = Context(self._services, exchange.claims)
            await self.live.stream(
                operation, request.variables, context, exchange.receive, exchange.send, exchange.seen
            )
            return None
        if operation.kind is OperationType.MUTATION:
            answer = await self._execute(exchange, request, operation)
            # What this process has kept is as new as what was committed, before the client hears that it was.
            await self._cache.catch_up()
            return answer
        # What changes data is done to the end; what only reads stops when nobody waits for it.
        with self._patience.of_client(exchange.receive):
            if exchange.token is None or exchange.wants_report or not self._cache.keeps:
                return await self._execute(exchange, request, operation)
            return await self._share(exchange, request, operation, exchange.token)

    async def _share(
        self, exchange: Exchange, request: GraphQLRequest, operation: Operation, token: VerifiedToken
    ) -> Answer | Form:
        """The answer to a query, out of the cache if it is there, and into it if it can be told to others."""
        executed: Answer | None = None

        async def compute() -> Computed:
            nonlocal executed
            executed = await self._execute(exchange, request, operation)
            return Computed(executed.body, executed.status, not executed.codes)

        question = question_of(operation.text, request.operation_name, request.variables)
        found = await self._cache.answer(question, token.claims, compute)
        if isinstance(found, Computed):
            if executed is None:
                raise AssertionError("what is nobody else's was made for this request")
            return executed
        exchange.seen.cached = found.is_hit
        made = self._cache.represent(
            found,
            exchange.media_type,
            exchange.encoding,
            request=request_of(exchange.scope, exchange.headers, exchange.body or b""),
            known=exchange.seen.known,
            until=token.until,
        )
        form = made.form(exchange.headers.text(b"if-none-match"))
        return form if executed is None else form.with_headers(executed.headers)

    async def _execute(self, exchange: Exchange, request: GraphQLRequest, operation: Operation) -> Answer:
        """Charges and runs a query or mutation. Raises Refusal, RequestErrors."""
        admission = await self._gate.charge(operation, request.variables, exchange.claims, exchange.seen)
        result = await self._graph.run(operation, request.variables, Context(self._services, exchange.claims))
        report = admission.extensions if exchange.wants_report else None
        return Answer.of_result(result, exchange.media_type, report, admission.headers)

    async def _token(self, headers: Headers) -> VerifiedToken | None:
        """What the token says; None without one."""
        token = bearer(headers.text(b"authorization"))
        if token is None:
            return None
        try:
            return await self._tokens.verify(token)
        except AuthenticationError as error:
            raise Refusal(401, str(error), error.code, headers={"WWW-Authenticate": "Bearer"}) from None


def _wants_no_older(headers: Headers) -> bool:
    """Whoever wrote through another process wants to read no older than that."""
    return b"no-cache" in headers.get(b"cache-control", b"")
