"""A reader of event streams, such as they come."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from tests.execution.live.talk import PATIENCE
from tests.gateway import Gateway

Event = tuple[str, Any]
"""Its name and its data; a comment has no name, the end of the stream is called "end"."""


class Events:
    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._lines = response.aiter_lines()

    async def any(self) -> Event:
        """The next event or comment."""
        name, data = "", None
        while True:
            try:
                line = await asyncio.wait_for(anext(self._lines), PATIENCE)
            except StopAsyncIteration:
                return "end", None
            field, _, value = line.partition(":")
            if not line:
                return name, data
            if field == "event":
                name = value.strip()
            elif field == "data":
                data = json.loads(value) if value else None

    async def next(self) -> Event:
        """The next event."""
        while not (event := await self.any())[0]:
            pass
        return event

    async def rest(self) -> list[Event]:
        found = [await self.next()]
        while found[-1][0] != "end":
            found.append(await self.next())
        return found


@asynccontextmanager
async def streaming(
    gateway: Gateway,
    token: str | None,
    query: str,
    accept: str = "text/event-stream",
    method: str = "POST",
    **more: Any,
) -> AsyncIterator[Events]:
    """The answer to an operation as it comes. ``more`` stands beside the query."""
    headers = {"Accept": accept} | ({"Authorization": f"Bearer {token}"} if token else {})
    asked = {"query": query, **more}
    how: dict[str, Any] = {"json": asked} if method == "POST" else {"params": asked}
    async with (
        httpx.AsyncClient(base_url=gateway.url, timeout=PATIENCE) as http,
        http.stream(method, "/graphql", headers=headers, **how) as response,
    ):
        yield Events(response)
