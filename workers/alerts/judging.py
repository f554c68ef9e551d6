"""One round of alerts: rules are judged by what is measured now, and alerts begin, fire and end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from db.alerts.conditions import Condition, ConditionError, Outcome, Reading, parse
from db.queries.alert_judging import (
    JudgedRule,
    OpenAlert,
    begin_alert,
    begin_anew,
    end_alerts,
    fire_alerts,
    list_judged_rules,
    list_open,
    note_judged,
    read_measure,
    take_turn,
)
from settings import Settings
from workers.alerts.telling import tell_alerts

GAP_SECONDS = 120.0
"""After which nothing is known of what held meanwhile: conditions begin to hold anew."""

Readings = Mapping[int | None, Mapping[str, Reading]]
"""Measures by name, of the platform (None) and of organizations."""

log = structlog.get_logger(__name__)


@dataclass
class Round:
    """What becomes of alerts. ``values`` of rules by id, ``begun`` and ``due`` of alerts."""

    values: dict[int, float | None] = field(default_factory=dict)
    begun: list[tuple[JudgedRule, str | None, float]] = field(default_factory=list)
    due: list[tuple[int, float]] = field(default_factory=list)
    anew: list[int] = field(default_factory=list)
    ended: list[OpenAlert] = field(default_factory=list)


async def judge_rules(engine: AsyncEngine, settings: Settings) -> bool:
    """Judges every rule and tells of the alerts that fire or end now, in one transaction. False: another worker is at it."""
    async with engine.begin() as connection:
        if not await take_turn(connection):
            return False
        rules = _understood(await list_judged_rules(connection, GAP_SECONDS))
        readings = await _read(connection, rules)
        opened = await list_open(connection)
        await tell_alerts(connection, settings, await _write(connection, decide(rules, readings, opened)))
    return True


def decide(
    rules: Sequence[tuple[JudgedRule, Condition | None]], readings: Readings, opened: Sequence[OpenAlert]
) -> Round:
    """What becomes of ``opened``, and what begins. Nothing becomes of the alerts of a rule that is not understood."""
    result = Round()
    left = {(alert.rule_id, alert.subject): alert for alert in opened}
    for rule, condition in rules:
        if condition is None:
            left = {key: alert for key, alert in left.items() if alert.rule_id != rule.id}
            continue
        outcomes = condition.judge(readings[rule.organization_id])
        known = [outcome.value for outcome in outcomes.values() if outcome.value is not None]
        result.values[rule.id] = max(known, default=None)
        for subject, outcome in outcomes.items():
            if outcome.holds:
                _hold(result, rule, subject, outcome, left.pop((rule.id, subject), None))
    # Those that hold no longer, and those whose rule is disabled or gone.
    result.ended = list(left.values())
    return result


def _hold(result: Round, rule: JudgedRule, subject: str | None, outcome: Outcome, alert: OpenAlert | None) -> None:
    if alert is None:
        result.begun.append((rule, subject, outcome.known_value))
    elif alert.has_fired:
        pass
    elif rule.is_resumed:
        result.anew.append(alert.id)
    elif alert.held_seconds >= rule.for_seconds:
        result.due.append((alert.id, outcome.known_value))


def _understood(rules: Sequence[JudgedRule]) -> list[tuple[JudgedRule, Condition | None]]:
    """With their conditions; None for one that another version of the worker has written down."""
    read: list[tuple[JudgedRule, Condition | None]] = []
    for rule in rules:
        try:
            read.append((rule, parse(rule.condition)))
        except ConditionError as error:
            log.warning("alert_rule_not_understood", rule=rule.id, reason=str(error))
            read.append((rule, None))
    return read


async def _read(connection: AsyncConnection, rules: Sequence[tuple[JudgedRule, Condition | None]]) -> Readings:
    readings: dict[int | None, dict[str, Reading]] = {rule.organization_id: {} for rule, _ in rules}
    for rule, condition in rules:
        known = readings[rule.organization_id]
        for name in condition.measures if condition else ():
            if name not in known:
                known[name] = await read_measure(connection, name, rule.organization_id)
    return readings


async def _write(connection: AsyncConnection, result: Round) -> list[int]:
    """The ids of those that fire or end now."""
    await note_judged(connection, result.values)
    due = list(result.due)
    for rule, subject, value in result.begun:
        alert_id = await begin_alert(connection, rule.id, subject, value)
        if rule.for_seconds == 0:
            due.append((alert_id, value))
    await begin_anew(connection, result.anew)
    await fire_alerts(connection, due)
    await end_alerts(connection, [alert.id for alert in result.ended])
    return [id for id, _ in due] + [alert.id for alert in result.ended if alert.has_fired]
