"""Rules judged on a real database: alerts begin, wait, fire once, and end, whoever judges and whenever they are interrupted."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from settings import Settings
from tests.conftest import Database
from tests.workers.asking import execute, value
from workers.alerts.judging import judge_rules

RULE = "INSERT INTO alert_rules (origin, name, condition, severity, for_seconds) VALUES ('FILE', '{}', '{}', 'WARNING', {})"
OF_NORTH = """INSERT INTO alert_rules (organization_id, origin, name, condition, severity, for_seconds)
SELECT id, 'SAVED', 'own', '{}', 'WARNING', 0 FROM organizations WHERE slug = 'north'"""
DEAD = """INSERT INTO dead_letters (organization_id, topic, payload, digest, code, message, tries, failed_at)
SELECT id, '{0}', 'x', convert_to('{0}' || n || random(), 'UTF8'), 'DATA', '', 5, now()
FROM organizations, generate_series(1, {2}) n WHERE slug = '{1}'"""
LATER = "UPDATE alerts SET started_at = started_at - interval '{} seconds'"
ALERTS = """SELECT coalesce(json_agg(json_build_array(r.name, a.subject, a.value, a.fired_at IS NOT NULL, a.resolved_at IS NOT NULL)
  ORDER BY a.id), '[]') FROM alerts a JOIN alert_rules r ON r.id = a.rule_id"""
SETTINGS = Settings()


async def judge(school: Database, engine: AsyncEngine) -> list[list[Any]]:
    """One round, and the alerts after it: rule, subject, value, whether it fired, whether it ended."""
    assert await judge_rules(engine, SETTINGS)
    alerts: list[list[Any]] = value(school, ALERTS)
    return alerts


async def test_one_that_holds_fires_once_and_ends_once(school: Database, engine: AsyncEngine) -> None:
    execute(school, RULE.format("dead", "dead_letters > 1", 0))
    assert await judge(school, engine) == []
    execute(school, DEAD.format("lab-events", "north", 2))
    assert await judge(school, engine) == [["dead", "lab-events", 2, True, False]]
    execute(school, DEAD.format("user-events", "south", 3))
    two = [["dead", "lab-events", 2, True, False], ["dead", "user-events", 3, True, False]]
    assert await judge(school, engine) == two
    assert await judge(school, engine) == two
    assert value(school, "SELECT current_value FROM alert_rules") == 3
    execute(school, "DELETE FROM dead_letters WHERE topic = 'lab-events'")
    ended = [["dead", "lab-events", 2, True, True], ["dead", "user-events", 3, True, False]]
    assert await judge(school, engine) == ended
    execute(school, DEAD.format("lab-events", "north", 5))
    assert await judge(school, engine) == [*ended, ["dead", "lab-events", 5, True, False]]


async def test_it_has_to_hold_for_long_enough(school: Database, engine: AsyncEngine) -> None:
    execute(school, RULE.format("dead", "dead_letters > 0", 300))
    execute(school, DEAD.format("lab-events", "north", 1))
    assert await judge(school, engine) == [["dead", "lab-events", 1, False, False]]
    execute(school, LATER.format(250))
    assert (await judge(school, engine))[0][3] is False
    execute(school, LATER.format(50))
    assert (await judge(school, engine))[0][3] is True


async def test_what_did_not_hold_for_long_enough_never_was(school: Database, engine: AsyncEngine) -> None:
    execute(school, RULE.format("dead", "dead_letters > 0", 300))
    execute(school, DEAD.format("lab-events", "north", 1))
    await judge(school, engine)
    execute(school, LATER.format(200))
    execute(school, "DELETE FROM dead_letters")
    assert await judge(school, engine) == []
    execute(school, DEAD.format("lab-events", "north", 1))
    await judge(school, engine)
    execute(school, LATER.format(200))
    assert (await judge(school, engine))[0][3] is False


async def test_nothing_is_known_of_a_time_in_which_nobody_judged(school: Database, engine: AsyncEngine) -> None:
    execute(school, RULE.format("fires", "dead_letters > 0", 0))
    execute(school, RULE.format("waits", "dead_letters > 0", 300))
    execute(school, DEAD.format("lab-events", "north", 1))
    await judge(school, engine)
    execute(school, LATER.format(3600))
    execute(school, "UPDATE alert_rules SET judged_at = now() - interval '1 hour'")
    assert [alert[3] for alert in await judge(school, engine)] == [True, False]
    execute(school, LATER.format(300))
    assert [alert[3] for alert in await judge(school, engine)] == [True, True]


@pytest.mark.parametrize("change", ["is_enabled = false", "removed_at = now()", "condition = 'dead_letters > 9'"])
async def test_a_rule_that_is_changed_ends_what_it_said(school: Database, engine: AsyncEngine, change: str) -> None:
    execute(school, RULE.format("dead", "dead_letters > 0", 0))
    execute(school, DEAD.format("lab-events", "north", 1))
    await judge(school, engine)
    execute(school, f"UPDATE alert_rules SET {change}")
    assert await judge(school, engine) == [["dead", "lab-events", 1, True, True]]


async def test_a_rule_of_another_version_is_left_alone(school: Database, engine: AsyncEngine) -> None:
    execute(school, RULE.format("dead", "dead_letters > 0", 0))
    execute(school, RULE.format("other", "dead_letters > 0 and dead_letters < 9", 0))
    execute(school, DEAD.format("lab-events", "north", 1))
    await judge(school, engine)
    execute(school, "UPDATE alert_rules SET condition = 'a_measure_to_come > 0' WHERE name = 'dead'")
    execute(school, "DELETE FROM dead_letters")
    assert await judge(school, engine) == [
        ["dead", "lab-events", 1, True, False],
        ["other", "lab-events", 1, True, True],
    ]


async def test_one_worker_at_a_time(school: Database, engine: AsyncEngine) -> None:
    execute(school, RULE.format("dead", "dead_letters > 0", 0))
    execute(school, DEAD.format("lab-events", "north", 1))
    async with engine.begin() as other:
        await other.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('scoregraph.alerts', 0))"))
        assert not await judge_rules(engine, SETTINGS)
    assert any(await asyncio.gather(*(judge_rules(engine, SETTINGS) for _ in range(4))))
    assert await judge(school, engine) == [["dead", "lab-events", 1, True, False]]


async def test_a_round_that_breaks_leaves_nothing_behind(school: Database, engine: AsyncEngine) -> None:
    execute(school, RULE.format("dead", "dead_letters > 0", 0))
    execute(school, DEAD.format("lab-events", "north", 1))
    execute(school, "ALTER TABLE alerts ADD CONSTRAINT broken CHECK (fired_at IS NULL)")
    with pytest.raises(Exception, match="broken"):
        await judge_rules(engine, SETTINGS)
    assert value(school, "SELECT count(*) FROM alerts") == 0
    assert value(school, "SELECT judged_at FROM alert_rules") is None
    execute(school, "ALTER TABLE alerts DROP CONSTRAINT broken")
    assert [alert[3] for alert in await judge(school, engine)] == [True]


async def test_rules_of_an_organization_are_about_its_own(school: Database, engine: AsyncEngine) -> None:
    execute(school, OF_NORTH.format("dead_letters > 0"))
    execute(school, DEAD.format("lab-events", "south", 1))
    assert await judge(school, engine) == []
    execute(school, DEAD.format("lab-events", "north", 1))
    assert await judge(school, engine) == [["own", "lab-events", 1, True, False]]
    assert value(school, "SELECT o.slug FROM alerts a JOIN organizations o ON o.id = a.organization_id") == "north"
