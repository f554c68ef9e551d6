"""To whom files of exports are delivered."""

from __future__ import annotations

from datetime import datetime
from typing import Self

import strawberry

from db.delivery_targets import DeliveryChannel
from db.queries.deliveries import DeliveryRow, DeliveryStatus, Target
from db.queries.report_schedules import ScheduleDeliveryRow
from resolvers.deliveries import MOST_TARGETS
from schema.enums import describe_enum

DELIVERIES = (
    f"To whom the file is delivered, at most {MOST_TARGETS}. By e-mail only to people of the organization who may see what is in it, and "
    "to domains that the operator allows."
)
MASKED = "The address, chat or URL, masked: nobody is shown more of it."
ATTACH = "Whether the file goes with the message, up to 5 MiB; otherwise only the link to it."

describe_enum(
    DeliveryChannel,
    "DeliveryChannel",
    "How something is delivered.",
    {
        "EMAIL": "To an e-mail address.",
        "SLACK": "By an incoming webhook of Slack: the target is its URL.",
        "TELEGRAM": "By the operator's bot: the target is the number of a chat, or the @name of a channel.",
        "WEBHOOK": "By a signed POST to a URL (Standard Webhooks).",
    },
)
describe_enum(
    DeliveryStatus,
    "DeliveryStatus",
    "What became of a delivery.",
    {
        "PENDING": "It waits for the file, or is tried again.",
        "SENT": "The receiving side took it.",
        "FAILED": "It was not taken, and is not tried again; see the error.",
    },
)


@strawberry.input(description="To whom a file is delivered.")
class DeliveryInput:
    channel: DeliveryChannel = strawberry.field(description="How.")
    target: str = strawberry.field(description="The e-mail address, chat, or URL; see the channel.")
    secret: str | None = strawberry.field(
        default=None,
        description="What a WEBHOOK is signed with: `whsec_` and 24 to 64 bytes in base64. Never shown again.",
    )
    attach: bool = strawberry.field(default=False, description=f"{ATTACH} For EMAIL.")


@strawberry.type(description="To whom each run of a schedule is delivered.")
class Delivery:
    channel: DeliveryChannel = strawberry.field(description="How.")
    target: str = strawberry.field(description=MASKED)
    attach: bool = strawberry.field(description=ATTACH)

    @classmethod
    def from_row(cls, row: ScheduleDeliveryRow) -> Self:
        return cls(channel=DeliveryChannel(row.channel), target=row.masked, attach=row.attach)


@strawberry.type(description="To whom the file of an export is delivered, and what became of it.")
class ExportDelivery:
    channel: DeliveryChannel = strawberry.field(description="How.")
    target: str = strawberry.field(description=MASKED)
    attach: bool = strawberry.field(description=ATTACH)
    status: DeliveryStatus = strawberry.field(description="What became of it.")
    tries: int = strawberry.field(description="How often it was tried.")
    error: str | None = strawberry.field(description="Why it was not taken the last time; null where it was.")
    sent_at: datetime | None = strawberry.field(description="When it was taken; null before.")

    @classmethod
    def from_row(cls, row: DeliveryRow) -> Self:
        return cls(
            channel=DeliveryChannel(row.channel),
            target=row.masked,
            attach=row.attach,
            status=DeliveryStatus(row.status),
            tries=row.tries,
            error=row.error,
            sent_at=row.sent_at,
        )


def targets_of(given: list[DeliveryInput] | None) -> tuple[Target, ...]:
    return tuple(Target(one.channel, one.target, one.secret, one.attach) for one in given or ())
