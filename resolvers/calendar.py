"""Which calendar a request is answered in: the zone asked for, else the organization's; weeks begin on Monday."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache

from resolvers.context import Context
from resolvers.periods import Period, PeriodSpec, Weekday, holds_until, resolve_period


async def resolve_context_period(
    context: Context, spec: PeriodSpec, time_zone: str | None = None, week_start: Weekday = Weekday.MONDAY
) -> Period:
    """The period at the instant of the snapshot. Raises PeriodError."""
    zone = time_zone or await context.snapshot.time_zone()
    found = _found(spec, zone, week_start)
    return await context.snapshot.lasting(found.at, found.until)


class Found:
    """The period that a spec meant last: it means the same one until the end of an hour at least."""

    def __init__(self, spec: PeriodSpec, time_zone: str, week_start: Weekday) -> None:
        self._spec = spec
        self._time_zone = time_zone
        self._week_start = week_start
        self._last: tuple[Period, datetime | None] | None = None

    def at(self, now: datetime) -> Period:
        """Raises PeriodError."""
        if self._last is not None:
            period, until = self._last
            if period.found_at <= now and (until is None or now < until):
                return period
        period = resolve_period(self._spec, time_zone=self._time_zone, week_start=self._week_start, now=now)
        self._last = period, self.until(period)
        return period

    def until(self, period: Period) -> datetime | None:
        return holds_until(self._spec, period)


@lru_cache(maxsize=1024)
def _found(spec: PeriodSpec, time_zone: str, week_start: Weekday) -> Found:
    return Found(spec, time_zone, week_start)
