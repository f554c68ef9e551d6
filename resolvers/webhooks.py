"""Webhooks, for those who may OPERATE. Nobody is told how they fare: an answer about them is not kept."""

from __future__ import annotations

from enum import StrEnum

from db.queries.webhooks import DeliveryRow, WebhookRow, list_webhooks
from resolvers.context import Context
from resolvers.errors import Invalid, NotFound
from resolvers.loaders.webhooks import load_latest_deliveries_by_webhook, load_webhook_by_id
from resolvers.permissions import Permission

MOST_DELIVERIES = 100


class DeliveryState(StrEnum):
    """What became of a message."""

    PENDING = "PENDING"
    DELIVERED = "DELIVERED"
    FAILED = "FAILED"


def state_of(delivery: DeliveryRow) -> DeliveryState:
    if delivery.delivered_at is not None:
        return DeliveryState.DELIVERED
    return DeliveryState.PENDING if delivery.failed_at is None else DeliveryState.FAILED


async def resolve_webhook(context: Context, key: int) -> WebhookRow:
    """Raises NotFound, also without OPERATE."""
    await context.snapshot.at()
    row = await context.load(load_webhook_by_id, key)
    if row is None:
        raise NotFound("webhook")
    return row


async def resolve_webhooks(context: Context) -> list[WebhookRow]:
    """Those of the organization, oldest first. Raises Forbidden."""
    await context.require(Permission.OPERATE)
    await context.snapshot.at()
    return await list_webhooks(context.snapshot)


async def resolve_deliveries(context: Context, key: int, first: int) -> list[DeliveryRow]:
    """The latest to a webhook, newest first. Raises Invalid."""
    if not 0 <= first <= MOST_DELIVERIES:
        raise Invalid(f"From 0 to {MOST_DELIVERIES}.", "first")
    return await context.load(load_latest_deliveries_by_webhook, key, first)
