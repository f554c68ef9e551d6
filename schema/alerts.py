"""Alerts: rules about how the platform runs, and when they held."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Self

import strawberry

from db.queries.alert_rules import AlertOrigin, AlertRuleRow, AlertSeverity
from db.queries.alerts import AlertRow, AlertSelection, AlertStatus
from resolvers.alerts import (
    ORDER,
    ORDER_TYPES,
    resolve_alert,
    resolve_alert_rule,
    resolve_alert_rules,
    resolve_alerts,
)
from resolvers.loaders.users import load_user_by_id
from schema import users
from schema.costs import assumed
from schema.deliveries import DeliveryChannel
from schema.enums import describe_enum
from schema.relay import (
    PAGED,
    After,
    Before,
    Connection,
    First,
    Info,
    Last,
    Node,
    connection_of,
    global_id,
    key_of,
    page_of,
)

if TYPE_CHECKING:
    from schema.users import User

describe_enum(
    AlertSeverity,
    "AlertSeverity",
    "How bad it is.",
    {
        "INFO": "Good to know.",
        "WARNING": "Something to look into.",
        "CRITICAL": "Something to look into now.",
    },
)
describe_enum(
    AlertStatus,
    "AlertStatus",
    "What became of an alert.",
    {
        "FIRING": "The condition holds, and nobody has taken note of it yet.",
        "ACKNOWLEDGED": "The condition holds, and somebody has taken note of it.",
        "RESOLVED": "The condition holds no longer.",
    },
)
describe_enum(
    AlertOrigin,
    "AlertRuleOrigin",
    "Where a rule is from.",
    {
        "DEFAULT": "From the settings `ALERT_THRESHOLD_…` of the workers.",
        "FILE": "From the file `ALERTS_FILE` of the workers.",
        "SAVED": "The organization's own, by saveAlertRule.",
    },
)


@strawberry.type(description="A rule about how the platform runs. For those who may OPERATE.")
class AlertRule(Node):
    name: str = strawberry.field(description="What it is called.")
    condition: str = strawberry.field(
        description="When it holds: comparisons of measures with `and`, `or` and `not`, such as "
        "`error_rate > 0.05 and requests >= 20`."
    )
    summary: str | None = strawberry.field(description="What it means, for people.")
    for_seconds: int = strawberry.field(description="How long the condition must hold until there is an alert.")
    severity: AlertSeverity = strawberry.field(description="How bad it is.")
    channels: list[DeliveryChannel] = strawberry.field(
        description="By what its alerts are told, to where the settings of the workers say.", directives=[assumed(4)]
    )
    enabled: bool = strawberry.field(description="Whether it is judged.")
    origin: AlertOrigin = strawberry.field(description="Where it is from.")
    current_value: float | None = strawberry.field(
        description="What the measure that the condition names first was when the rule was last judged: the largest, where it is of "
        "several things; null where it was not known."
    )
    judged_at: datetime | None = strawberry.field(
        description="When that was; workers do it every 15 seconds. Null if never."
    )

    @classmethod
    def from_row(cls, row: AlertRuleRow) -> Self:
        return cls(
            id=global_id("AlertRule", row.id),
            name=row.name,
            condition=row.condition,
            summary=row.summary,
            for_seconds=row.for_seconds,
            severity=AlertSeverity(row.severity),
            channels=[DeliveryChannel(channel) for channel in row.channels],
            enabled=row.is_enabled,
            origin=AlertOrigin(row.origin),
            current_value=row.current_value,
            judged_at=row.judged_at,
        )

    @classmethod
    async def from_key(cls, info: Info, key: int) -> Self:
        """Raises NotFound."""
        return cls.from_row(await resolve_alert_rule(info.context, key))


@strawberry.type(description="A time when a rule held. Forgotten some months after its end. For those who may OPERATE.")
class Alert(Node):
    row: strawberry.Private[AlertRow]
    status: AlertStatus = strawberry.field(description="What became of it.")
    severity: AlertSeverity = strawberry.field(description="How bad it was when it fired.")
    subject: str | None = strawberry.field(
        description="What it is about: a queue, a view, a topic of events; null where it is about the whole."
    )
    value: float = strawberry.field(
        description="What the measure that the condition names first was when it fired; where that one was not known, the next."
    )
    started_at: datetime = strawberry.field(description="Since when the condition held.")
    fired_at: datetime = strawberry.field(description="When it had held for long enough.")
    resolved_at: datetime | None = strawberry.field(description="When it held no longer; null while it does.")
    acknowledged_at: datetime | None = strawberry.field(description="When somebody took note of it; null before.")
    silenced_until: datetime | None = strawberry.field(
        description="Until when no notices of it are sent, nor when the same fires again; null where they are."
    )

    @classmethod
    def from_row(cls, row: AlertRow) -> Self:
        return cls(
            row=row,
            id=global_id("Alert", row.id),
            status=row.status,
            severity=AlertSeverity(row.severity),
            subject=row.subject,
            value=row.value,
            started_at=row.started_at,
            fired_at=row.fired_at,
            resolved_at=row.resolved_at,
            acknowledged_at=row.acknowledged_at,
            silenced_until=row.silenced_until,
        )

    @classmethod
    async def from_key(cls, info: Info, key: int) -> Self:
        """Raises NotFound."""
        return cls.from_row(await resolve_alert(info.context, key))

    @strawberry.field(description="The rule that held, as it is now.")
    async def rule(self, info: Info) -> AlertRule:
        return await AlertRule.from_key(info, self.row.rule_id)

    @strawberry.field(
        description="Who took note of it; null for a service, and for people whom the viewer may not see."
    )
    async def acknowledged_by(self, info: Info) -> Annotated[User, strawberry.lazy("schema.users")] | None:
        key = self.row.acknowledged_by
        row = await info.context.load(load_user_by_id, key) if key is not None else None
        return users.User.from_row(row) if row else None


@strawberry.type
class AlertQuery:
    @strawberry.field(
        description="Alerts of the platform and of the viewer's organization, newest first. Needs OPERATE.",
        directives=PAGED,
    )
    async def alerts(
        self,
        info: Info,
        status: Annotated[
            AlertStatus | None, strawberry.argument(description="Only those of which this became.")
        ] = None,
        severity: Annotated[
            AlertSeverity | None, strawberry.argument(description="Only those that are so bad.")
        ] = None,
        rule_id: Annotated[strawberry.ID | None, strawberry.argument(description="Only those of this rule.")] = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Alert] | None:
        page = page_of(first, after, last, before, order=ORDER, types=ORDER_TYPES)
        rule_key = None if rule_id is None else key_of("AlertRule", rule_id, "ruleId")
        listing = await resolve_alerts(info.context, AlertSelection(status, severity, rule_key), page)
        return connection_of(page, listing, ORDER, Alert.from_row)

    @strawberry.field(
        description="The rules of the platform, then those of the viewer's organization, by name. Needs OPERATE.",
        directives=[assumed(30)],
    )
    async def alert_rules(self, info: Info) -> list[AlertRule] | None:
        return [AlertRule.from_row(row) for row in await resolve_alert_rules(info.context)]
