"""``/health`` and what lies below it. All answers are JSON; 503 where the gateway cannot answer, 200 where it can."""

from __future__ import annotations

import platform
import time
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from auth import AuthenticationError, Role, TokenVerifier, bearer
from execution.health import Condition, Health, Status
from execution.metrics import Metrics

UNCACHED = {"Cache-Control": "no-store"}


class Probes:
    """- ``/health/live``: the process answers; a failure means that it is to be restarted.
    - ``/health``, ``/health/ready``: it can do what it is for, the second with reasons; a failure means to send it nothing.
    """

    def __init__(self, health: Health) -> None:
        self._health = health

    def routes(self) -> list[Route]:
        return [
            Route("/health", self.simple),
            Route("/health/live", self.live),
            Route("/health/ready", self.ready),
        ]

    async def live(self, request: Request) -> Response:
        return JSONResponse({"status": Status.OK}, headers=UNCACHED)

    async def simple(self, request: Request) -> Response:
        condition = await self._health.condition()
        return _answer(condition, {"status": Status.OK if condition.can_answer else Status.UNAVAILABLE})

    async def ready(self, request: Request) -> Response:
        condition = await self._health.condition()
        return _answer(condition, _checks(condition))


class HealthRoutes(Probes):
    """And ``/health/detailed``: everything else, for a MANAGER's or ADMIN's token."""

    def __init__(self, health: Health, metrics: Metrics, verifier: TokenVerifier) -> None:
        super().__init__(health)
        self._metrics = metrics
        self._verifier = verifier
        self._started_at = datetime.now(UTC)
        self._started = time.monotonic()

    def routes(self) -> list[Route]:
        return [*super().routes(), Route("/health/detailed", self.detailed)]

    async def detailed(self, request: Request) -> Response:
        token = bearer(request.headers.get("authorization"))
        try:
            claims = await self._verifier.verify(token) if token else None
        except AuthenticationError:
            claims = None
        if claims is None:
            return _refusal(
                401, "UNAUTHENTICATED", "Send the token of a MANAGER or ADMIN: Authorization: Bearer <token>."
            )
        if claims.role not in (Role.MANAGER, Role.ADMIN):
            return _refusal(403, "FORBIDDEN", "This is for a MANAGER or ADMIN.")
        condition = await self._health.condition()
        return _answer(condition, {**_checks(condition), **self._details(condition)})

    def _details(self, condition: Condition) -> dict[str, Any]:
        database = condition.database
        return {
            "version": version("scoregraph"),
            "python": platform.python_version(),
            "startedAt": self._started_at.isoformat(timespec="seconds"),
            "uptimeSeconds": int(time.monotonic() - self._started),
            "database": database
            and {
                "revision": database.revision,
                "pendingChanges": database.pending_changes,
                "views": {
                    name: {"lagSeconds": view.lag_seconds, "isFailing": view.is_failing}
                    for name, view in database.views.items()
                },
            },
            "figures": self._metrics.figures(),
        }


def _checks(condition: Condition) -> dict[str, Any]:
    return {
        "status": condition.status,
        "checks": {name: check.as_json() for name, check in condition.checks.items()},
    }


def _answer(condition: Condition, content: dict[str, Any]) -> Response:
    return JSONResponse(content, 200 if condition.can_answer else 503, UNCACHED)


def _refusal(status: int, code: str, message: str) -> Response:
    headers = {**UNCACHED, "WWW-Authenticate": "Bearer"} if status == 401 else UNCACHED
    return JSONResponse({"errors": [{"message": message, "extensions": {"code": code}}]}, status, headers)
