"""Batches of webhooks and of messages to them."""

from __future__ import annotations

from db.queries.webhooks import DeliveryRow, WebhookRow, get_deliveries, get_latest_deliveries, get_webhooks
from db.snapshot import Snapshot


async def load_webhook_by_id(snapshot: Snapshot, ids: list[int]) -> list[WebhookRow | None]:
    rows = {row.id: row for row in await get_webhooks(snapshot, ids)}
    return [rows.get(key) for key in ids]


async def load_delivery_by_id(snapshot: Snapshot, ids: list[int]) -> list[DeliveryRow | None]:
    rows = {row.id: row for row in await get_deliveries(snapshot, ids)}
    return [rows.get(key) for key in ids]


async def load_latest_deliveries_by_webhook(snapshot: Snapshot, ids: list[int], first: int) -> list[list[DeliveryRow]]:
    rows: dict[int, list[DeliveryRow]] = {key: [] for key in ids}
    for row in await get_latest_deliveries(snapshot, ids, first):
        rows[row.webhook_id].append(row)
    return [rows[key] for key in ids]
