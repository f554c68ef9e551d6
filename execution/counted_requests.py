"""Counts requests and sockets, by the paths that there are."""

from __future__ import annotations

from collections.abc import Iterable
from time import perf_counter

from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from execution.metrics import OTHER, Metrics


class CountedRequests:
    """What is mounted at a path is counted together, and all paths that are not among the routes."""

    def __init__(self, app: ASGIApp, metrics: Metrics, routes: Iterable[BaseRoute]) -> None:
        self._app = app
        self._metrics = metrics
        self._paths = {route.path for route in routes if isinstance(route, Route)}
        self._mounted = tuple(f"{route.path}/" for route in routes if isinstance(route, Mount))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        match scope["type"]:
            case "http":
                await self._request(scope, receive, send)
            case "websocket":
                await self._socket(scope, receive, send)
            case _:
                await self._app(scope, receive, send)

    async def _request(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = perf_counter()
        status = 500  # what the server answers where an exception comes out

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        self._metrics.requests_at_hand += 1
        try:
            await self._app(scope, receive, noted)
        finally:
            self._metrics.requests_at_hand -= 1
            self._metrics.count_request(scope["method"], self._label(scope["path"]), status, perf_counter() - began)

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._metrics.sockets += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._metrics.sockets -= 1

    def _label(self, path: str) -> str:
        if path in self._paths:
            return path
        return next((mounted for mounted in self._mounted if path.startswith(mounted)), OTHER)
