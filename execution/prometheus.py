"""``/metrics/prometheus``: what Prometheus scrapes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from hmac import compare_digest

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, CollectorRegistry, generate_latest
from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from auth import bearer


class PrometheusRoute:
    """Open to whoever reaches the process, unless there is a token: then only to whoever has it.

    ``look`` brings the figures up to date that are the database's; they are left out where it does not answer.
    """

    def __init__(
        self, registry: CollectorRegistry, look: Callable[[], Awaitable[object]], token: SecretStr | None
    ) -> None:
        self._registry = registry
        self._look = look
        self._token = token.get_secret_value() if token else None

    async def answer(self, request: Request) -> Response:
        if not self._may_read(bearer(request.headers.get("authorization"))):
            return PlainTextResponse("Send the token.", 401, {"WWW-Authenticate": "Bearer"})
        await self._look()
        return Response(generate_latest(self._registry), media_type=CONTENT_TYPE_PLAIN_0_0_4)

    def _may_read(self, token: str | None) -> bool:
        return not self._token or (token is not None and compare_digest(token.encode(), self._token.encode()))
