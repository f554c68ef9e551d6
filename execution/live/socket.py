"""One socket of a client, speaking graphql-transport-ws: what is wrong with one operation harms no other."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.types import Receive, Scope, Send

from auth import AuthenticationError, Claims, bearer
from execution.live.messages import (
    ACKNOWLEDGED,
    PING,
    PONG,
    SUBPROTOCOL,
    Close,
    CloseCode,
    Complete,
    Initialisation,
    Message,
    Next,
    Ping,
    Pong,
    Subscribe,
    complete_message,
    error_message,
    failed_payload,
    read_message,
)
from execution.live.outbox import Outbox
from execution.live.plan import Errors, Follower
from execution.live.wire import Wire
from resolvers.context import Context

if TYPE_CHECKING:
    from execution.live.endpoint import LiveEndpoint

FAREWELL_SECONDS = 5.0
"""How long the closing frame may wait behind what the client does not take."""
SECOND_LOOK_SECONDS = 1.0
TOO_MANY_OPERATIONS = "TOO_MANY_OPERATIONS"


class SocketOperation:
    """One operation of a socket: a sink for live answers, or for the one answer of a query or mutation."""

    __slots__ = ("_has_answered", "_next", "_socket", "follower", "id", "task")

    def __init__(self, socket: Socket, id: str) -> None:
        self._socket = socket
        self._next = Next(id)
        self._has_answered = False
        self.id = id
        self.task: asyncio.Task[None] | None = None
        self.follower: Follower | None = None

    @property
    def is_free(self) -> bool:
        return not self._socket.outbox.holds(self)

    def put(self, payload: bytes) -> None:
        self._has_answered = True
        self._socket.outbox.put(self._next.message(payload), self)

    def complete(self) -> None:
        """All was answered."""
        self._socket.forget(self)
        self._socket.outbox.put(complete_message(self.id))

    def end(self, errors: Errors) -> None:
        if self._has_answered:
            # The stream was well until now: its last answer says why it ends.
            self.put(failed_payload(errors))
            self.complete()
        else:
            self._socket.forget(self)
            self._socket.outbox.put(error_message(self.id, errors))

    def cancel(self) -> None:
        """The client wants nothing more of it."""
        self._socket.outbox.drop(self)
        if self.follower is not None:
            self.follower.leave()
        if self.task is not None and self.task is not asyncio.current_task():
            self.task.cancel()


class Socket:
    """A conversation. ``run`` it once; ``close`` ends it from outside."""

    def __init__(self, endpoint: LiveEndpoint, scope: Scope, receive: Receive, send: Send) -> None:
        self._endpoint = endpoint
        self._settings = endpoint.settings
        self._scope = scope
        self._receive = receive
        self._send = send
        self._loop = asyncio.get_running_loop()
        self._claims: Claims | None = None
        self._is_initialised = False
        self._operations: dict[str, SocketOperation] = {}
        self._lifetime = asyncio.timeout(None)
        self._is_talking = False
        self._closing: Close | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._heard_at = self._loop.time()
        self._pinged_at = 0.0
        self._is_overdue = False
        wire = Wire(scope, send)
        self.outbox = Outbox(wire.send, self._settings.live_patience, self._lost, wire.write)

    async def run(self) -> None:
        """Talks until the socket is closed by one side."""
        if (await self._receive())["type"] != "websocket.connect":
            return
        is_acceptable = SUBPROTOCOL in self._scope["subprotocols"]
        await self._send({"type": "websocket.accept", "subprotocol": SUBPROTOCOL if is_acceptable else None})
        try:
            async with self._lifetime:
                self._is_talking = True
                if not is_acceptable:
                    raise Close(CloseCode.SUBPROTOCOL_NOT_ACCEPTABLE, f"This endpoint speaks {SUBPROTOCOL}.")
                self._timer = self._loop.call_later(self._settings.live_init_timeout, self._init_timeout)
                await self._converse()
        except Close as closing:
            self._closing = closing
        except TimeoutError:
            if not self._lifetime.expired():
                raise
        finally:
            self._is_talking = False
            self._cancel_all()
        if self._closing is not None:
            await self._say_goodbye(self._closing)

    def close(self, code: CloseCode, reason: str) -> None:
        """Closes the socket, whatever it is at."""
        if self._closing is None:
            self._closing = Close(code, reason)
            if self._is_talking:
                self._lifetime.reschedule(self._loop.time())

    def forget(self, operation: SocketOperation) -> None:
        """Its id is free again."""
        if self._operations.get(operation.id) is operation:
            del self._operations[operation.id]

    async def _converse(self) -> None:
        while self._closing is None:
            await self.outbox.room()
            event = await self._receive()
            if event["type"] == "websocket.disconnect":
                return
            self._heard_at = self._loop.time()
            await self._hear(read_message(event))

    async def _hear(self, message: Message) -> None:
        match message:
            case Initialisation():
                await self._initialise(message)
            case Ping():
                self.outbox.put(PONG)
            case Pong():
                pass
            case Subscribe():
                self._subscribe(message)
            case Complete():
                operation = self._operations.pop(message.id, None)
                if operation is not None:
                    operation.cancel()

    async def _initialise(self, message: Initialisation) -> None:
        if self._is_initialised:
            raise Close(CloseCode.TOO_MANY_INITIALISATIONS, "Too many initialisation requests")
        self._is_initialised = True
        self._stop_timer()
        try:
            token = self._token(message)
            self._claims = None if token is None else await self._endpoint.verifier.verify(token)
        except AuthenticationError as error:
            raise Close(CloseCode.FORBIDDEN, str(error)) from None
        self.outbox.put(ACKNOWLEDGED)
        self._beat()

    def _token(self, message: Initialisation) -> str | None:
        """A browser cannot set headers on a WebSocket, so the message comes first; others may. Raises AuthenticationError."""
        said = message.authorization
        if said is None:
            header = next((value for name, value in self._scope["headers"] if name == b"authorization"), b"")
            return bearer(header.decode("latin-1"))
        token = bearer(said) if isinstance(said, str) else None
        if token is None:
            raise AuthenticationError
        return token

    def _subscribe(self, message: Subscribe) -> None:
        if not self._is_initialised:
            raise Close(CloseCode.UNAUTHORIZED, "Unauthorized")
        if message.id in self._operations:
            reason = f"Subscriber for {message.id} already exists"
            raise Close(CloseCode.SUBSCRIBER_EXISTS, reason.encode()[:123].decode(errors="ignore"))
        most = self._settings.live_operations
        if len(self._operations) >= most:
            errors = [{"message": f"At most {most} operations at a time.", "extensions": {"code": TOO_MANY_OPERATIONS}}]
            self.outbox.put(error_message(message.id, errors))
            return
        operation = self._operations[message.id] = SocketOperation(self, message.id)
        operation.task = self._loop.create_task(self._begin(operation, message))

    async def _begin(self, operation: SocketOperation, message: Subscribe) -> None:
        context = Context(self._endpoint.services, self._claims)
        started = await self._endpoint.start(message.request, context, operation)
        operation.task, operation.follower = None, started

    # Time

    def _beat(self) -> None:
        """Pings a client of which nothing was heard for a while; one that leaves a ping unanswered is hung up on."""
        now = self._loop.time()
        wait = self._heard_at + self._settings.live_heartbeat - now
        if self._heard_at < self._pinged_at:
            if self._is_overdue:
                self.close(CloseCode.TIMEOUT, "A ping was not answered.")
                return
            # It may be us who were too busy to read the answer.
            self._is_overdue, wait = True, SECOND_LOOK_SECONDS
        elif wait <= 0:
            self._pinged_at, self._is_overdue, wait = now, False, self._settings.live_patience
            self.outbox.put(PING)
        self._timer = self._loop.call_later(wait, self._beat)

    def _init_timeout(self) -> None:
        self.close(CloseCode.TIMEOUT, "Connection initialisation timeout")

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    # The end

    def _lost(self, error: Exception) -> None:
        self._endpoint.lost(error)
        # Also where the client is gone: then nobody reads the reason.
        self.close(CloseCode.TIMEOUT, "What is sent is not taken.")

    def _cancel_all(self) -> None:
        self._stop_timer()
        self.outbox.close()
        operations, self._operations = self._operations, {}
        for operation in operations.values():
            operation.cancel()

    async def _say_goodbye(self, closing: Close) -> None:
        try:
            async with asyncio.timeout(FAREWELL_SECONDS):
                await self._send({"type": "websocket.close", "code": int(closing.code), "reason": closing.reason})
        except (OSError, RuntimeError):
            # Gone already; Uvicorn says so by either.
            pass
