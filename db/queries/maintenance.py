"""What grows old and is thrown away, as the worker."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

EXPIRE_KEYS = text("DELETE FROM idempotency_keys WHERE created_at < now() - interval '30 days'")


async def expire_idempotency_keys(connection: AsyncConnection) -> int:
    """Forgets answers to idempotency keys older than 30 days; says how many."""
    return (await connection.execute(EXPIRE_KEYS)).rowcount
