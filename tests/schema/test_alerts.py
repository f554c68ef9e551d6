"""Alerts in the graph: who sees them, rules of one's own, taking note of one."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from db.queries.alert_rules import MOST_RULES
from schema.relay import global_id
from tests.asking import Asker
from tests.schema.test_roster import ERRORS, ROOT
from tests.workers.asking import execute, value

RULE = "id name condition summary forSeconds severity channels enabled origin currentValue judgedAt"
ALERT = """id status severity subject value startedAt firedAt resolvedAt acknowledgedAt silencedUntil
  acknowledgedBy { displayName } rule { name }"""
RULES = f"{{ alertRules {{ {RULE} }} }}"
ALERTS = f"""query ($status: AlertStatus, $severity: AlertSeverity, $rule: ID, $first: Int, $after: String) {{
  alerts(status: $status, severity: $severity, ruleId: $rule, first: $first, after: $after) {{
    nodes {{ {ALERT} }} pageInfo {{ endCursor hasNextPage }} totalCount {{ value }} }} }}"""
SAVE = f"mutation ($input: SaveAlertRuleInput!) {{ saveAlertRule(input: $input) {{ rule {{ {RULE} }} replayed {ERRORS} }} }}"
ACKNOWLEDGE = f"mutation ($input: AcknowledgeAlertInput!) {{ acknowledgeAlert(input: $input) {{ alert {{ {ALERT} }} replayed {ERRORS} }} }}"
NODE = "query ($id: ID!) { node(id: $id) { id } }"

# Of the platform, of north and of south: a rule each, with an alert that fires, one that waits, and one that is resolved.
FILLED = """
INSERT INTO alert_rules (organization_id, origin, name, condition, severity, for_seconds, channels, current_value, judged_at)
SELECT o.id, CASE WHEN o.id IS NULL THEN 'FILE' ELSE 'SAVED' END, coalesce(o.slug, 'platform'), 'dead_letters > 0', 'WARNING', 0,
  '{EMAIL}', 3, '2026-03-01Z'
FROM (SELECT id, slug FROM organizations UNION ALL SELECT NULL, NULL) AS o ORDER BY o.slug;
INSERT INTO alerts (rule_id, organization_id, subject, severity, value, started_at, fired_at, resolved_at)
SELECT r.id, r.organization_id, a.subject, a.severity, 3, '2026-03-01Z', a.fired, a.resolved
FROM alert_rules r CROSS JOIN (VALUES
  ('open', 'CRITICAL', timestamptz '2026-03-01 00:05Z', NULL), ('waits', 'CRITICAL', NULL, NULL),
  ('over', 'WARNING', '2026-03-01 00:05Z', timestamptz '2026-03-02Z')
) AS a (subject, severity, fired, resolved) ORDER BY r.name, a.subject
"""


async def asked(ask: Asker, document: str, variables: dict[str, Any] | None = None, **who: Any) -> Any:
    answer = await ask(document, variables, **{**ROOT, **who})
    assert answer.errors == []
    assert answer.data
    (found,) = answer.data.values()
    return found


async def save(ask: Asker, **given: Any) -> dict[str, Any]:
    said = {"name": "mine", "condition": "exports_failed > 3", "severity": "WARNING", **given}
    payload: dict[str, Any] = await asked(ask, SAVE, {"input": said})
    return payload


def alert_id(ask: Asker, rule: str, subject: str = "open") -> str:
    found = "SELECT a.id FROM alerts a JOIN alert_rules r ON r.id = a.rule_id WHERE r.name = %s AND a.subject = %s"
    return global_id("Alert", value(ask.database, found, rule, subject))


async def test_alerts_of_the_platform_and_of_ones_own_organization(fresh_ask: Asker) -> None:
    execute(fresh_ask.database, FILLED)
    page = await asked(fresh_ask, ALERTS)
    assert [(alert["rule"]["name"], alert["subject"], alert["status"]) for alert in page["nodes"]] == [
        ("platform", "over", "RESOLVED"),
        ("platform", "open", "FIRING"),
        ("north", "over", "RESOLVED"),
        ("north", "open", "FIRING"),
    ]
    assert page["totalCount"] == {"value": "4"}
    assert page["nodes"][1]["value"] == 3
    assert page["nodes"][1]["firedAt"] == "2026-03-01T00:05:00.000Z"
    rules = await asked(fresh_ask, RULES)
    assert [(rule["name"], rule["origin"], rule["channels"]) for rule in rules] == [
        ("platform", "FILE", ["EMAIL"]),
        ("north", "SAVED", ["EMAIL"]),
    ]
    assert (rules[0]["currentValue"], rules[0]["judgedAt"]) == (3, "2026-03-01T00:00:00.000Z")
    theirs = await asked(fresh_ask, ALERTS, organization="south")
    assert {alert["rule"]["name"] for alert in theirs["nodes"]} == {"platform", "south"}


async def test_finds_some_of_them(fresh_ask: Asker) -> None:
    execute(fresh_ask.database, FILLED)
    for status, count in (("FIRING", 2), ("ACKNOWLEDGED", 0), ("RESOLVED", 2)):
        page = await asked(fresh_ask, ALERTS, {"status": status})
        assert [alert["status"] for alert in page["nodes"]] == [status] * count
        assert page["totalCount"] == {"value": str(count)}
    for severity, count in (("INFO", 0), ("WARNING", 2), ("CRITICAL", 2)):
        page = await asked(fresh_ask, ALERTS, {"severity": severity})
        assert [alert["severity"] for alert in page["nodes"]] == [severity] * count
    rules = await asked(fresh_ask, RULES)
    page = await asked(fresh_ask, ALERTS, {"rule": rules[1]["id"]})
    assert [alert["rule"]["name"] for alert in page["nodes"]] == ["north", "north"]
    first = await asked(fresh_ask, ALERTS, {"first": 3})
    rest = await asked(fresh_ask, ALERTS, {"first": 3, "after": first["pageInfo"]["endCursor"]})
    assert first["pageInfo"]["hasNextPage"] is True
    assert [alert["subject"] for alert in first["nodes"] + rest["nodes"]] == ["over", "open", "over", "open"]


async def test_only_for_those_who_may_operate(fresh_ask: Asker) -> None:
    execute(fresh_ask.database, FILLED)
    rule = global_id("AlertRule", value(fresh_ask.database, "SELECT id FROM alert_rules WHERE name = 'north'"))
    alert = alert_id(fresh_ask, "north")
    for person, role in (("ben", "STUDENT"), ("ada", "TEACHER"), ("mia", "MANAGER"), ("svc", "SERVICE")):
        who = {"person": person, "role": role}
        assert (await fresh_ask(ALERTS, **who)).codes == ["FORBIDDEN"]
        assert (await fresh_ask(RULES, **who)).codes == ["FORBIDDEN"]
        for known in (alert, rule):
            assert (await fresh_ask(NODE, {"id": known}, **who)).codes == ["NOT_FOUND"]
        said = {"name": "x", "condition": "requests > 1", "severity": "INFO"}
        for document, given in ((SAVE, said), (ACKNOWLEDGE, {"id": alert})):
            payload = await asked(fresh_ask, document, {"input": given}, **who)
            assert [error["code"] for error in payload["userErrors"]] == ["FORBIDDEN"]


async def test_what_is_anothers_or_has_not_fired_is_unknown(fresh_ask: Asker) -> None:
    execute(fresh_ask.database, FILLED)
    for unknown in (alert_id(fresh_ask, "south"), alert_id(fresh_ask, "north", "waits"), global_id("Alert", 10**15)):
        assert (await fresh_ask(NODE, {"id": unknown}, **ROOT)).codes == ["NOT_FOUND"]
        payload = await asked(fresh_ask, ACKNOWLEDGE, {"input": {"id": unknown}})
        assert [error["code"] for error in payload["userErrors"]] == ["NOT_FOUND"]
    assert (await fresh_ask(NODE, {"id": alert_id(fresh_ask, "platform")}, **ROOT)).errors == []


async def test_saves_and_changes_a_rule(fresh_ask: Asker) -> None:
    first = await save(fresh_ask, channels=["SLACK", "EMAIL", "SLACK"], summary="  Look. ", idempotencyKey="k")
    assert (first["userErrors"], first["replayed"]) == ([], False)
    rule = first["rule"]
    assert {key: rule[key] for key in rule if key != "id"} == {
        "name": "mine",
        "condition": "exports_failed > 3",
        "summary": "Look.",
        "forSeconds": 300,
        "severity": "WARNING",
        "channels": ["SLACK", "EMAIL"],
        "enabled": True,
        "origin": "SAVED",
        "currentValue": None,
        "judgedAt": None,
    }
    again = await save(fresh_ask, channels=["SLACK", "EMAIL", "SLACK"], summary="  Look. ", idempotencyKey="k")
    assert (again["replayed"], again["rule"]["id"]) == (True, rule["id"])
    changed = await save(fresh_ask, id=rule["id"], condition="exports_pending > 9", forSeconds=0, enabled=False)
    assert changed["rule"]["id"] == rule["id"]
    assert (changed["rule"]["condition"], changed["rule"]["forSeconds"]) == ("exports_pending > 9", 0)
    assert (changed["rule"]["enabled"], changed["rule"]["channels"], changed["rule"]["summary"]) == (False, [], None)
    assert [found["id"] for found in await asked(fresh_ask, RULES)] == [rule["id"]]
    assert await asked(fresh_ask, RULES, organization="south") == []


@pytest.mark.parametrize(
    ("given", "path", "rule", "says"),
    [
        ({"condition": "nonsense > 1"}, "condition", "FORMAT", "There is no measure nonsense"),
        ({"condition": "__import__('os')"}, "condition", "FORMAT", "no comparison"),
        ({"condition": "requests > 1" + " or requests > 1" * 400}, "condition", "FORMAT", "at most 500 characters"),
        ({"name": " "}, "name", "TEXT", "1 to 100 characters"),
        ({"name": "a\0b"}, "name", "TEXT", "cannot be stored"),
        ({"name": "two\nlines"}, "name", "TEXT", "one line"),
        ({"summary": "x" * 501}, "summary", "TEXT", "1 to 500 characters"),
        ({"forSeconds": -1}, "forSeconds", "RANGE", "0 to 604800"),
        ({"forSeconds": 604_801}, "forSeconds", "RANGE", "0 to 604800"),
    ],
)
async def test_says_what_is_wrong_with_a_rule(
    ask: Asker, given: dict[str, Any], path: str, rule: str, says: str
) -> None:
    payload = await save(ask, **given)
    [error] = payload["userErrors"]
    assert payload["rule"] is None
    assert (error["code"], error["path"], error["rule"]) == ("VALIDATION", ["input", path], rule)
    assert says in error["message"]
    assert value(ask.database, "SELECT count(*) FROM alert_rules") == 0


async def test_each_name_once_and_only_ones_own(fresh_ask: Asker) -> None:
    execute(fresh_ask.database, FILLED)
    keys = {
        name: value(fresh_ask.database, "SELECT id FROM alert_rules WHERE name = %s", name)
        for name in ("platform", "south", "north")
    }
    for name in ("platform", "south"):
        payload = await save(fresh_ask, id=global_id("AlertRule", keys[name]))
        assert [(error["code"], error["path"]) for error in payload["userErrors"]] == [("NOT_FOUND", ["input", "id"])]
    [error] = (await save(fresh_ask, name="north"))["userErrors"]
    assert (error["rule"], error["path"]) == ("DUPLICATE", ["input", "name"])
    assert (await save(fresh_ask, name="platform"))["userErrors"] == [], "another's name is free"
    assert (await save(fresh_ask, id=global_id("AlertRule", keys["north"]), name="north"))["userErrors"] == []
    saved = await asyncio.gather(*(save(fresh_ask, name="at once") for _ in range(4)))
    assert sorted(len(payload["userErrors"]) for payload in saved) == [0, 1, 1, 1]


async def test_there_are_not_too_many(fresh_ask: Asker) -> None:
    execute(
        fresh_ask.database,
        "INSERT INTO alert_rules (organization_id, origin, name, condition, severity, for_seconds)"
        f" SELECT o.id, 'SAVED', n, 'requests > 1', 'INFO', 0 FROM organizations o, generate_series(1, {MOST_RULES}) n WHERE slug = 'north'",
    )
    [error] = (await save(fresh_ask))["userErrors"]
    assert error["rule"] == "SIZE"


async def test_takes_note_of_an_alert(fresh_ask: Asker) -> None:
    execute(fresh_ask.database, FILLED)
    for name, silence in (("north", None), ("platform", 3600)):
        key = alert_id(fresh_ask, name)
        payload = await asked(fresh_ask, ACKNOWLEDGE, {"input": {"id": key, "silenceForSeconds": silence}})
        assert payload["userErrors"] == []
        alert = payload["alert"]
        assert (alert["id"], alert["status"], alert["acknowledgedBy"]) == (
            key,
            "ACKNOWLEDGED",
            {"displayName": "Root Reed"},
        )
        assert alert["acknowledgedAt"] is not None
        assert (alert["silencedUntil"] is None) is (silence is None)
    page = await asked(fresh_ask, ALERTS, {"status": "ACKNOWLEDGED"})
    assert len(page["nodes"]) == 2
    theirs = await asked(fresh_ask, ALERTS, {"status": "ACKNOWLEDGED"}, organization="south")
    assert [alert["acknowledgedBy"] for alert in theirs["nodes"]] == [None], (
        "people of other organizations stay unknown"
    )
    over = await asked(fresh_ask, ACKNOWLEDGE, {"input": {"id": alert_id(fresh_ask, "north", "over")}})
    assert [error["code"] for error in over["userErrors"]] == ["INVALID_STATE"]
    for seconds in (0, -5, 2_592_001):
        wrong = {"id": alert_id(fresh_ask, "north"), "silenceForSeconds": seconds}
        payload = await asked(fresh_ask, ACKNOWLEDGE, {"input": wrong})
        assert [error["path"] for error in payload["userErrors"]] == [["input", "silenceForSeconds"]]


async def test_a_rule_that_is_gone_is_known_by_its_alerts(fresh_ask: Asker) -> None:
    execute(fresh_ask.database, FILLED)
    execute(fresh_ask.database, "UPDATE alert_rules SET removed_at = now() WHERE name = 'platform'")
    assert [rule["name"] for rule in await asked(fresh_ask, RULES)] == ["north"]
    page = await asked(fresh_ask, ALERTS)
    assert page["nodes"][0]["rule"]["name"] == "platform"
