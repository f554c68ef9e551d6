"""Batches of daily snapshots."""

from __future__ import annotations

from datetime import date

from db.keyset import Page
from db.queries.snapshots import SnapshotPage, count_snapshots, get_snapshot_pages
from db.snapshot import Snapshot


async def load_snapshot_page_by_user(
    snapshot: Snapshot, user_ids: list[int], first: date, end: date, page: Page
) -> list[SnapshotPage]:
    """The same page of each person's own days, as ``keyset.Listing.of`` takes it."""
    found = await get_snapshot_pages(snapshot, user_ids, first, end, page)
    return [found.get(key, []) for key in user_ids]


async def load_snapshot_count_by_user(snapshot: Snapshot, user_ids: list[int], first: date, end: date) -> list[int]:
    found = await count_snapshots(snapshot, user_ids, first, end)
    return [found.get(key, 0) for key in user_ids]
