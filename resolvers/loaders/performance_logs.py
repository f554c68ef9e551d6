"""Batches of performance logs."""

from __future__ import annotations

from db.keyset import Page
from db.queries.performance_logs import (
    Interval,
    LogEntry,
    LogOrder,
    LogRow,
    count_logs_by_user,
    get_log_pages,
    get_logs_by_attempt,
)
from db.snapshot import Snapshot


async def load_log_page_by_user(
    snapshot: Snapshot, user_ids: list[int], interval: Interval, order: LogOrder, page: Page
) -> list[list[LogRow]]:
    """The same page of each person's own entries, as ``keyset.Listing.of`` takes it."""
    found = await get_log_pages(snapshot, user_ids, interval, order, page)
    return [found.get(key, []) for key in user_ids]


async def load_log_count_by_user(snapshot: Snapshot, user_ids: list[int], interval: Interval) -> list[int]:
    found = await count_logs_by_user(snapshot, user_ids, interval)
    return [found.get(key, 0) for key in user_ids]


async def load_log_by_attempt(snapshot: Snapshot, attempt_ids: list[int]) -> list[LogEntry | None]:
    entries = {entry.attempt_id: entry for entry in await get_logs_by_attempt(snapshot, attempt_ids)}
    return [entries.get(key) for key in attempt_ids]
