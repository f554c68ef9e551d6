"""Whether the gateway can answer: for whoever restarts it, whoever sends it requests, and whoever wants to know why not."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from db.consumer_health import LATE_SECONDS, SILENT_SECONDS
from db.engine import DatabaseUnavailable, ReadPool
from db.queries.health import DatabaseHealth, get_database_health
from resolvers.health_checks import HealthCheck, HealthStatus

DEADLINE_SECONDS = 2.0
"""For the database to answer. Whoever asks gives up soon after."""

FRESH_SECONDS = 1.0
"""However often it is asked, the database is looked at no more often than this."""


class Status(StrEnum):
    """OK: all is well. DEGRADED: answers are right, but not as fast, or not as fresh, as they could be. UNAVAILABLE: none."""

    OK = "ok"
    DEGRADED = "degraded"
    UNAVAILABLE = "unavailable"


IN_THE_GRAPH = {
    Status.OK: HealthStatus.OK,
    Status.DEGRADED: HealthStatus.DEGRADED,
    Status.UNAVAILABLE: HealthStatus.DOWN,
}


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that is needed, and what is wrong with it. ``latency_ms``: how long it took to answer, if it was asked."""

    status: Status
    reason: str | None = None
    latency_ms: float | None = None

    def as_json(self) -> dict[str, str]:
        return {"status": self.status} if self.reason is None else {"status": self.status, "reason": self.reason}


GOOD = Check(Status.OK)


@dataclass(frozen=True, slots=True)
class Condition:
    """All checks of one moment. ``database`` is what the database said of itself, if it did."""

    checks: Mapping[str, Check] = field(default_factory=dict)
    database: DatabaseHealth | None = None

    @property
    def status(self) -> Status:
        found = {check.status for check in self.checks.values()}
        return next((status for status in (Status.UNAVAILABLE, Status.DEGRADED) if status in found), Status.OK)

    @property
    def can_answer(self) -> bool:
        return self.status is not Status.UNAVAILABLE


class Health:
    """Looks on a connection of its own: that all others are busy does not mean that the database is away. ``own`` gives the
    checks of what belongs to the process itself.
    """

    def __init__(self, pool: ReadPool, own: Callable[[], Mapping[str, Check]]) -> None:
        self._pool = pool
        self._own = own
        self._looking = asyncio.Lock()
        self._looked_at = float("-inf")
        self._database: tuple[dict[str, Check], DatabaseHealth | None] = ({}, None)

    async def condition(self) -> Condition:
        """As of now, or of a moment ago."""
        async with self._looking:
            if time.monotonic() - self._looked_at > FRESH_SECONDS:
                self._database = await self._look()
                self._looked_at = time.monotonic()
        checks, database = self._database
        return Condition({**checks, **self._own()}, database)

    async def checks(self) -> list[HealthCheck]:
        """The same, as the graph tells it."""
        checks = (await self.condition()).checks
        return [
            HealthCheck(name, IN_THE_GRAPH[check.status], check.reason, check.latency_ms)
            for name, check in checks.items()
        ]

    async def aclose(self) -> None:
        await self._pool.aclose()

    @property
    def last(self) -> DatabaseHealth | None:
        """What the database said of itself when it was asked last."""
        return self._database[1]

    async def _look(self) -> tuple[dict[str, Check], DatabaseHealth | None]:
        begun = time.monotonic()
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                database = await get_database_health(self._pool)
        except (DatabaseUnavailable, TimeoutError):
            return {"database": Check(Status.UNAVAILABLE, "PostgreSQL does not answer.")}, None
        answers = Check(Status.OK, latency_ms=1000 * (time.monotonic() - begun))
        if database is None or database.is_behind:
            due = Check(Status.UNAVAILABLE, "The database is of an older version: run `scoregraph migrate`.")
            return {"database": answers, "migrations": due}, database
        checks = {"database": answers, "migrations": GOOD, "views": _views(database), "events": _events(database)}
        return checks, database


def _views(database: DatabaseHealth) -> Check:
    failing = [name for name, view in database.views.items() if view.is_failing]
    if not failing:
        return GOOD
    return Check(Status.DEGRADED, f"The last refresh of {', '.join(failing)} failed: see the worker's log.")


def _events(database: DatabaseHealth) -> Check:
    """Where events have ever been listened to."""
    unheard = [name for name, topic in database.consumers.items() if topic.silent_seconds > SILENT_SECONDS]
    if unheard:
        return Check(Status.DEGRADED, f"Nobody listens to {', '.join(unheard)}: is a worker running, and its broker?")
    late = [name for name, topic in database.consumers.items() if topic.waiting_seconds > LATE_SECONDS]
    if late:
        return Check(Status.DEGRADED, f"Events of {', '.join(late)} have waited for more than a minute.")
    return GOOD
