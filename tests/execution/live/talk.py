"""A client of graphql-transport-ws that keeps no rules: it sends what it is told, and shows what comes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from tests.gateway import Gateway

PATIENCE = 20
"""Seconds that a frame may take on a slow machine."""


class Talk:
    """One socket."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def send(self, **message: Any) -> None:
        await self.socket.send(json.dumps(message))

    async def init(self, token: str | None = None, **payload: Any) -> None:
        """Begins the conversation, and sees that it was begun."""
        if token is not None:
            payload["authorization"] = f"Bearer {token}"
        await self.send(type="connection_init", payload=payload)
        assert await self.next() == {"type": "connection_ack"}

    async def subscribe(self, query: str, id: str = "1", **payload: Any) -> None:
        await self.send(type="subscribe", id=id, payload={"query": query, **payload})

    async def next(self) -> dict[str, Any]:
        """The next message that is no ping."""
        while True:
            frame = await asyncio.wait_for(self.socket.recv(), PATIENCE)
            assert isinstance(frame, str), "graphql-transport-ws speaks in text frames"
            message: dict[str, Any] = json.loads(frame)
            if message["type"] != "ping":
                return message
            await self.send(type="pong")

    async def closed(self) -> tuple[int, str]:
        """How the socket is closed, whatever comes before."""
        with pytest.raises(ConnectionClosed) as closed:
            await self._read_on()
        received = closed.value.rcvd
        assert received is not None, "it was cut off"
        return received.code, received.reason

    async def _read_on(self) -> None:
        while True:
            await asyncio.wait_for(self.socket.recv(), PATIENCE)


@asynccontextmanager
async def talking(
    gateway: Gateway, subprotocols: tuple[str, ...] = ("graphql-transport-ws",), **options: Any
) -> AsyncIterator[Talk]:
    """A socket to the gateway."""
    offered = [Subprotocol(name) for name in subprotocols] or None
    async with connect(gateway.ws_url, subprotocols=offered, **options) as socket:
        yield Talk(socket)
