"""Folding pending changes into the rollups, as the worker."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

# The condition is decided before the function is called: an idle poll takes no lock and no number. Each organization is told
# once of a fold, however much of it has changed.
FOLD = text("""
WITH done AS MATERIALIZED (
  SELECT folded, user_ids FROM fold_attempt_deltas(:max_changes) WHERE EXISTS (SELECT FROM attempt_deltas)
), told AS (
  INSERT INTO outbox (organization_id, type, subject, data)
  SELECT o.id, 'AnalyticsUpdated', 'organizations/' || o.slug, jsonb_build_object('people', c.people)
  FROM done CROSS JOIN LATERAL (
    SELECT organization_id, count(*) AS people FROM users WHERE id = ANY (done.user_ids) GROUP BY organization_id
  ) AS c JOIN organizations o ON o.id = c.organization_id
)
SELECT folded FROM done
""")
PENDING = text("SELECT count(*) FROM attempt_deltas")


async def fold_changes(connection: AsyncConnection, max_changes: int) -> int:
    """Folds the oldest pending changes and gives how many; 0 where there are none, or another worker is at it."""
    return (await connection.execute(FOLD, {"max_changes": max_changes})).scalar_one_or_none() or 0


async def count_pending(connection: AsyncConnection) -> int:
    """How many changes wait to be folded."""
    return int((await connection.execute(PENDING)).scalar_one())
