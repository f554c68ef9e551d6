"""Writing an organization's own alert rules, and taking note of alerts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from db.alerts.conditions import ConditionError, parse
from db.entering import Viewer
from db.queries.alert_rules import (
    LONGEST_FOR_SECONDS,
    LONGEST_NAME,
    LONGEST_SUMMARY,
    MOST_RULES,
    AlertRule,
    count_rules,
    find_rule,
    insert_rule,
    lock_rules,
    text_complaint,
    update_rule,
)
from db.queries.alerts import AlertStatus, acknowledge_alert, lock_alert
from resolvers.argument_names import argument_name
from resolvers.context import Context
from resolvers.keyed_changes import Done, change
from resolvers.permissions import Permission
from resolvers.user_errors import InvalidStateError, NotFoundError, Refused, UserError, ValidationError

LONGEST_SILENCE = 30 * 86_400


@dataclass(frozen=True, slots=True)
class RuleDraft:
    """``key`` None: a new one."""

    key: int | None
    rule: AlertRule

    def checked_body(self) -> Mapping[str, Any]:
        """What was said, by argument. Raises Refused."""
        if errors := list(_complaints(self.rule)):
            raise Refused(*errors)
        return {"id": self.key, **{argument_name(name): value for name, value in asdict(self.rule).items()}}


async def resolve_save_alert_rule(context: Context, draft: RuleDraft, key: str | None) -> Done:
    """Makes or changes a rule of the viewer's organization. Raises Refused, Unauthenticated."""

    async def work(connection: AsyncConnection, viewer: Viewer) -> list[int]:
        await lock_rules(connection, viewer.organization_id)
        namesake = await find_rule(connection, viewer.organization_id, draft.rule.name)
        if namesake not in (None, draft.key):
            message = "Another rule of the organization has this name."
            raise Refused(ValidationError(message, ("input", "name"), "DUPLICATE"))
        if draft.key is None:
            if await count_rules(connection, viewer.organization_id) >= MOST_RULES:
                message = f"An organization has at most {MOST_RULES} rules; change one that is not needed any more."
                raise Refused(ValidationError(message, ("input",), "SIZE"))
            return [await insert_rule(connection, viewer.organization_id, draft.rule)]
        if not await update_rule(connection, viewer.organization_id, draft.key, draft.rule):
            raise Refused(NotFoundError("The organization has no such rule of its own.", ("input", "id")))
        return [draft.key]

    return await change(context, Permission.OPERATE, "saveAlertRule", key, draft.checked_body, work)


async def resolve_acknowledge_alert(
    context: Context, alert_id: int, silent_seconds: int | None, key: str | None
) -> Done:
    """Says that somebody has taken note of an alert that fires. Raises Refused, Unauthenticated."""

    def body() -> Mapping[str, Any]:
        if silent_seconds is not None and not 1 <= silent_seconds <= LONGEST_SILENCE:
            message = f"Silence lasts 1 to {LONGEST_SILENCE} seconds."
            raise Refused(ValidationError(message, ("input", "silenceForSeconds"), "RANGE"))
        return {"id": alert_id, "silenceForSeconds": silent_seconds}

    async def work(connection: AsyncConnection, viewer: Viewer) -> list[int]:
        fires = await lock_alert(connection, alert_id)
        if fires is None:
            raise Refused(NotFoundError("There is no such alert.", ("input", "id")))
        if not fires:
            message = "The alert is resolved already."
            raise Refused(InvalidStateError(message, ("input", "id"), AlertStatus.RESOLVED.value))
        await acknowledge_alert(connection, alert_id, viewer.user_id, silent_seconds)
        return [alert_id]

    return await change(context, Permission.OPERATE, "acknowledgeAlert", key, body, work)


def _complaints(rule: AlertRule) -> list[UserError]:
    errors: list[UserError] = []
    for name, text, longest in (("name", rule.name, LONGEST_NAME), ("summary", rule.summary, LONGEST_SUMMARY)):
        if text is not None and (complaint := text_complaint(text, longest)) is not None:
            errors.append(ValidationError(complaint, ("input", name), "TEXT"))
    try:
        parse(rule.condition)
    except ConditionError as error:
        errors.append(ValidationError(str(error), ("input", "condition"), "FORMAT"))
    if not 0 <= rule.for_seconds <= LONGEST_FOR_SECONDS:
        message = f"A condition is to hold for 0 to {LONGEST_FOR_SECONDS} seconds."
        errors.append(ValidationError(message, ("input", "forSeconds"), "RANGE"))
    return errors
