"""Webhooks and what became of messages to them, as those who operate the platform see and change them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from db.snapshot import Snapshot
from db.statement import sql


class WebhookRow(NamedTuple):
    """``events`` are types. ``failing_since``: since when it takes nothing. ``disabled_reason``: why we disabled it."""

    id: int
    url: str
    events: Sequence[str]
    is_enabled: bool
    created_at: datetime
    failing_since: datetime | None
    disabled_at: datetime | None
    disabled_reason: str | None


class DeliveryRow(NamedTuple):
    """``at`` is when the event happened; ``status`` of HTTP, ``error`` of the last try that failed."""

    id: int
    webhook_id: int
    type: str
    at: datetime
    tries: int
    next_try_at: datetime | None
    delivered_at: datetime | None
    failed_at: datetime | None
    status: int | None
    error: str | None


_WEBHOOK = ", ".join(WebhookRow._fields)
_DELIVERY = ", ".join(DeliveryRow._fields)

WEBHOOKS = sql(f"SELECT {_WEBHOOK} FROM webhooks ORDER BY id")
WEBHOOKS_BY_ID = sql(f"SELECT {_WEBHOOK} FROM webhooks WHERE id = ANY (:ids)")
LATEST_DELIVERIES = sql(f"""
SELECT {", ".join(f"d.{name}" for name in DeliveryRow._fields)}
FROM unnest(CAST(:ids AS bigint[])) AS w (id) CROSS JOIN LATERAL (
  SELECT {_DELIVERY} FROM webhook_deliveries WHERE webhook_id = w.id ORDER BY id DESC LIMIT :first
) AS d ORDER BY d.id DESC
""")
DELIVERIES_BY_ID = sql(f"SELECT {_DELIVERY} FROM webhook_deliveries WHERE id = ANY (:ids)")

COUNT = text("SELECT count(*) FROM webhooks")
ADD = text("""
INSERT INTO webhooks (organization_id, url, events, is_enabled)
VALUES (:organization_id, :url, CAST(:events AS text[]), :is_enabled) RETURNING id
""")
# What is enabled begins anew, whatever became of it before.
CHANGE = text("""
UPDATE webhooks SET url = :url, events = CAST(:events AS text[]), is_enabled = :is_enabled, failures = 0, failing_since = NULL,
  held_until = NULL, disabled_at = NULL, disabled_reason = NULL
WHERE id = :id RETURNING id
""")
DELETE = text("DELETE FROM webhooks WHERE id = :id RETURNING id")
KEEP_SECRET = text("SELECT keep_webhook_secret(:id, :secret)")
TEST = text("SELECT test_webhook(:id)")


async def list_webhooks(snapshot: Snapshot) -> list[WebhookRow]:
    return [WebhookRow(*row) for row in await snapshot.rows(WEBHOOKS)]


async def get_webhooks(snapshot: Snapshot, ids: Sequence[int]) -> list[WebhookRow]:
    return [WebhookRow(*row) for row in await snapshot.rows(WEBHOOKS_BY_ID, ids=ids)]


async def get_latest_deliveries(snapshot: Snapshot, webhook_ids: Sequence[int], first: int) -> list[DeliveryRow]:
    """The ``first`` of each, newest first."""
    return [DeliveryRow(*row) for row in await snapshot.rows(LATEST_DELIVERIES, ids=webhook_ids, first=first)]


async def get_deliveries(snapshot: Snapshot, ids: Sequence[int]) -> list[DeliveryRow]:
    return [DeliveryRow(*row) for row in await snapshot.rows(DELIVERIES_BY_ID, ids=ids)]


async def count_webhooks(connection: AsyncConnection) -> int:
    """Those of the viewer's organization."""
    return int((await connection.execute(COUNT)).scalar_one())


async def add_webhook(
    connection: AsyncConnection, organization_id: int, url: str, events: Sequence[str], is_enabled: bool
) -> int:
    values = {"organization_id": organization_id, "url": url, "events": list(events), "is_enabled": is_enabled}
    return int((await connection.execute(ADD, values)).scalar_one())


async def change_webhook(
    connection: AsyncConnection, id: int, url: str, events: Sequence[str], is_enabled: bool
) -> bool:
    """Whether there is such a one."""
    values = {"id": id, "url": url, "events": list(events), "is_enabled": is_enabled}
    return (await connection.execute(CHANGE, values)).one_or_none() is not None


async def delete_webhook(connection: AsyncConnection, id: int) -> bool:
    """Whether there was such a one. What waited for it is gone, too."""
    return (await connection.execute(DELETE, {"id": id})).one_or_none() is not None


async def keep_secret(connection: AsyncConnection, id: int, secret: str) -> bool:
    """What messages are signed with from now on; whether there is such a webhook."""
    return bool((await connection.execute(KEEP_SECRET, {"id": id, "secret": secret})).scalar_one())


async def ask_for_test(connection: AsyncConnection, id: int) -> int | None:
    """Has a message posted that says nothing. The delivery's id; None where there is no such webhook, or it is disabled."""
    asked: int | None = (await connection.execute(TEST, {"id": id})).scalar_one()
    return asked
