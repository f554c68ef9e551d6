"""What waits to be published, as the worker."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

OUTBOX_DAYS = 7
"""After which is forgotten what no broker took."""

# One worker publishes at a time, or events of one subject could overtake each other. An idle poll takes no lock.
LOCK = text("SELECT pg_try_advisory_xact_lock(hashtext('scoregraph.outbox')) WHERE EXISTS (SELECT FROM outbox)")
# Numbers are given in the order of cause and effect: who sees an effect sees its cause, which has a lower number.
WAITING = text("""
SELECT e.id, e.event_id, e.type, o.slug, e.subject, e.data, e.at
FROM outbox e LEFT JOIN organizations o ON o.id = e.organization_id ORDER BY e.id LIMIT :most
""")
FORGET = text("DELETE FROM outbox WHERE id = ANY (CAST(:ids AS bigint[]))")
EXPIRE = text("DELETE FROM outbox WHERE at < now() - make_interval(days => :days)")


class OutgoingEvent(NamedTuple):
    """``event_id`` stays the same however often it is sent; ``organization`` is a slug, None for the platform."""

    id: int
    event_id: UUID
    type: str
    organization: str | None
    subject: str
    data: dict[str, Any]
    at: datetime


async def take_waiting(connection: AsyncConnection, most: int) -> list[OutgoingEvent]:
    """The next to be published, held until the end of the transaction; none where another worker is at it."""
    if not (await connection.execute(LOCK)).scalar_one_or_none():
        return []
    return [OutgoingEvent(*row) for row in await connection.execute(WAITING, {"most": most})]


async def forget_published(connection: AsyncConnection, events: Sequence[OutgoingEvent]) -> None:
    await connection.execute(FORGET, {"ids": [event.id for event in events]})


async def expire_outbox(connection: AsyncConnection) -> int:
    """Forgets what could not be published for OUTBOX_DAYS; how many."""
    return (await connection.execute(EXPIRE, {"days": OUTBOX_DAYS})).rowcount
