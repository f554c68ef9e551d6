"""Who is told of an alert that fires or ends, in the transaction in which it does: once each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from db.delivery_targets import DeliveryChannel
from db.outbox import EventType, tell
from db.queries.alert_judging import Told, ask_for_notice, list_told
from settings import Settings
from workers.alerts.targets import targets_of, without_target

log = structlog.get_logger(__name__)


async def tell_alerts(connection: AsyncConnection, settings: Settings, ids: Sequence[int]) -> None:
    """Of alerts that fire now, and of those that have fired and end now. Notices are sent once the transaction is committed."""
    for alert in await list_told(connection, ids):
        log.warning(
            "alert_fired" if alert.resolved_at is None else "alert_resolved",
            alert=alert.id,
            rule=alert.rule,
            severity=alert.severity,
            subject=alert.subject,
        )
        await tell(connection, EventType.ALERT_FIRED, alert.organization_id, f"alerts/{alert.id}", _event(alert))
        if not alert.is_silent:
            await _ask_for_notices(connection, settings, alert)


def _event(alert: Told) -> dict[str, Any]:
    """For programs; also where people are spared."""
    return {
        "rule": alert.rule,
        "condition": alert.condition,
        "summary": alert.summary,
        "severity": alert.severity,
        "status": "FIRING" if alert.resolved_at is None else "RESOLVED",
        "subject": alert.subject,
        "value": alert.value,
        "startedAt": alert.started_at,
        "firedAt": alert.fired_at,
        "resolvedAt": alert.resolved_at,
    }


async def _ask_for_notices(connection: AsyncConnection, settings: Settings, alert: Told) -> None:
    """One for each target: what one does not take is sent again to that one alone."""
    for name in alert.channels:
        for place, _ in enumerate(targets_of(settings, DeliveryChannel(name))):
            await ask_for_notice(connection, alert, name, place)
    if missing := without_target(settings, alert.channels):
        log.warning("alert_without_target", rule=alert.rule, channels=[channel.value for channel in missing])
