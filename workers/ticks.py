"""Ticks: the rounds of refreshing that a worker makes, and how they went."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

LONGEST_SECONDS = 90.0
"""A tick that takes longer is something to look into."""


@dataclass
class Ticks:
    """Those of one process. ``told`` is called with each: the seconds that it took, and whether it failed."""

    told: Callable[[float, bool], None] = field(default=lambda seconds, failed: None)
    count: int = 0
    failed: int = 0
    is_failing: bool = False
    last_at: datetime | None = None
    last_seconds: float | None = None
    last_failed_at: datetime | None = None

    @property
    def complaint(self) -> str | None:
        """What is wrong with the last one."""
        if self.is_failing:
            return "The last round of refreshing failed: see the worker's log."
        if self.last_seconds is not None and self.last_seconds > LONGEST_SECONDS:
            return f"The last round of refreshing took more than {LONGEST_SECONDS:.0f} seconds."
        return None

    async def run(self, job: Callable[[], Awaitable[object]]) -> None:
        """Runs one and notes how it went. One that is stopped midway does not count. Raises what it raises."""
        started = time.monotonic()
        try:
            await job()
        except Exception:
            self._note(time.monotonic() - started, failed=True)
            raise
        self._note(time.monotonic() - started, failed=False)

    def _note(self, seconds: float, *, failed: bool) -> None:
        self.count += 1
        self.failed += failed
        self.is_failing = failed
        self.last_at, self.last_seconds = datetime.now(UTC), seconds
        if failed:
            self.last_failed_at = self.last_at
        self.told(seconds, failed)
