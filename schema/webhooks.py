"""Webhooks: where others are told of events, and how that went."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self

import strawberry

from db.outbox import EventType
from db.queries.webhooks import DeliveryRow, WebhookRow
from execution.columns import column
from resolvers.webhooks import DeliveryState, resolve_deliveries, resolve_webhook, resolve_webhooks, state_of
from schema.costs import BY_FIRST, assumed
from schema.enums import describe_enum
from schema.relay import ID_DESCRIPTION, Info, Node, global_id, node_id

describe_enum(
    EventType,
    "WebhookEvent",
    "What others can be told of. The type of the event is in parentheses.",
    {
        "ATTEMPT_RECORDED": "An attempt was recorded, or one that had begun has ended (AttemptRecorded).",
        "ANALYTICS_UPDATED": "Sums, scores and trends have moved; at most twice a second (AnalyticsUpdated).",
        "EXPORT_READY": "The file of an export can be had (ReportGenerated).",
        "EXPORT_FAILED": "There will be no file of an export (ReportFailed).",
        "AWARD_GRANTED": "Somebody has earned an award (AwardGranted).",
        "ALERT_FIRED": "An alert has fired (metrics.alert).",
    },
)
TYPES = {event.value for event in EventType}

describe_enum(
    DeliveryState,
    "WebhookDeliveryState",
    "What became of a message.",
    {
        "PENDING": "It waits to be posted, perhaps again.",
        "DELIVERED": "It was taken.",
        "FAILED": "It was given up.",
    },
)


@strawberry.type(
    description="A message for a webhook: tried eight times in a day, then given up. Forgotten a week after its event."
)
class WebhookDelivery:
    id: strawberry.ID = strawberry.field(description=ID_DESCRIPTION)
    event: EventType | None = strawberry.field(description="What happened; null for a test.")
    at: datetime = strawberry.field(description="When it did.")
    state: DeliveryState = strawberry.field(description="What became of the message.")
    status: int | None = strawberry.field(description="HTTP status of the last answer; null where there was none.")
    tries: int = strawberry.field(description="How often it was posted.")
    next_try_at: datetime | None = strawberry.field(
        description="When it is posted next, the webhook being well; null once it is over."
    )
    delivered_at: datetime | None = strawberry.field(description="When it was taken; null if it was not.")
    error: str | None = strawberry.field(description="Why the last try failed; null where it did not.")

    @classmethod
    def from_row(cls, row: DeliveryRow) -> Self:
        return cls(
            id=global_id("WebhookDelivery", row.id),
            event=EventType(row.type) if row.type in TYPES else None,
            at=row.at,
            state=state_of(row),
            status=row.status,
            tries=row.tries,
            next_try_at=row.next_try_at,
            delivered_at=row.delivered_at,
            error=row.error,
        )


@strawberry.type(
    description="Where events are posted to, as CloudEvents (JSON) signed as Standard Webhooks has it: compare `webhook-signature` "
    "with the HMAC-SHA256 of `webhook-id`, `webhook-timestamp` and body, by the secret. A message may come twice, with the same id, "
    "and messages in any order. For those who may OPERATE."
)
class Webhook(Node):
    row: strawberry.Private[WebhookRow]
    id: strawberry.ID = node_id("Webhook")
    url: str = column("url", description="Where; its path and query may be secret.")
    events: list[EventType] = column(
        lambda events: [EventType(event) for event in events],
        description="What is posted.",
    )
    enabled: bool = column("is_enabled", description="Whether anything is.")
    created_at: datetime = column("created_at", description="When it was set up.")
    failing_since: datetime | None = column(
        "failing_since", description="Since when it takes nothing; null where all is well."
    )
    disabled_at: datetime | None = column(
        "disabled_at", description="When it was disabled by us, since it took nothing; null if it was not."
    )
    disabled_reason: str | None = column("disabled_reason", description="Why that was.")

    @classmethod
    def from_row(cls, row: WebhookRow) -> Self:
        return cls(row=row)

    @classmethod
    async def from_key(cls, info: Info, key: int) -> Self:
        """Raises NotFound."""
        return cls.from_row(await resolve_webhook(info.context, key))

    @strawberry.field(description="The latest messages, newest first.", directives=[BY_FIRST])
    async def deliveries(
        self, info: Info, first: Annotated[int, strawberry.argument(description="How many, at most 100.")] = 20
    ) -> list[WebhookDelivery]:
        rows = await resolve_deliveries(info.context, self.row.id, first)
        return [WebhookDelivery.from_row(row) for row in rows]


@strawberry.type
class WebhookQuery:
    @strawberry.field(
        description="The webhooks of the organization, oldest first. Needs OPERATE.", directives=[assumed(20)]
    )
    async def webhooks(self, info: Info) -> list[Webhook] | None:
        return [Webhook.from_row(row) for row in await resolve_webhooks(info.context)]
