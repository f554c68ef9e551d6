"""What every request and socket passes first: it is counted, it gets its id, and its answer the headers that all have."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from time import perf_counter
from typing import Any

from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from execution.metrics import OTHER, Metrics
from execution.representation import Form
from execution.request_id import HEADER, REQUEST_ID, request_id_of
from execution.security_headers import security_headers, security_lines

Soon = Coroutine[Any, Any, Form | None]
"""None where nobody is left to take it."""

Whole = Callable[[Scope, bytes, Receive], Form | Soon | None]
"""The answer to a request of which the body is given too: at once, or soon, or None where the application has to tell."""

CLIENT_GONE = 499
"""How a request is counted that nobody waits for any more; never sent."""

Written = tuple[int, bytes, bytes]
"""A status, headers as they are written, ``content-length`` among them, and a body."""


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
        whole: Mapping[str, Whole],
    ) -> None:
        routes = list(routes)
        self._app = app
        self._straight = straight
        self._whole = whole
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

    def whole(
        self, scope: Scope, body: bytes, receive: Receive
    ) -> Written | Coroutine[Any, Any, Written | None] | None:
        """The answer to a request that is all there. It costs a fraction of what it takes to run an application, so a server
        that can should ask for it first.
        """
        answer = self._whole.get(scope["path"])
        if answer is None:
            return None
        began = perf_counter()
        request_id = request_id_of(scope)
        token = REQUEST_ID.set(request_id.decode())
        try:
            form = answer(scope, body, receive)
        finally:
            REQUEST_ID.reset(token)
        if form is None:
            return None
        if not isinstance(form, Form):
            return self._soon(scope, form, request_id, began)
        self._metrics.count_request(scope["method"], scope["path"], form.status, perf_counter() - began)
        return _written(scope, form, request_id)

    async def _soon(self, scope: Scope, coming: Soon, request_id: bytes, began: float) -> Written | None:
        status = 500  # what the server answers where an exception comes out
        metrics = self._metrics
        metrics.requests_at_hand += 1
        REQUEST_ID.set(request_id.decode())
        try:
            form = await coming
            if form is None:
                status = CLIENT_GONE
                return None
            status = form.status
            return _written(scope, form, request_id)
        finally:
            metrics.requests_at_hand -= 1
            metrics.count_request(scope["method"], scope["path"], status, perf_counter() - began)

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


def _written(scope: Scope, form: Form, request_id: bytes) -> Written:
    lines = b"%b%b%b: %b\r\n" % (form.lines, security_lines(scope), HEADER, request_id)
    return form.status, lines, form.body
