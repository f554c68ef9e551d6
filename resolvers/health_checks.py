"""What a gateway finds when it looks whether it has all that it needs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum


class HealthStatus(StrEnum):
    OK = "OK"
    DEGRADED = "DEGRADED"
    DOWN = "DOWN"


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """One thing that is needed. ``detail`` is what is wrong with it; ``latency_ms`` how long it took to answer, if it was asked."""

    name: str
    status: HealthStatus
    detail: str | None = None
    latency_ms: float | None = None


Look = Callable[[], Awaitable[Sequence[HealthCheck]]]
