"""What the worker does now and then."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncEngine

from tests.conftest import Database
from tests.workers.asking import execute, value
from workers.maintenance import maintain


async def test_forgets_answers_after_thirty_days(school: Database, engine: AsyncEngine) -> None:
    execute(
        school,
        """
        INSERT INTO idempotency_keys (organization_id, owner, operation, key, body, created_at)
        SELECT id, 'ada', 'recordAttempt', age::text, '{}', now() - age
        FROM organizations, unnest(ARRAY[interval '31 days', interval '29 days']) AS age
        """,
    )
    await maintain(engine)
    assert value(school, "SELECT array_agg(DISTINCT key) FROM idempotency_keys") == ["29 days"]
