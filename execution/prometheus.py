"""``/metrics/prometheus``: what Prometheus scrapes."""

from __future__ import annotations

from hmac import compare_digest

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from auth import bearer
from execution.health import Health
from execution.metrics import Metrics


class PrometheusRoute:
    """Open to whoever reaches the gateway, unless there is a token: then only to whoever has it."""

    def __init__(self, metrics: Metrics, health: Health, token: SecretStr | None) -> None:
        self._metrics = metrics
        self._health = health
        self._token = token.get_secret_value() if token else None

    async def answer(self, request: Request) -> Response:
        if not self._may_read(bearer(request.headers.get("authorization"))):
            return PlainTextResponse("Send the token.", 401, {"WWW-Authenticate": "Bearer"})
        # So that the figures of the database are of now; they are left out where it does not answer.
        await self._health.condition()
        return Response(generate_latest(self._metrics.registry), media_type=CONTENT_TYPE_PLAIN_0_0_4)

    def _may_read(self, token: str | None) -> bool:
        return not self._token or (token is not None and compare_digest(token.encode(), self._token.encode()))
