"""Live answers over sockets and event streams: what both do with an operation, and all that are open."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Protocol

import orjson
from graphql import ExecutionResult, OperationType, located_error
from starlette.types import Receive, Scope, Send

from auth import TokenVerifier
from execution.live.answer import codes_of, content_of
from execution.live.event_stream import EventStream
from execution.live.messages import CloseCode
from execution.live.outbox import Stuck
from execution.live.plan import Follower, Sink
from execution.live.plans import LiveGraph, SharedPlans
from execution.live.socket import Socket
from execution.operation_log import Observation, OperationLog
from execution.operations import GraphQLRequest, Operation, RequestErrors
from execution.refusals import Refusal
from resolvers.context import Context, Services

Prepare = Callable[[GraphQLRequest, Context, Observation], Awaitable[Operation]]
"""The operation that a request asks for, if it may be run; notes what is known of it. Raises Refusal, RequestErrors."""


class Graph(LiveGraph, Protocol):
    """What live answers need of the graph."""

    async def run(
        self, operation: Operation, variables: dict[str, Any] | None, context: Context
    ) -> ExecutionResult: ...

    def check_variables(self, operation: Operation, variables: dict[str, Any] | None) -> None: ...


class OperationSink(Sink, Protocol):
    """Where the answers of any operation go."""

    def complete(self) -> None:
        """All was answered."""
        ...


class LiveEndpoint:
    """The application for sockets. ``stream`` answers one operation of an HTTP request as an event stream."""

    def __init__(
        self, graph: Graph, services: Services, verifier: TokenVerifier, prepare: Prepare, log: OperationLog
    ) -> None:
        self.plans = SharedPlans(graph, services)
        self.services = services
        self.settings = services.settings
        self.verifier = verifier
        self._graph = graph
        self._prepare = prepare
        self._log = log
        self.stuck = 0
        """How many clients were hung up on because they took nothing."""
        self._sockets: set[Socket] = set()
        self._streams: set[EventStream] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        socket = Socket(self, scope, receive, send)
        self._sockets.add(socket)
        try:
            await socket.run()
        finally:
            self._sockets.discard(socket)

    async def stream(
        self,
        operation: Operation,
        variables: dict[str, Any] | None,
        context: Context,
        receive: Receive,
        send: Send,
        seen: Observation,
    ) -> None:
        """Answers an operation of a request, whose body was read, as an event stream."""
        await self._stream(lambda stream: self.begin(operation, variables, context, stream, seen), receive, send)

    async def stream_errors(self, result: ExecutionResult, receive: Receive, send: Send) -> None:
        """Tells what is wrong with a request in the way in which events are read."""

        async def tell(stream: EventStream) -> None:
            self._hand_over(result, stream)

        await self._stream(tell, receive, send)

    async def start(self, request: GraphQLRequest, context: Context, sink: OperationSink) -> Follower | None:
        """As ``begin``, for what a request asks for."""
        with self._log.observe() as seen:
            try:
                operation = await self._prepare(request, context, seen)
            except Refusal as refusal:
                seen.codes = (refusal.code,)
                sink.end([refusal.formatted])
                return None
            except Exception as error:
                seen.codes = self._hand_over(self._failure(error), sink)
                return None
            return await self.begin(operation, request.variables, context, sink, seen)

    async def begin(
        self,
        operation: Operation,
        variables: dict[str, Any] | None,
        context: Context,
        sink: OperationSink,
        seen: Observation,
    ) -> Follower | None:
        """Has the sink told the answer: at once and once, or, to a subscription, from now on."""
        try:
            if operation.kind is OperationType.SUBSCRIPTION:
                self._graph.check_variables(operation, variables)
                return self.plans.follow(operation, variables, context.claims, sink)
            result = await self._graph.run(operation, variables, context)
        except Exception as error:
            result = self._failure(error)
        seen.codes = self._hand_over(result, sink)
        return None

    def _failure(self, error: Exception) -> ExecutionResult:
        errors = error.errors if isinstance(error, RequestErrors) else [located_error(error)]
        return ExecutionResult(None, self._graph.presented(errors))

    @staticmethod
    def _hand_over(result: ExecutionResult, sink: OperationSink) -> list[str]:
        """Tells the one answer to an operation; the codes of its errors."""
        content = content_of(result)
        if result.data is None and not all(error.path for error in result.errors or ()):
            # Nothing was executed.
            sink.end(content["errors"])
        else:
            sink.put(orjson.dumps(content))
            sink.complete()
        return codes_of(result)

    async def _stream(
        self, begin: Callable[[EventStream], Coroutine[Any, Any, Follower | None]], receive: Receive, send: Send
    ) -> None:
        stream = EventStream(self.settings, receive, send, self.lost)
        self._streams.add(stream)
        try:
            await stream.run(begin(stream))
        finally:
            self._streams.discard(stream)

    def lost(self, error: Exception) -> None:
        """Nothing can be sent to a client any more."""
        self.stuck += isinstance(error, Stuck)

    def stop(self) -> None:
        """Closes everything that is open, so that clients look for another gateway."""
        for socket in list(self._sockets):
            socket.close(CloseCode.RESTARTING, "The gateway is restarting.")
        for stream in list(self._streams):
            stream.close()
