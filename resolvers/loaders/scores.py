"""Batches of scores over a period."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from db.queries.measures import Measures
from db.queries.scores import get_period_performance
from db.snapshot import Snapshot


async def load_period_performance_by_user(
    snapshot: Snapshot, user_ids: list[int], start: datetime, end: datetime
) -> list[tuple[Measures, Decimal | None]]:
    """Measures of [start, end) and the rounded score over the tasks completed in it."""
    found = await get_period_performance(snapshot, user_ids, start, end)
    return [found.get(key, (Measures(), None)) for key in user_ids]
