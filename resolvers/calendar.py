"""Which calendar a request is answered in: the zone asked for, else the organization's; weeks begin on Monday."""

from __future__ import annotations

from resolvers.context import Context
from resolvers.periods import Period, PeriodSpec, Weekday, holds_until, resolve_period


async def resolve_context_period(
    context: Context, spec: PeriodSpec, time_zone: str | None = None, week_start: Weekday = Weekday.MONDAY
) -> Period:
    """The period at the instant of the snapshot. Raises PeriodError."""
    zone = time_zone or await context.snapshot.time_zone()
    return await context.snapshot.lasting(
        lambda now: resolve_period(spec, time_zone=zone, week_start=week_start, now=now),
        lambda period: holds_until(spec, period),
    )
