"""How the platform runs, in the graph."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from resolvers.live import Live
from schema.graph import graph
from tests.asking import Asker
from tests.conftest import Servers
from tests.execution.keeping import ROOT as ADMIN
from tests.execution.keeping import Keeper
from tests.schema.test_roster import ROOT
from tests.workers.asking import execute

OPERATIONS = """{ operations {
  workers { name status queues startedAt lastHeartbeatAt intervalSeconds ticks errors lastTickAt lastTickSeconds }
  views { name refreshedAt currentAt lastDurationSeconds rows lastError } } }"""
WORKER = """
INSERT INTO jobs.workers (id, name, queues, started_at, heartbeat_at, is_failing, ticks, failed_ticks, interval_seconds, last_tick_seconds)
SELECT gen_random_uuid(), name, queues, now(), now() - silence, is_failing, ticks, failed, interval_seconds, last_seconds
FROM (VALUES
  ('a', ARRAY['fold', 'refresh'], interval '0', false, 3, 1, 60.0, 0.25),
  ('b', ARRAY['exports'], interval '29 seconds', false, 0, 0, NULL, NULL),
  ('c', ARRAY['refresh'], interval '0', true, 9, 9, 60.0, 100.0),
  ('d', ARRAY['refresh'], interval '31 seconds', true, 9, 9, 60.0, 1.0)
) AS w (name, queues, silence, is_failing, ticks, failed, interval_seconds, last_seconds)
"""


async def operations(ask: Asker) -> dict[str, Any]:
    answer = await ask(OPERATIONS, **ROOT)
    assert answer.errors == []
    assert answer.data
    found: dict[str, Any] = answer.data["operations"]
    return found


async def test_workers_and_how_they_are(fresh_ask: Asker) -> None:
    assert (await operations(fresh_ask))["workers"] == []
    execute(fresh_ask.database, WORKER)
    workers = (await operations(fresh_ask))["workers"]
    assert {worker["name"]: worker["status"] for worker in workers} == {
        "a": "OK",
        "b": "OK",
        "c": "DEGRADED",
        "d": "LOST",
    }
    first, second = workers[:2]
    assert (first["queues"], first["ticks"], first["errors"]) == (["fold", "refresh"], "3", "1")
    assert (first["intervalSeconds"], first["lastTickSeconds"]) == (60, 0.25)
    assert (second["intervalSeconds"], second["lastTickAt"], second["lastTickSeconds"]) == (None, None, None)


async def test_views_and_why_one_failed(fresh_ask: Asker) -> None:
    execute(
        fresh_ask.database,
        "UPDATE view_refreshes SET last_error = 'it broke', failed_at = now() WHERE name = 'lab_stats';"
        "UPDATE view_refreshes SET refreshed_at = NULL, checked_at = NULL, duration_seconds = NULL WHERE name = 'topic_stats'",
    )
    views = {view["name"]: view for view in (await operations(fresh_ask))["views"]}
    assert {"score_ranks", "lab_stats", "topic_stats"} <= set(views)
    assert list(views) == sorted(views)
    assert views["score_ranks"]["rows"] == "4"
    assert views["score_ranks"]["lastDurationSeconds"] > 0
    assert views["lab_stats"]["lastError"] == "it broke"
    assert views["lab_stats"]["refreshedAt"] is not None
    assert (views["topic_stats"]["refreshedAt"], views["topic_stats"]["lastDurationSeconds"]) == (None, None)


@pytest.mark.parametrize("what", ["views { name }", "workers { name }", "jobs { nodes { status } }"])
async def test_answers_are_not_kept(fresh_ask: Asker, servers: Servers, what: str) -> None:
    """Nobody tells when a job goes on."""
    keeper = Keeper(fresh_ask.database, servers)
    await keeper.hearing()
    for _ in range(2):
        await keeper.ask(f"{{ operations {{ {what} }} }}", ADMIN)
    assert keeper.executed == 2
    await keeper.aclose()


async def test_only_for_those_who_may_operate(ask: Asker) -> None:
    for person, role in (("ben", "STUDENT"), ("ada", "TEACHER"), ("mia", "MANAGER"), ("svc", "SERVICE")):
        answer = await ask(OPERATIONS, person=person, role=role)
        assert (answer.data, answer.codes) == ({"operations": None}, ["FORBIDDEN"])


FOLLOW = "subscription ($views: [String!]) { analyticsUpdated(views: $views) { name rows lastError } }"


async def test_refreshes_are_followed(fresh_ask: Asker) -> None:
    async def followed(views: list[str] | None, person: str = "mia", role: str = "MANAGER") -> Any:
        context = fresh_ask.context(person, role)
        context.live = Live()
        result = await graph.ask(graph.operations.prepare(FOLLOW, None), {"views": views}, context)
        assert result.errors or context.live.tags == {"views"}
        if result.errors:
            return [dict(error.formatted)["extensions"]["code"] for error in result.errors]  # type: ignore[typeddict-item]
        assert result.data
        return result.data["analyticsUpdated"]["name"]

    later = "UPDATE view_refreshes SET refreshed_at = clock_timestamp(), version = version + 1 WHERE name = '{}'"
    async with fresh_ask.services.changes.listen(["views"]) as wakeups, asyncio.timeout(20):
        execute(fresh_ask.database, later.format("lab_stats"))
        while "views" not in await wakeups.next():
            pass
    assert await followed(None) == "lab_stats"
    execute(fresh_ask.database, later.format("topic_stats"))
    assert await followed(None) == "topic_stats"
    assert await followed(["group_stats", "lab_stats"]) == "lab_stats"
    execute(fresh_ask.database, "UPDATE view_refreshes SET refreshed_at = NULL")
    assert await followed(["level_stats"]) == "level_stats"
    assert await followed([]) == await followed(["nothing"]) == ["VALIDATION"]
    assert await followed(None, "ada", "TEACHER") == ["FORBIDDEN"]
