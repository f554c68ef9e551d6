"""What every request and socket passes first: it is counted, it gets its id, and its answer the headers that all have."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from time import perf_counter

from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from execution.metrics import OTHER, Metrics
from execution.representation import Form
from execution.request_id import HEADER, REQUEST_ID, request_id_of
from execution.security_headers import security_headers, security_lines

AtOnce = Callable[[Scope, bytes], Form | None]
"""What there is to answer to a request, of which the body is given too, without waiting for anything."""


class Front:
    """Goes straight to the applications of ``straight``, which are asked most, by their paths; everything else goes through
    ``app``. What is mounted at a path is counted together, and all paths that are not among the routes.
    """

    def __init__(
        self,
        app: ASGIApp,
        metrics: Metrics,
        routes: Iterable[BaseRoute],
        straight: Mapping[str, ASGIApp],
        at_once: Mapping[str, AtOnce],
    ) -> None:
        routes = list(routes)
        self._app = app
        self._straight = straight
        self._at_once = at_once
        self._metrics = metrics
        self._paths = {route.path for route in routes if isinstance(route, Route)}
        self._mounted = tuple(f"{route.path}/" for route in routes if isinstance(route, Mount))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = scope["type"]
        if kind == "http":
            await self._request(scope, receive, send)
        elif kind == "websocket":
            await self._socket(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def at_once(self, scope: Scope, body: bytes) -> tuple[int, bytes, bytes] | None:
        """The answer to a request that is all there, where nothing has to be waited for: status, lines of headers, and body.
        It costs a fraction of what it takes to run an application, so a server that can should ask for it first.
        """
        answer = self._at_once.get(scope["path"])
        if answer is None:
            return None
        began = perf_counter()
        request_id = request_id_of(scope)
        token = REQUEST_ID.set(request_id.decode())
        try:
            form = answer(scope, body)
        finally:
            REQUEST_ID.reset(token)
        if form is None:
            return None
        self._metrics.count_request(scope["method"], scope["path"], form.status, perf_counter() - began)
        lines = b"%b%b%b: %b\r\n" % (form.lines, security_lines(scope), HEADER, request_id)
        return form.status, lines, form.body

    async def _request(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = perf_counter()
        path: str = scope["path"]
        request_id = request_id_of(scope)
        status = 500  # what the server answers where an exception comes out

        def send_dressed(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.start":
                nonlocal status
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), *security_headers(scope), (HEADER, request_id)]
            return send(message)

        metrics = self._metrics
        metrics.requests_at_hand += 1
        token = REQUEST_ID.set(request_id.decode())
        try:
            await self._straight.get(path, self._app)(scope, receive, send_dressed)
        finally:
            REQUEST_ID.reset(token)
            metrics.requests_at_hand -= 1
            metrics.count_request(scope["method"], self._label(path), status, perf_counter() - began)

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        request_id = request_id_of(scope)

        def send_dressed(message: Message) -> Awaitable[None]:
            if message["type"] == "websocket.accept":
                message["headers"] = [*message.get("headers", ()), (HEADER, request_id)]
            return send(message)

        self._metrics.sockets += 1
        token = REQUEST_ID.set(request_id.decode())
        try:
            await self._app(scope, receive, send_dressed)
        finally:
            REQUEST_ID.reset(token)
            self._metrics.sockets -= 1

    def _label(self, path: str) -> str:
        if path in self._paths:
            return path
        return next((mounted for mounted in self._mounted if path.startswith(mounted)), OTHER)
