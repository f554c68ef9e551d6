"""Who may read which performance logs."""

from __future__ import annotations

from db.keyset import Listing, Page
from db.queries.performance_logs import Interval, LogEntry, LogOrder, LogSelection, count_logs, list_logs
from resolvers.calendar import resolve_context_period
from resolvers.context import Context
from resolvers.errors import NotFound
from resolvers.loaders.performance_logs import (
    load_log_by_attempt,
    load_log_count_by_user,
    load_log_page_by_user,
)
from resolvers.periods import PeriodSpec
from resolvers.permissions import Permission


async def resolve_performance_log(context: Context, key: int) -> LogEntry:
    """The entry of an attempt. Raises NotFound, also where the attempt is not counted (any more) or another's."""
    entry = await context.load(load_log_by_attempt, key)
    if entry is None:
        raise NotFound("performancelog")
    return entry


async def resolve_user_logs(
    context: Context, user_id: int, spec: PeriodSpec | None, order: LogOrder, page: Page
) -> Listing[LogEntry]:
    """A page of one person's entries. Raises PeriodError."""
    interval = Interval()
    if spec is not None:
        period = await resolve_context_period(context, spec)
        interval = Interval(period.start, period.end)

    async def count(bound: int | None) -> int:
        return await context.load(load_log_count_by_user, user_id, interval)

    rows = await context.load(load_log_page_by_user, user_id, interval, order, page)
    return Listing.of(page, rows, count)


async def resolve_performance_logs(context: Context, selection: LogSelection, page: Page) -> Listing[LogEntry]:
    """A page of everybody's entries, newest first. Raises Forbidden without VIEW_AUDIT_LOG."""
    await context.require(Permission.VIEW_AUDIT_LOG)
    snapshot = context.snapshot

    async def count(bound: int | None) -> int:
        return await count_logs(snapshot, selection, bound)

    return Listing.of(page, await list_logs(snapshot, selection, page), count)
