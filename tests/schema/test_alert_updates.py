"""Alerts as those who follow them are told of them."""

from __future__ import annotations

from typing import Any

from resolvers.live import History, Live
from schema.graph import graph
from tests.asking import Asker
from tests.schema.test_alerts import FILLED
from tests.workers.asking import execute

DOCUMENT = """subscription ($severity: AlertSeverity!) { alertTriggered(minSeverity: $severity) {
  open { status rule { name } } fired { subject rule { name } } resolved { subject status rule { name } } version } }"""
FIRE = """INSERT INTO alerts (rule_id, organization_id, subject, severity, value, started_at, fired_at)
SELECT id, organization_id, 'new', 'INFO', 1, now(), now() FROM alert_rules WHERE name = '{}'"""


async def told(ask: Asker, history: History, since: str | None = None, severity: str = "INFO", **who: Any) -> Any:
    """What the subscription answers to a client that has this version, and by which tags it is woken."""
    live = Live(history, since)
    context = ask.context(**{"person": "root", "role": "ADMIN", **who})
    context.live = live
    operation = graph.operations.prepare(DOCUMENT, None)
    result = await graph.ask(operation, {"severity": severity}, context)
    if result.errors:
        return [error.extensions["code"] for error in result.errors if error.extensions]
    assert result.data
    assert live.tags == {"alerts"}
    return result.data["alertTriggered"]


def names(alerts: list[dict[str, Any]]) -> list[str]:
    return [alert["rule"]["name"] for alert in alerts]


async def test_what_fires_at_once_and_then_what_changes(fresh_ask: Asker) -> None:
    history = History()
    nothing = await told(fresh_ask, history)
    assert (nothing["open"], nothing["fired"], nothing["resolved"]) == ([], [], [])
    execute(fresh_ask.database, FILLED)
    first = await told(fresh_ask, history, nothing["version"])
    assert names(first["open"]) == names(first["fired"]) == ["platform", "north"]
    assert first["version"] != nothing["version"]
    assert (await told(fresh_ask, history, first["version"]))["version"] == first["version"]
    execute(fresh_ask.database, FIRE.format("platform"))
    execute(fresh_ask.database, FIRE.format("south"))
    execute(fresh_ask.database, "UPDATE alerts SET resolved_at = now() WHERE subject = 'open'")
    second = await told(fresh_ask, history, first["version"])
    assert names(second["fired"]) == ["platform"]
    assert second["fired"][0]["subject"] == "new"
    assert sorted(names(second["resolved"])) == ["north", "platform"]
    assert {alert["status"] for alert in second["resolved"]} == {"RESOLVED"}
    late = await told(fresh_ask, history, nothing["version"])
    assert (names(late["fired"]), late["resolved"]) == (["platform"], []), "as if it had seen nothing between"
    stranger = await told(fresh_ask, history, "another.1")
    assert (names(stranger["fired"]), stranger["resolved"]) == (["platform"], [])


async def test_taking_note_is_told(fresh_ask: Asker) -> None:
    history = History()
    execute(fresh_ask.database, FILLED)
    before = await told(fresh_ask, history)
    execute(fresh_ask.database, "UPDATE alerts SET acknowledged_at = now() WHERE subject = 'open'")
    after = await told(fresh_ask, history, before["version"])
    assert after["version"] != before["version"]
    assert [alert["status"] for alert in after["open"]] == ["ACKNOWLEDGED"] * 2
    assert after["fired"] == []


async def test_only_what_is_bad_enough(fresh_ask: Asker) -> None:
    execute(fresh_ask.database, FILLED)
    execute(fresh_ask.database, FIRE.format("north"))
    for severity, count in (("INFO", 3), ("WARNING", 2), ("CRITICAL", 2)):
        assert len((await told(fresh_ask, History(), severity=severity))["open"]) == count


async def test_only_for_those_who_may_operate(fresh_ask: Asker) -> None:
    assert await told(fresh_ask, History(), person="mia", role="MANAGER") == ["FORBIDDEN"]
    assert await told(fresh_ask, History(), person=None, role="ADMIN") == ["UNAUTHENTICATED"]
