"""Who is told of an alert that fires or ends, in the transaction in which it does: once each."""

from __future__ import annotations

from collections.abc import Sequence

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from db.queries.alert_judging import list_told
from settings import Settings

log = structlog.get_logger(__name__)


async def tell_alerts(connection: AsyncConnection, settings: Settings, ids: Sequence[int]) -> None:
    """Of alerts that have fired, and of which some have ended, now."""
    for alert in await list_told(connection, ids):
        log.warning(
            "alert_fired" if alert.resolved_at is None else "alert_resolved",
            alert=alert.id,
            rule=alert.rule,
            severity=alert.severity,
            subject=alert.subject,
        )
