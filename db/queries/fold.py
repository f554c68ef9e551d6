"""Folding pending changes into the rollups, as the worker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

# The condition is decided before the function is called: an idle poll takes no lock and no number.
FOLD = text("""
SELECT f.folded, f.user_ids, f.lab_ids, f.organization_ids,
  ARRAY(SELECT DISTINCT m.group_id FROM group_memberships m WHERE m.user_id = ANY (f.user_ids)) AS group_ids
FROM fold_attempt_deltas(:max_changes) AS f
WHERE EXISTS (SELECT FROM attempt_deltas)
""")
PENDING = text("SELECT count(*) FROM attempt_deltas")


@dataclass(frozen=True, slots=True)
class FoldRow:
    """What one fold concerned; ``group_ids`` are all groups that its people are or were in."""

    folded: int
    user_ids: Sequence[int]
    lab_ids: Sequence[int]
    organization_ids: Sequence[int]
    group_ids: Sequence[int]


async def fold_changes(connection: AsyncConnection, max_changes: int) -> FoldRow | None:
    """Folds the oldest pending changes; None where there are none, or another worker is at it."""
    row = (await connection.execute(FOLD, {"max_changes": max_changes})).one_or_none()
    return FoldRow(*row) if row else None


async def count_pending(connection: AsyncConnection) -> int:
    """How many changes wait to be folded."""
    return int((await connection.execute(PENDING)).scalar_one())
