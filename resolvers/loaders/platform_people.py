"""Batches of what people did on the platform."""

from __future__ import annotations

from datetime import datetime

from db.queries.platform_people import Logins, get_logins
from db.snapshot import Snapshot


async def load_logins_by_period(snapshot: Snapshot, periods: list[tuple[datetime, datetime]]) -> list[Logins]:
    """Periods are few: one, but for aliases."""
    return [await get_logins(snapshot, start, end) for start, end in periods]
