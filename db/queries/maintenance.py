"""What grows old and is thrown away, and what had better be in memory, as the worker."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

EXPIRE_KEYS = text("DELETE FROM idempotency_keys WHERE created_at < now() - interval '30 days'")

# What the first page of anybody reads, so that the disk is read before somebody waits for it: after a restart, or when imports
# have pushed it out. The server keeps large tables read like this from pushing out others.
WARMED = (
    text("SELECT count(display_name) FROM users"),
    text("SELECT count(valid_from) FROM group_memberships"),
    text("SELECT sum(attempts) FROM user_totals"),
    text("SELECT sum(length(attempts)) FROM user_topic_packs"),
    text("SELECT sum(attempts) FROM user_days WHERE day >= current_date - 30"),
    text("SELECT sum(attempts) FROM lab_days WHERE day >= current_date - 30"),
)


async def expire_idempotency_keys(connection: AsyncConnection) -> int:
    """Forgets answers to idempotency keys older than 30 days; says how many."""
    return (await connection.execute(EXPIRE_KEYS)).rowcount


async def warm(connection: AsyncConnection) -> None:
    """Reads what is read most, so that it is in memory."""
    for statement in WARMED:
        await connection.execute(statement)
