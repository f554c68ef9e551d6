"""HTTP/1.1 as Uvicorn speaks it, with an end to its patience and to its memory.

Uvicorn waits for ever for the rest of a head or a body, keeps heads of any length, and holds an answer for as long as
its reader takes. Whatever a client does here, its connection ends in time, or makes room for others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from enum import Enum, auto
from http import HTTPStatus
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from execution.front import Written
from execution.representation import lines_of

MOST_HEAD_BYTES = 32 * 1024
"""Of the target and all headers. A token has 8 KiB at most, a query in an address a few."""

MOST_FIELDS = 100
"""Of a head, and of what may follow a body."""

MOST_READ_AT_ONCE = 256 * 1024
"""What an event loop may hand over in one piece."""

MOST_BYTES = 16 * 1024 * 1024
"""Of a whole request. A body that is too large is refused long before by whoever reads it; this is for chunks of one byte,
and for bodies that nobody reads.
"""

MOST_HELD_BYTES = 16 * 1024
"""Of a body that is waited for before the application is run."""

LEAST_BYTES_PER_SECOND = 1024
"""How fast an answer must be taken once the connection's buffers are full."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds, and the number of connections that may be open."""

    head: float = 10.0
    body: float = 30.0
    reader: float = 30.0
    connections: int = 10_000


class Awaited(Enum):
    """What must still come from the client."""

    NOTHING = auto()
    HEAD = auto()
    BODY = auto()
    SOCKET = auto()
    """The connection is a WebSocket's now: nothing that happens on it is for us."""


Receive = Callable[[], Coroutine[Any, Any, Any]]
Whole = Callable[[Any, bytes, Receive], Written | Coroutine[Any, Any, Written | None] | None]
"""The answer to a whole request, by its scope, its body, and what tells (as in ASGI) that its client has gone: at once, or
soon (None then where nobody is left to take it), or None where the application has to be run for it.
"""


class HeadTooLarge(Exception):
    """Raised within the parser; the client is told 431."""


class WrongHost(Exception):
    """Raised within the parser for a request of HTTP/1.1 that does not name one host (RFC 9112, 3.2); the client is told 400."""


class UpgradeWithBody(Exception):
    """Raised within the parser for a request that asks for another protocol and brings a body; the client is told 400."""


class HttpProtocol(HttpToolsProtocol):
    """One connection. A timer runs only while something is awaited: a request that comes in one piece needs none."""

    patience: ClassVar[Patience] = Patience()
    whole: ClassVar[Whole | None] = None

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._awaited = Awaited.HEAD
        self._deadline: asyncio.TimerHandle | None = None
        self._reader_deadline: asyncio.TimerHandle | None = None
        self._running: RequestResponseCycle | None = None
        # The application of a request that may be answered without it, once it is all there.
        self._held: Any = None
        self._chunk = 0
        # Bytes since the request began; with the end of the one before, where both came in one piece.
        self._read = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self.patience.connections:
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE)
        else:
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        if self._reader_deadline is not None:
            self._reader_deadline.cancel()
        self._held = None
        super().connection_lost(exc)
        if self._running is not None and self._running is not self.cycle:
            # Uvicorn tells only the request that came last.
            self._running.disconnected = True
            self._running.message_event.set()

    def data_received(self, data: bytes) -> None:
        self._chunk = len(data)
        self._read += self._chunk
        super().data_received(data)
        if self._held is not None and self._awaited is not Awaited.BODY and not self.transport.is_closing():
            self._answer_held()
        if self._awaited is Awaited.NOTHING:
            # Line breaks between two requests end the wait for the next one; they begin none.
            if self.cycle.response_complete and self._deadline is None and not self.transport.is_closing():
                self._awaited = Awaited.HEAD
                self._wait()
        elif self._awaited is not Awaited.SOCKET and not self.transport.is_closing():
            self._go_on_waiting()

    def _go_on_waiting(self) -> None:
        if self._awaited is Awaited.HEAD and self._read > MOST_HEAD_BYTES + MOST_READ_AT_ONCE:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        elif self._read > MOST_BYTES or (self.headers is not None and len(self.headers) > MOST_FIELDS):
            self.transport.abort()
        elif self._deadline is None:
            self._wait()

    # What the parser calls

    def on_message_begin(self) -> None:
        if self._held is not None:
            # Another request in the same piece: that one has to wait for this.
            self._answer_held()
        self._read = self._chunk
        self._awaited = Awaited.HEAD
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._stop_waiting()
        if len(self.headers) > MOST_FIELDS or (self._read > MOST_HEAD_BYTES and self._size_of_head() > MOST_HEAD_BYTES):
            raise HeadTooLarge
        if [name for name, _ in self.headers].count(b"host") != 1 and self.parser.get_http_version() == "1.1":
            raise WrongHost
        if self.parser.should_upgrade() and self._brings_a_body():
            # The parser takes what follows for another protocol: the body would be read as the next request.
            raise UpgradeWithBody
        self._awaited = Awaited.BODY
        super().on_headers_complete()
        if self.parser.should_upgrade() and not self._should_upgrade():
            # Answered as if it had not been asked for, and as the last: the parser has stopped reading.
            self.cycle.keep_alive = False
        if not self.parser.should_upgrade():
            # What comes after the body must not be added to what was judged before it.
            self.headers = []

    def on_body(self, body: bytes) -> None:
        super().on_body(body)
        if self._held is not None and len(self.cycle.body) > MOST_HELD_BYTES:
            self._start_held()

    def on_message_complete(self) -> None:
        self._stop_waiting()
        self._awaited = Awaited.NOTHING
        super().on_message_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._running = cycle
        is_coming = cycle is self.cycle and self._awaited is Awaited.BODY
        if self.whole is not None and is_coming and not cycle.waiting_for_100_continue:
            self._held = app
        else:
            super()._start_asgi_task(cycle, app)

    def _start_held(self) -> None:
        app, self._held = self._held, None
        super()._start_asgi_task(self.cycle, app)

    def _answer_held(self) -> None:
        """Answers the request, which is all there now, or has it answered."""
        cycle = self.cycle
        whole = None if self.flow.write_paused else type(self).whole
        answer = whole(cycle.scope, bytes(cycle.body), cycle.receive) if whole else None
        if answer is None:
            self._start_held()
            return
        self._held = None
        if isinstance(answer, tuple):
            self._write(cycle, answer)
        else:
            super()._start_asgi_task(cycle, lambda *_: self._write_soon(cycle, answer))

    async def _write_soon(self, cycle: RequestResponseCycle, coming: Coroutine[Any, Any, Written | None]) -> None:
        answer = await coming
        if self.flow.write_paused:
            await self.flow.drain()
        if answer is not None and not cycle.disconnected:
            self._write(cycle, answer)

    def _write(self, cycle: RequestResponseCycle, answer: Written) -> None:
        status, lines, body = answer
        cycle.response_started = cycle.response_complete = True
        always = lines_of(self.server_state.default_headers)
        end = b"\r\n" if cycle.keep_alive else b"connection: close\r\n\r\n"
        self.transport.writelines((STATUS_LINE[status] + always + lines + end, body))
        if not cycle.keep_alive:
            self.transport.close()
        self.on_response_complete()

    def handle_websocket_upgrade(self) -> None:
        self._awaited = Awaited.SOCKET
        super().handle_websocket_upgrade()

    # What the transport calls

    def pause_writing(self) -> None:
        super().pause_writing()
        self._wait_for_reader()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._reader_deadline is not None:
            self._reader_deadline.cancel()
            self._reader_deadline = None

    # Deadlines

    def _wait(self) -> None:
        seconds = self.patience.body if self._awaited is Awaited.BODY else self.patience.head
        self._deadline = self.loop.call_later(seconds, self._too_late)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_late(self) -> None:
        self._deadline = None
        if self.flow.read_paused or self._is_answering_another():
            # It is us who do not read, or who have not answered the request before.
            self._wait()
        elif self._read == 0:
            self.transport.close()
        else:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT)

    def _is_answering_another(self) -> bool:
        """Whether a request before the one that is awaited is still at hand: a client may send several at once."""
        if self._running is None or self._running.response_complete:
            return False
        return self._awaited is Awaited.HEAD or self._running is not self.cycle

    def _wait_for_reader(self) -> None:
        waiting = self.transport.get_write_buffer_size()
        self._reader_deadline = self.loop.call_later(self.patience.reader, self._reader_too_late, waiting)

    def _reader_too_late(self, waiting: int) -> None:
        taken = waiting - self.transport.get_write_buffer_size()
        if taken < LEAST_BYTES_PER_SECOND * self.patience.reader:
            self.transport.abort()
        else:
            self._wait_for_reader()

    # Refusals

    def _brings_a_body(self) -> bool:
        return any(
            name == b"transfer-encoding" or (name == b"content-length" and value.strip(b" 0"))
            for name, value in self.headers
        )

    def _size_of_head(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + len(": \r\n") for name, value in self.headers)

    def send_400_response(self, msg: str) -> None:
        """Uvicorn answers so to whatever goes wrong in the parser."""
        if self._held is not None and self._awaited is Awaited.NOTHING:
            # The request before was right.
            self._answer_held()
        is_too_large = self._awaited is Awaited.HEAD and (
            self._read > MOST_HEAD_BYTES or len(self.headers) > MOST_FIELDS
        )
        self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE if is_too_large else HTTPStatus.BAD_REQUEST)

    def _refuse(self, status: HTTPStatus) -> None:
        if self._may_answer():
            self.transport.write(STATUS_LINE[status] + b"content-length: 0\r\nconnection: close\r\n\r\n")
        self.transport.close()

    def _may_answer(self) -> bool:
        """Whether an answer would be taken for that of the request it is about."""
        if self._is_answering_another():
            return False
        return self._awaited is not Awaited.BODY or not self.cycle.response_started


def http_protocol(patience: Patience, whole: Whole | None = None) -> type[HttpProtocol]:
    """The protocol for one server; Uvicorn makes the connections from a class."""
    answer = None if whole is None else staticmethod(whole)
    return type("PatientHttpProtocol", (HttpProtocol,), {"patience": patience, "whole": answer})
