"""Clients that dawdle, pour or never end, on raw sockets against the real web server."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import struct
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send
from websockets.asyncio.client import connect

from commands.http_protocol import MOST_BYTES, MOST_HEAD_BYTES, MOST_HELD_BYTES, Patience, Whole, Written
from commands.web_server import WebServer, listen, web_server

PATIENCE = Patience(head=0.5, body=0.5, reader=0.5, connections=8)
LONGER = 1.2
"""Seconds, well above all that the server waits for."""

GET = b"GET /quick HTTP/1.1\r\nHost: h\r\n\r\n"
LARGE = 8 * 1024 * 1024


class App:
    """Answers by the path. Notes the requests whose client went away while their body was read."""

    def __init__(self) -> None:
        self.disconnected: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            while (await receive())["type"] != "lifespan.shutdown":
                await send({"type": "lifespan.startup.complete"})
            await send({"type": "lifespan.shutdown.complete"})
        elif scope["type"] == "websocket":
            await send({"type": "websocket.accept"})
            await asyncio.sleep(LONGER)
            await send({"type": "websocket.send", "text": "still here"})
            await send({"type": "websocket.close"})
        else:
            await self.answer(scope, receive, send)

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        read = 0
        if scope["path"] != "/ignoring":
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    self.disconnected.append(scope["path"])
                    return
                read += len(message["body"])
                if not message["more_body"]:
                    break
        if scope["path"] == "/slow":
            await asyncio.sleep(LONGER)
        names = sorted(name.decode() for name, _ in scope["headers"])
        body = b"x" * LARGE if scope["path"] == "/large" else json.dumps({"read": read, "headers": names}).encode()
        headers = [(b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


class Client:
    """A raw socket: what has arrived can be read, also after the server has hung up on us."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._loop = asyncio.get_running_loop()
        self._received = b""
        self.is_cut_off = False

    async def send(self, data: bytes) -> None:
        """Nothing once the server has hung up."""
        try:
            await self._loop.sock_sendall(self._socket, data)
        except (BrokenPipeError, ConnectionResetError):
            self.is_cut_off = True

    async def trickle(self, piece: bytes) -> None:
        while not self.is_cut_off:
            await self.send(piece)
            await asyncio.sleep(0.02)

    async def receive(self, most: int = 65536) -> bytes:
        """What comes next; nothing after the end."""
        try:
            return await self._loop.sock_recv(self._socket, most)
        except ConnectionResetError:
            return b""

    async def answer(self) -> tuple[int, bytes]:
        """The status and the body of one answer."""
        async with asyncio.timeout(20):
            while b"\r\n\r\n" not in self._received:
                self._received += await self._more()
            head, _, self._received = self._received.partition(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            while len(self._received) < length:
                self._received += await self._more()
        body, self._received = self._received[:length], self._received[length:]
        return int(head.split()[1]), body

    async def the_rest(self) -> bytes:
        """What comes until the server hangs up."""
        rest, self._received = self._received, b""
        async with asyncio.timeout(20):
            while more := await self.receive():
                rest += more
        return rest

    async def _more(self) -> bytes:
        more = await self.receive()
        assert more, f"hung up after {self._received!r}"
        return more


@asynccontextmanager
async def trickling(client: Client, piece: bytes) -> AsyncIterator[None]:
    task = asyncio.create_task(client.trickle(piece))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@dataclass(frozen=True)
class Running:
    """``holds`` if the application is not run before a request is all there."""

    server: WebServer
    app: App
    port: int
    holds: bool

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Client]:
        with socket.socket() as connecting:
            connecting.setblocking(False)
            connecting.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            await asyncio.get_running_loop().sock_connect(connecting, ("127.0.0.1", self.port))
            yield Client(connecting)

    async def is_empty(self) -> bool:
        """Whether nothing is left of anybody; waits for what is just being cleaned up."""
        for _ in range(500):
            if not self.server.server_state.connections and not self.server.server_state.tasks:
                return True
            await asyncio.sleep(0.01)
        return False


def known(scope: Scope, body: bytes, receive: Receive) -> Written | Coroutine[Any, Any, Written | None] | None:
    """What is answered without the application."""
    answer = b"known " + body
    match scope["path"]:
        case "/known":
            return written(answer)
        case "/soon":
            return soon(answer, receive)
        case "/soon/large":
            return soon(b"x" * LARGE, receive)
    return None


def written(answer: bytes) -> Written:
    return 200, b"content-length: %d\r\n" % len(answer), answer


async def soon(answer: bytes, receive: Receive) -> Written | None:
    await asyncio.sleep(0.02)
    if answer.endswith(b"wrong"):
        raise ValueError
    if answer.endswith(b"wait"):
        while (await receive())["type"] != "http.disconnect":
            pass
        return None
    return written(answer)


@contextmanager
def serving(whole: Whole | None = None) -> Iterator[Running]:
    app = App()
    server = web_server(app, PATIENCE, whole=whole)
    listening = listen("127.0.0.1", 0)
    port = listening.getsockname()[1]
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.01)
        assert thread.is_alive()
    yield Running(server, app, port, whole is not None)
    server.should_exit = True
    thread.join(20)
    listening.close()
    assert not thread.is_alive()


@pytest.fixture(scope="module", params=[None, known], ids=["application", "at once"])
def shared(request: pytest.FixtureRequest) -> Iterator[Running]:
    with serving(request.param) as running:
        yield running


@pytest.fixture(scope="module")
def knowing() -> Iterator[Running]:
    with serving(known) as running:
        yield running


@pytest.fixture
def running(shared: Running) -> Running:
    shared.app.disconnected.clear()
    return shared


@pytest.mark.parametrize(
    ("beginning", "piece"),
    [
        (b"GET / HTTP/1.1\r\nHost: h\r\n", b"X-A: b\r\n"),
        (b"GET / HTTP/1.1\r\nX-A: ", b"b"),
        (b"GET /", b"a"),
        (b"POST /body HTTP/1.1\r\nHost: h\r\nContent-Length: 9999\r\n\r\n", b"b"),
        (b"POST /body HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nb\r\n"),
        (b"POST /body HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"X-A: b\r\n"),
    ],
)
async def test_who_trickles_is_cut_off_and_nobody_else(running: Running, beginning: bytes, piece: bytes) -> None:
    async with running.client() as client, running.client() as other:
        await client.send(beginning)
        async with trickling(client, piece):
            cut_off = asyncio.create_task(client.answer())
            while not cut_off.done():
                await other.send(GET)
                assert (await other.answer())[0] == 200
                await asyncio.sleep(0.05)
        assert await cut_off == (408, b"")
        assert await client.the_rest() == b""
    assert await running.is_empty()
    begun = ["/body"] if b"/body" in beginning and not running.holds else []
    assert running.app.disconnected == begun


@pytest.mark.parametrize("said", [b"", b"\r\n"])
async def test_who_begins_nothing_is_hung_up_on(running: Running, said: bytes) -> None:
    async with running.client() as client:
        await client.send(said)
        assert (await client.the_rest()).startswith(b"HTTP/1.1 408" if said else b"")
    assert await running.is_empty()


async def test_line_breaks_between_requests_hold_no_connection(running: Running) -> None:
    async with running.client() as client:
        await client.send(GET)
        assert (await client.answer())[0] == 200
        async with trickling(client, b"\r\n"):
            assert (await client.the_rest()).count(b"HTTP/1.1") <= 1
    assert await running.is_empty()


async def test_the_body_of_an_answered_request_ends_too_and_has_no_second_answer(running: Running) -> None:
    async with running.client() as client:
        await client.send(
            b"POST /ignoring HTTP/1.1\r\nHost: h\r\nContent-Length: 99999\r\n\r\n" + b"b" * 2 * MOST_HELD_BYTES
        )
        assert (await client.answer())[0] == 200
        async with trickling(client, b"b"):
            assert await client.the_rest() == b""
    assert await running.is_empty()


async def test_time_that_we_take_is_not_the_clients(running: Running) -> None:
    async with running.client() as client:
        # The second waits for the first, and its head for its end.
        await client.send(b"POST /slow HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nbGET /quick HTTP/1.1\r\nHo")
        assert (await client.answer())[0] == 200
        await client.send(b"st: h\r\n\r\n")
        assert (await client.answer())[0] == 200
        await client.send(
            b"GET /slow HTTP/1.1\r\nHost: h\r\n\r\nPOST /quick HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nb"
        )
        assert (await client.answer())[0] == 200
        await client.send(b"b")
        status, body = await client.answer()
        assert (status, json.loads(body)["read"]) == (200, 2)
    assert await running.is_empty()


async def test_who_leaves_several_requests_behind_ends_them(running: Running, caplog: pytest.LogCaptureFixture) -> None:
    async with running.client() as client:
        await client.send(b"GET /slow HTTP/1.1\r\nHost: h\r\n\r\n" + GET)
        await asyncio.sleep(0.2)
    assert await running.is_empty()
    assert caplog.records == []


@pytest.mark.parametrize("before", [b"", GET])
async def test_a_socket_outlives_the_deadlines_of_its_head(running: Running, before: bytes) -> None:
    connected = socket.create_connection(("127.0.0.1", running.port))
    if before:
        connected.sendall(before)
        while not connected.recv(4096).endswith(b"}"):
            pass
    async with connect(f"ws://127.0.0.1:{running.port}/", sock=connected) as opened:
        assert await asyncio.wait_for(opened.recv(), 20) == "still here"
    assert await running.is_empty()


def head_of(size: int) -> bytes:
    """A request whose target and headers have that many bytes."""
    rest = len("/quick") + len("host: h\r\n") + len("x-long: \r\n")
    return b"GET /quick HTTP/1.1\r\nHost: h\r\nX-Long: " + b"b" * (size - rest) + b"\r\n\r\n"


@pytest.mark.parametrize(("size", "status"), [(MOST_HEAD_BYTES, 200), (MOST_HEAD_BYTES + 1, 431), (600_000, 431)])
async def test_a_head_has_an_end(running: Running, size: int, status: int) -> None:
    async with running.client() as client:
        await client.send(head_of(size))
        assert (await client.answer())[0] == status
        if status == 431:
            assert await client.the_rest() == b""
    assert await running.is_empty()


@pytest.mark.parametrize("beginning", [b"GET /", b"GET / HTTP/1.1\r\nX-Long: ", b"GET / HTTP/1.1\r\n"])
async def test_a_head_without_end_is_refused_while_it_comes(running: Running, beginning: bytes) -> None:
    piece = b"X-A: b\r\n" if beginning.endswith(b"\n") else b"bbbb"
    async with running.client() as client:
        await client.send(beginning)
        sent = 0
        while not client.is_cut_off and sent < 4_000_000:
            await client.send(piece * 2_000)
            sent += len(piece) * 2_000
            await asyncio.sleep(0)
        assert not (await client.the_rest()).startswith(b"HTTP/1.1 2")
    assert await running.is_empty()
    assert running.app.disconnected == []


@pytest.mark.parametrize("poured", [b"X-A: b\r\n", b"1;" + b"a" * 100 + b"\r\nb\r\n"])
async def test_a_body_has_an_end_whatever_it_is_made_of(running: Running, poured: bytes) -> None:
    beginning = b"POST /body HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with running.client() as client:
        await client.send(beginning + (b"0\r\n" if poured.startswith(b"X") else b""))
        piece = poured * (100_000 // len(poured))
        for _ in range(2 * MOST_BYTES // len(piece)):
            if client.is_cut_off:
                break
            await client.send(piece)
            await asyncio.sleep(0)
        assert not (await client.the_rest()).startswith(b"HTTP/1.1 2")
    assert await running.is_empty()
    assert running.app.disconnected == (["/body"] if b"1;" in poured or not running.holds else [])


async def test_what_comes_after_the_body_is_no_header(running: Running) -> None:
    request = b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nb\r\n0\r\nAuthorization: x\r\n\r\n"
    async with running.client() as client:
        await client.send(request)
        _, body = await client.answer()
        assert json.loads(body) == {"read": 1, "headers": ["host", "transfer-encoding"]}


@pytest.mark.parametrize(
    "said",
    [
        b"\x00\x01\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        GET[:-2] + b"A B: c\r\n\r\n",
        b"GET /quick HTTP/1.1\r\n\r\n",
        GET[:-2] + b"Host: other\r\n\r\n",
    ],
)
async def test_what_is_no_request_is_told_so_and_hung_up_on(running: Running, said: bytes) -> None:
    async with running.client() as client:
        await client.send(said)
        assert await client.answer() == (400, b"")
        assert await client.the_rest() == b""
    assert await running.is_empty()


async def test_who_is_older_than_hosts_names_none(running: Running) -> None:
    async with running.client() as client:
        await client.send(b"GET /quick HTTP/1.0\r\n\r\n")
        assert (await client.answer())[0] == 200


async def test_one_too_many_is_turned_away_until_another_leaves(running: Running) -> None:
    async with running.client() as first, AsyncExitStack() as others:
        for _ in range(PATIENCE.connections - 1):
            await others.enter_async_context(running.client())
        async with running.client() as client:
            assert await client.answer() == (503, b"")
        await first.send(GET)
        assert (await first.answer())[0] == 200
    assert await running.is_empty()
    async with running.client() as client:
        await client.send(GET)
        assert (await client.answer())[0] == 200


async def test_an_answer_that_nobody_takes_is_let_go(running: Running) -> None:
    async with running.client() as client:
        await client.send(b"GET /large HTTP/1.1\r\nHost: h\r\n\r\n")
        assert await running.is_empty(), "the client is still there"


async def test_an_answer_that_is_taken_slowly_is_given_whole(running: Running) -> None:
    async with running.client() as client:
        await client.send(b"GET /large HTTP/1.1\r\nHost: h\r\n\r\n")
        received = 0
        while received < LARGE:
            piece = await client.receive(512 * 1024)
            assert piece
            received += len(piece)
            await asyncio.sleep(0.05)


async def test_a_request_at_hand_is_answered_when_the_server_stops() -> None:
    with serving() as running:
        await stop_while_answering(running)


async def stop_while_answering(running: Running) -> None:
    async with running.client() as client, running.client() as idle:
        await client.send(b"GET /slow HTTP/1.1\r\nHost: h\r\n\r\n")
        await asyncio.sleep(0.2)
        running.server.should_exit = True
        assert await idle.the_rest() == b""
        assert (await client.answer())[0] == 200
        assert await client.the_rest() == b""
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", running.port)


# Answers at once


def post(path: str, body: bytes, *headers: str) -> bytes:
    lines = (f"POST {path} HTTP/1.1", "Host: h", f"Content-Length: {len(body)}", *headers, "", "")
    return "\r\n".join(lines).encode() + body


@pytest.mark.parametrize("pause", [0, 1, 60, 64, 70])
async def test_a_whole_request_is_answered_at_once_in_however_many_pieces_it_comes(
    knowing: Running, pause: int
) -> None:
    async with knowing.client() as client:
        said = post("/known", b"0123456789")
        for _ in range(3):
            await client.send(said[:pause])
            await asyncio.sleep(0.05)
            await client.send(said[pause:])
            assert await client.answer() == (200, b"known 0123456789")
    assert await knowing.is_empty()


async def test_requests_in_one_piece_are_answered_in_their_order(knowing: Running) -> None:
    async with knowing.client() as client:
        paths = ["/known", "/quick", "/known", "/soon", "/known", "/soon", "/slow", "/known", "/soon", "/quick"]
        await client.send(b"".join(post(path, b"ab") for path in paths))
        answers = [await client.answer() for _ in paths]
    for path, (status, body) in zip(paths, answers, strict=True):
        # Those that others follow in the same piece may be left to the application.
        assert status == 200
        is_known = path in ("/known", "/soon") and body.startswith(b"known")
        assert body == b"known ab" if is_known else json.loads(body)["read"] == 2
    assert await knowing.is_empty()


@pytest.mark.parametrize(
    "said",
    [post("/known", b"", "Connection: close"), b"GET /known HTTP/1.0\r\n\r\n", b"GET /soon HTTP/1.0\r\n\r\n"],
)
async def test_who_wants_no_more_is_hung_up_on(knowing: Running, said: bytes) -> None:
    async with knowing.client() as client:
        await client.send(said)
        answer = await client.the_rest()
        # When it was made, as with every answer.
        head, date = re.subn(rb"date: [^\r]+GMT\r\n", b"", answer)
        assert (head, date) == (b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\nconnection: close\r\n\r\nknown ", 1)


@pytest.mark.parametrize("path", ["/known", "/quick"])
@pytest.mark.parametrize("protocol", ["h2c", "websocket"])
@pytest.mark.parametrize("in_pieces", [False, True])
async def test_a_body_is_no_request_of_its_own(knowing: Running, path: str, protocol: str, in_pieces: bool) -> None:
    """The parser reads nothing more of a request that asks for another protocol: its body would be the next request."""
    inner = b"GET /quick HTTP/1.1\r\nHost: h\r\n\r\n"
    head, _, body = post(path, inner, "Connection: Upgrade", f"Upgrade: {protocol}").partition(b"\r\n\r\n")
    async with knowing.client() as client:
        for piece in [head + b"\r\n\r\n", body] if in_pieces else [head + b"\r\n\r\n" + body]:
            await client.send(piece)
        answers = await client.the_rest()
        assert answers.startswith(b"HTTP/1.1 400 ")
        assert answers.count(b"HTTP/1.1 ") == 1
    assert await knowing.is_empty()


async def test_another_protocol_that_is_not_spoken_is_answered_in_this_one(knowing: Running) -> None:
    async with knowing.client() as client:
        await client.send(b"GET /quick HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")
        assert (await client.the_rest()).startswith(b"HTTP/1.1 200 ")
    assert await knowing.is_empty()


async def test_what_was_right_is_answered_before_what_is_not(knowing: Running) -> None:
    async with knowing.client() as client:
        await client.send(post("/known", b"ab") + b"\0garbage\r\n\r\n")
        answers = await client.the_rest()
        assert answers.startswith(b"HTTP/1.1 200 ")
        assert b"HTTP/1.1 400 " in answers
    assert await knowing.is_empty()


async def test_who_asks_before_sending_a_body_is_told_to_go_on(knowing: Running) -> None:
    async with knowing.client() as client:
        head, _, body = post("/known", b"ab", "Expect: 100-continue").partition(b"\r\n\r\n")
        await client.send(head + b"\r\n\r\n")
        assert await client.receive() == b"HTTP/1.1 100 Continue\r\n\r\n"
        await client.send(body)
        status, answer = await client.answer()
        assert (status, json.loads(answer)["read"]) == (200, 2)


@pytest.mark.parametrize("size", [MOST_HELD_BYTES, MOST_HELD_BYTES + 1, 1024 * 1024])
async def test_a_long_body_does_not_wait_to_be_whole(knowing: Running, size: int) -> None:
    async with knowing.client() as client:
        await client.send(post("/known", b"x" * size))
        status, body = await client.answer()
        assert status == 200
        assert body == b"known " + b"x" * size if size <= MOST_HELD_BYTES else json.loads(body)["read"] == size
        await client.send(post("/quick", b"x" * size))
        assert json.loads((await client.answer())[1])["read"] == size


async def test_garbage_behind_a_request_is_no_part_of_it(knowing: Running) -> None:
    async with knowing.client() as client:
        await client.send(post("/known", b"ab") + b"nonsense\r\n\r\n")
        assert b"known ab" in (rest := await client.the_rest()) or rest.count(b"HTTP/1.1") <= 1
    assert await knowing.is_empty()


async def test_who_leaves_in_the_middle_leaves_nothing(knowing: Running) -> None:
    async with knowing.client() as client:
        await client.send(post("/known", b"0123456789")[:-5])
        await asyncio.sleep(0.05)
    assert await knowing.is_empty()


async def test_what_is_answered_soon_is_answered_as_often_as_it_is_asked(knowing: Running) -> None:
    async with knowing.client() as client:
        for body in (b"one", b"two", b"three"):
            await client.send(post("/soon", body))
            assert await client.answer() == (200, b"known " + body)
        await client.send(post("/soon/large", b""))
        assert await client.answer() == (200, b"x" * LARGE)
        await client.send(post("/soon", b"wrong"))
        assert (await client.answer())[0] == 500
    assert await knowing.is_empty()


async def test_who_leaves_before_the_answer_is_there_leaves_nothing(knowing: Running) -> None:
    for body in (b"", b"wait"):
        async with knowing.client() as client:
            await client.send(post("/soon", body))
            await asyncio.sleep(0.01)
        assert await knowing.is_empty()


async def test_who_does_not_take_an_answer_that_came_soon_is_hung_up_on(knowing: Running) -> None:
    async with knowing.client() as client:
        await client.send(post("/soon/large", b"") + post("/soon/large", b""))
        await asyncio.sleep(LONGER)
        assert len(await client.the_rest()) < 2 * LARGE
    assert await knowing.is_empty()
