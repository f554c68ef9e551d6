"""Moves pending changes into the rollups."""

from __future__ import annotations

import asyncio

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from db.queries.fold import fold_changes

MAX_CHANGES = 10_000
"""How many changes are folded in one transaction: a fraction of a second."""

log = structlog.get_logger(__name__)


async def fold_pending(engine: AsyncEngine, stop: asyncio.Event | None = None) -> int:
    """Folds until nothing is left or ``stop`` is set; the number of changes folded."""
    folded = 0
    while stop is None or not stop.is_set():
        async with engine.begin() as connection:
            moved = await fold_changes(connection, MAX_CHANGES)
        folded += moved
        if moved < MAX_CHANGES:
            break
    if folded:
        log.debug("folded", changes=folded)
    return folded
