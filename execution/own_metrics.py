"""How this gateway fares, told to the database every minute, so that it is seen beside the services that tell of themselves.

A request costs a look into a dictionary and a few sums; rows are written by the minute, operation and status, never by the request.
"""

from __future__ import annotations

import asyncio
import os
import resource
import socket
import sys
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from time import monotonic, process_time

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from db.queries.platform_metric_writes import Sample, insert_requests, insert_samples
from db.queries.platform_services import GATEWAY
from db.request_sums import RequestKey, RequestRow, RequestSum, RequestSums

OTHER = "other"
MOST_NAMES = 500
"""Of operations in a minute; those that come later are counted together."""

MINUTE = timedelta(minutes=1)
MOST_WAITING = 20_000
"""Rows that wait for a database that does not take them; then the oldest are given up."""

WRITE_SECONDS = 5.0

STATUS = {
    "OK": 200,
    "UNAUTHENTICATED": 401,
    "FORBIDDEN": 403,
    "INTROSPECTION_DISABLED": 403,
    "DOCUMENT_NOT_TRUSTED": 403,
    "NOT_FOUND": 404,
    "DOCUMENT_NOT_FOUND": 404,
    "METHOD_NOT_ALLOWED": 405,
    "NOT_ACCEPTABLE": 406,
    "PAYLOAD_TOO_LARGE": 413,
    "UNSUPPORTED_MEDIA_TYPE": 415,
    "COST_LIMIT_EXCEEDED": 429,
    "RATE_LIMITED": 429,
    "CLIENT_GONE": 499,
    "CANCELLED": 499,
    "INTERNAL": 500,
    "UNAVAILABLE": 503,
}
"""What an operation would have been answered with outside of GraphQL, by the code of its first error; others are 400."""

log = structlog.get_logger(__name__)


class OwnMetrics:
    """Of one gateway. ``pool_usage`` says which share of the connections for reads is in use, 0 to 1."""

    def __init__(self, engine: AsyncEngine, pool_usage: Callable[[], float]) -> None:
        self._engine = engine
        self._pool_usage = pool_usage
        self._sums = RequestSums()
        self._found: dict[tuple[str | None, str | None, str], RequestSum] = {}
        self._names: set[str] = set()
        self._waiting: deque[RequestRow] = deque(maxlen=MOST_WAITING)
        self._instance = f"{socket.gethostname()}:{os.getpid()}"
        self._clock = monotonic(), process_time()
        self._minute = _this_minute()
        self._telling: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Writes at the end of each minute from now on."""
        self._telling = asyncio.create_task(self._tell())

    async def aclose(self) -> None:
        """Writes what was counted since, and ends."""
        if self._telling is not None:
            self._telling.cancel()
            with suppress(asyncio.CancelledError):
                await self._telling
        self._end_minute()
        await self._write([])

    def count(
        self, name: str | None, kind: str | None, code: str, seconds: float, payload_bytes: int | None = None
    ) -> None:
        """An operation that was answered. ``name`` is None where its document is not registered."""
        found = self._found.get((name, kind, code))
        if found is None:
            found = self._find(name, kind, code)
        found.add(seconds * 1000, payload_bytes)

    def _find(self, name: str | None, kind: str | None, code: str) -> RequestSum:
        is_known = name is None or name in self._names or len(self._names) < MOST_NAMES
        key = RequestKey(GATEWAY, (name if is_known else None) or OTHER, (kind or OTHER).upper(), STATUS.get(code, 400))
        found = self._sums.of(key)
        if is_known:
            self._found[name, kind, code] = found
            self._names.add(key.endpoint)
        return found

    async def _tell(self) -> None:
        while True:
            await asyncio.sleep((self._minute + MINUTE - datetime.now(UTC)).total_seconds())
            await self.write()

    async def write(self) -> None:
        """Ends the minute and writes what was counted in it, and how the process is."""
        self._end_minute()
        await self._write(self._samples())

    def _end_minute(self) -> None:
        self._waiting.extend(self._sums.take(self._minute))
        self._found.clear()
        self._names.clear()
        self._minute = _this_minute()

    async def _write(self, samples: list[Sample]) -> None:
        """What the database does not take waits for the next minute."""
        rows = list(self._waiting)
        if not rows and not samples:
            return
        try:
            async with asyncio.timeout(WRITE_SECONDS), self._engine.begin() as connection:
                await insert_requests(connection, None, rows)
                await insert_samples(connection, None, samples)
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            log.warning("own_metrics_not_written", error=type(error).__name__)
            return
        for _ in rows:
            self._waiting.popleft()

    def _samples(self) -> list[Sample]:
        (was, used), self._clock = self._clock, (monotonic(), process_time())
        now, uses = self._clock
        figures = {
            "cpu_percent": 100 * (uses - used) / max(now - was, 1e-3),
            "memory_mib": _memory_mib(),
            "db_pool_usage": self._pool_usage(),
        }
        at, tags = datetime.now(UTC), {"instance": self._instance}
        return [Sample(GATEWAY, name, value, at, tags) for name, value in figures.items()]


def _this_minute() -> datetime:
    return datetime.now(UTC).replace(second=0, microsecond=0)


def _memory_mib() -> float:
    """What the process holds; where the system does not say, the most that it ever held."""
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * resource.getpagesize() / 2**20
    except OSError:
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most / (2**20 if sys.platform == "darwin" else 2**10)
