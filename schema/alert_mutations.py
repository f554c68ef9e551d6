"""Writing alert rules, and taking note of alerts."""

from __future__ import annotations

from typing import Annotated

import strawberry

from db.queries.alert_rules import DEFAULT_FOR_SECONDS, AlertSeverity
from db.queries.alert_rules import AlertRule as WrittenRule
from resolvers.alert_writes import RuleDraft, resolve_acknowledge_alert, resolve_save_alert_rule
from resolvers.user_errors import Refused
from schema.alerts import Alert, AlertRule
from schema.costs import FEW
from schema.deliveries import DeliveryChannel
from schema.relay import Info
from schema.roster import REPLAYED, USER_ERRORS
from schema.roster_inputs import KEY_DESCRIPTION, key_at
from schema.user_errors import UserError, user_errors_of


@strawberry.input(description="A rule of the organization's own, to make or (id) to change; it is then as said here.")
class SaveAlertRuleInput:
    id: strawberry.ID | None = strawberry.field(default=None, description="The one to change; without it a new one.")
    name: str = strawberry.field(description="What it is called, at most 100 characters; each name once.")
    condition: str = strawberry.field(
        description="When it holds: comparisons of measures with `and`, `or` and `not`, such as "
        "`exports_failed > 3`; of exports and events, those of the organization are measured. An error lists the measures."
    )
    summary: str | None = strawberry.field(
        default=None, description="What it means, for people; at most 500 characters."
    )
    for_seconds: int = strawberry.field(
        default=DEFAULT_FOR_SECONDS, description="How long the condition must hold until there is an alert, 0–604800."
    )
    severity: AlertSeverity = strawberry.field(description="How bad it is.")
    channels: list[DeliveryChannel] = strawberry.field(
        default_factory=list, description="By what its alerts are told, to where the settings of the workers say."
    )
    enabled: bool = strawberry.field(default=True, description="Whether it is judged.")
    idempotency_key: str | None = strawberry.field(default=None, description=KEY_DESCRIPTION)

    def to_draft(self) -> RuleDraft:
        """Raises Refused."""
        summary = self.summary.strip() if self.summary else None
        return RuleDraft(
            None if self.id is None else key_at("AlertRule", self.id, ("input", "id")),
            WrittenRule(
                self.name.strip(),
                self.condition.strip(),
                self.severity,
                self.for_seconds,
                tuple(dict.fromkeys(self.channels)),
                summary or None,
                self.enabled,
            ),
        )


@strawberry.input(description="An alert that somebody has taken note of.")
class AcknowledgeAlertInput:
    id: strawberry.ID = strawberry.field(description="The alert, which fires.")
    silence_for_seconds: int | None = strawberry.field(
        default=None,
        description="For so many seconds, 1–2592000, no notices of it are sent, nor when the same fires again.",
    )
    idempotency_key: str | None = strawberry.field(default=None, description=KEY_DESCRIPTION)


@strawberry.type(description="What became of a rule.")
class SaveAlertRulePayload:
    rule: AlertRule | None = strawberry.field(default=None, description="As it is now.")
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    user_errors: list[UserError] = strawberry.field(default_factory=list, description=USER_ERRORS, directives=FEW)


@strawberry.type(description="What became of an alert.")
class AcknowledgeAlertPayload:
    alert: Alert | None = strawberry.field(default=None, description="As it is now.")
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    user_errors: list[UserError] = strawberry.field(default_factory=list, description=USER_ERRORS, directives=FEW)


@strawberry.type
class AlertMutation:
    @strawberry.mutation(
        description="Makes a rule of the organization's own, or changes one; it is judged within 15 seconds. Those of the settings "
        "and of the file are changed there. Needs OPERATE."
    )
    async def save_alert_rule(
        self, info: Info, input: Annotated[SaveAlertRuleInput, strawberry.argument(description="The rule.")]
    ) -> SaveAlertRulePayload:
        try:
            done = await resolve_save_alert_rule(info.context, input.to_draft(), input.idempotency_key)
        except Refused as refused:
            return SaveAlertRulePayload(user_errors=user_errors_of(refused.errors))
        return SaveAlertRulePayload(rule=await AlertRule.from_key(info, done.ids[0]), replayed=done.replayed)

    @strawberry.mutation(
        description="Says that somebody has taken note of an alert, and perhaps keeps it silent for a while. Needs OPERATE."
    )
    async def acknowledge_alert(
        self, info: Info, input: Annotated[AcknowledgeAlertInput, strawberry.argument(description="Which.")]
    ) -> AcknowledgeAlertPayload:
        try:
            key = key_at("Alert", input.id, ("input", "id"))
            done = await resolve_acknowledge_alert(info.context, key, input.silence_for_seconds, input.idempotency_key)
        except Refused as refused:
            return AcknowledgeAlertPayload(user_errors=user_errors_of(refused.errors))
        return AcknowledgeAlertPayload(alert=await Alert.from_key(info, done.ids[0]), replayed=done.replayed)
