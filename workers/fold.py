"""Moves pending changes into the rollups and tells whom they concern."""

from __future__ import annotations

import asyncio

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from db.changes import EVERYTHING, Changes, tags_of
from db.queries.fold import FoldRow, fold_changes

MAX_CHANGES = 10_000
"""How many changes are folded in one transaction: a fraction of a second."""
MAX_TAGS = 2_000
"""Where more would be told (an import), one tag stands for everything."""

log = structlog.get_logger(__name__)


async def fold_pending(engine: AsyncEngine, changes: Changes, stop: asyncio.Event | None = None) -> int:
    """Folds until nothing is left or ``stop`` is set, telling the tags after each commit; the number of changes folded."""
    folded = 0
    while stop is None or not stop.is_set():
        async with engine.begin() as connection:
            row = await fold_changes(connection, MAX_CHANGES)
        if row is None:
            break
        await changes.publish(tags_concerned(row))
        folded += row.folded
        if row.folded < MAX_CHANGES:
            break
    if folded:
        log.debug("folded", changes=folded)
    return folded


def tags_concerned(row: FoldRow) -> list[str]:
    """The tags of a fold: its people, their groups, its labs and organizations."""
    tags = tags_of(users=row.user_ids, groups=row.group_ids, labs=row.lab_ids, organizations=row.organization_ids)
    return tags if len(tags) <= MAX_TAGS else [EVERYTHING]
