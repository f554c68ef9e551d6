"""``python -m bench.subscribers PORT COUNT shared|own``: that many subscribers of one board, each on a WebSocket of its own.

Cheap, since it shares the machine with the server: it looks at the length and the first bytes of what comes, and reads none
of it. ``own`` gives each a document of its own, so that none of their answers are the same question's. Talks to who started
it by lines of JSON: ``{"subscribed": n}`` when all have their first answer, then, for each line it is sent, once everybody has
the next one, when the first and the last of them had it (``time.monotonic``) and how long the answer is.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from dataclasses import dataclass, field
from typing import cast

import uvloop

CONNECTING = 50
"""How many connect at a time."""
PATIENCE = 120
"""Seconds until everybody must have an answer."""
DEBOUNCE = 0.1
"""Seconds between a change and the answers to it: the shortest that may be asked for."""
BOARD = """subscription %s { leaderboardUpdated(throttle: %s) {
  leaderboard { top(first: 100) { rank value user { displayName } } } } }"""

TEXT, PING, PONG = 0x81, 0x89, 0x8A
HANDSHAKE = """GET /graphql HTTP/1.1\r
Host: 127.0.0.1\r
Upgrade: websocket\r
Connection: Upgrade\r
Sec-WebSocket-Version: 13\r
Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r
Sec-WebSocket-Protocol: graphql-transport-ws\r
\r
"""


@dataclass
class Round:
    """Answers of one change; ``done`` is set when everybody has theirs."""

    waiting: int
    first: float = 0.0
    last: float = 0.0
    size: int = 0
    done: asyncio.Event = field(default_factory=asyncio.Event)

    def had(self, size: int) -> None:
        self.last = time.monotonic()
        self.first = self.first or self.last
        self.size = size
        self.waiting -= 1
        if self.waiting == 0:
            self.done.set()


class Subscriber(asyncio.Protocol):
    def __init__(self, everybody: Everybody, document: str) -> None:
        self._everybody = everybody
        self._document = document
        self._transport: asyncio.Transport
        self._received = bytearray()
        self._is_open = False
        self.is_subscribed = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(HANDSHAKE.encode())

    def connection_lost(self, error: Exception | None) -> None:
        if not self.is_subscribed.done():
            self.is_subscribed.set_exception(ConnectionError(f"closed: {bytes(self._received)[:300]!r}"))
        elif not self._everybody.is_over:
            print(f"a subscriber was cut off: {error}", file=sys.stderr)
            os._exit(1)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not self._is_open:
            head, end, rest = self._received.partition(b"\r\n\r\n")
            if not end:
                return
            if not head.startswith(b"HTTP/1.1 101"):
                self._transport.close()
                return
            self._is_open, self._received = True, rest
            self._send(
                TEXT, {"type": "connection_init", "payload": {"authorization": f"Bearer {self._everybody.token}"}}
            )
        while (frame := self._frame()) is not None:
            self._heard(*frame)

    def _frame(self) -> tuple[int, int, bytes] | None:
        """First byte, length and first bytes of the next whole frame."""
        data = self._received
        if len(data) < 2:
            return None
        length, start = data[1], 2
        if length > 125:
            start = 4 if length == 126 else 10
            length = int.from_bytes(data[2:start])
        if len(data) < start + length:
            return None
        frame = data[0], length, bytes(data[start : start + min(length, 100)])
        del data[: start + length]
        return frame

    def _heard(self, kind: int, length: int, begin: bytes) -> None:
        if kind == PING:
            self._transport.write(bytes((PONG, 0x80 | len(begin), 0, 0, 0, 0)) + begin)
        elif kind == TEXT and b'"next"' in begin:
            if not self.is_subscribed.done():
                self.is_subscribed.set_result(None)
            else:
                self._everybody.round.had(length)
        elif b'"ping"' in begin:
            self._send(TEXT, {"type": "pong"})
        elif b'"connection_ack"' in begin:
            self._send(TEXT, {"id": "1", "type": "subscribe", "payload": {"query": self._document}})
        else:
            print(f"instead of an answer: {kind:#x} {begin!r}", file=sys.stderr)
            self._transport.close()

    def _send(self, kind: int, message: dict[str, object]) -> None:
        data = json.dumps(message).encode()
        length = bytes((0x80 | len(data),)) if len(data) < 126 else b"\xfe" + len(data).to_bytes(2)
        # A mask of zeros changes nothing.
        self._transport.write(bytes((kind,)) + length + bytes(4) + data)


class Everybody:
    def __init__(self, port: int, count: int, *, own: bool, token: str) -> None:
        self._port = port
        self._documents = [BOARD % (f"Board{n}" if own else "Board", DEBOUNCE) for n in range(count)]
        self.token = token
        self.round = Round(count)
        self.is_over = False

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        free = asyncio.Semaphore(CONNECTING)

        async def subscribe(document: str) -> None:
            async with free:
                _, subscriber = await loop.create_connection(
                    lambda: Subscriber(self, document), "127.0.0.1", self._port
                )
                await subscriber.is_subscribed

        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*map(subscribe, self._documents))
        self._say({"subscribed": len(self._documents)})
        while await loop.run_in_executor(None, sys.stdin.readline):
            async with asyncio.timeout(PATIENCE):
                await self.round.done.wait()
            self._say({"first": self.round.first, "last": self.round.last, "bytes": self.round.size})
        self.is_over = True

    def _say(self, what: dict[str, float]) -> None:
        self.round = Round(len(self._documents))
        print(json.dumps(what), flush=True)


if __name__ == "__main__":
    uvloop.run(
        Everybody(int(sys.argv[1]), int(sys.argv[2]), own=sys.argv[3] == "own", token=os.environ["BENCH_TOKEN"]).run()
    )
