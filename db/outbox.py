"""The outbox: what happened, written down in the transaction of its effect, so that it is told if and only if that commits.

A worker publishes it to the stream; a trigger asks for its delivery to the webhooks that want to know of it. Whoever hears of it
may hear of it twice, with the same id.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection


class EventType(StrEnum):
    """What can have happened: the name in the graph, and the type of the event."""

    ATTEMPT_RECORDED = "AttemptRecorded"
    ANALYTICS_UPDATED = "AnalyticsUpdated"
    EXPORT_READY = "ReportGenerated"
    EXPORT_FAILED = "ReportFailed"
    AWARD_GRANTED = "AwardGranted"
    ALERT_FIRED = "metrics.alert"


TELL = text("""
INSERT INTO outbox (organization_id, type, subject, data) VALUES (:organization_id, :type, :subject, CAST(:data AS jsonb))
""")


async def tell(
    connection: AsyncConnection,
    event_type: EventType,
    organization_id: int | None,
    subject: str,
    data: Mapping[str, Any],
) -> None:
    """Tells of something once the caller's transaction commits.

    ``subject`` is what it is about, such as ``users/ben`` (an id of the source system) or ``alerts/7``: events of one subject are
    published in their order. ``data`` is a JSON object (instants and dates are written as ISO 8601), with no names of people and
    no secrets: streams and webhooks carry it out of the house. ``organization_id`` None is the whole platform: webhooks of every
    organization hear of it; that is for workers, viewers tell only of their own organization.
    """
    values = {"organization_id": organization_id, "type": event_type.value, "subject": subject}
    await connection.execute(TELL, {**values, "data": orjson.dumps(dict(data)).decode()})
