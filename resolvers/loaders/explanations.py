"""Batches of what scores are made of."""

from __future__ import annotations

from datetime import datetime

from db.queries.explanations import Breakdown, ScoreInputs, get_breakdowns, get_excluded_attempts
from db.snapshot import Snapshot


async def load_breakdown_by_inputs(snapshot: Snapshot, inputs: list[ScoreInputs]) -> list[Breakdown]:
    return await get_breakdowns(snapshot, inputs)


async def load_excluded_attempts_by_user(
    snapshot: Snapshot, user_ids: list[int], start: datetime, end: datetime
) -> list[list[tuple[str, int]]]:
    """Reasons with the number of attempts of [start, end) that they keep out of the score."""
    found = await get_excluded_attempts(snapshot, user_ids, start, end)
    return [found.get(key, []) for key in user_ids]
