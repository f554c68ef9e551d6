"""What has to happen now and then."""

from __future__ import annotations

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from db.queries.maintenance import expire_idempotency_keys

MAINTENANCE_SECONDS = 600.0

log = structlog.get_logger(__name__)


async def maintain(engine: AsyncEngine) -> None:
    """Throws away what is too old."""
    async with engine.begin() as connection:
        expired = await expire_idempotency_keys(connection)
    if expired:
        log.info("idempotency_keys_expired", keys=expired)
