"""How the platform runs, in the graph."""

from __future__ import annotations

from typing import Any

import pytest

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


CONSUMERS = """{ operations { consumers {
  groupId topic partition committedOffset lag pending lagSeconds lastEventAt status } } }"""
CONSUMER = """
INSERT INTO jobs.consumers (group_id, topic, partition, committed_offset, lag, pending, waiting_since, observed_at)
VALUES
  ('g', 'lab-events', 0, NULL, 0, 0, NULL, now()),
  ('g', 'lab-events', 1, 9007199254740993, 7, 2, NULL, now()),
  ('g', 'user-events', 0, NULL, 3, 3, now() - interval '5 seconds', now()),
  ('g', 'user-events', 1, NULL, 3, 0, now() - interval '61 seconds', now()),
  ('g', 'user-events', 2, NULL, 0, 0, NULL, now() - interval '31 seconds')
"""


async def test_consumers_and_how_they_are(fresh_ask: Asker) -> None:
    execute(fresh_ask.database, CONSUMER)
    answer = await fresh_ask(CONSUMERS, **ROOT)
    assert answer.errors == []
    assert answer.data
    found = answer.data["operations"]["consumers"]
    assert [(seen["topic"], seen["partition"], seen["status"]) for seen in found] == [
        ("lab-events", 0, "OK"),
        ("lab-events", 1, "OK"),
        ("user-events", 0, "OK"),
        ("user-events", 1, "LATE"),
        ("user-events", 2, "LOST"),
    ]
    assert (found[1]["committedOffset"], found[1]["lag"], found[1]["pending"]) == ("9007199254740993", "7", "2")
    assert (found[0]["lagSeconds"], found[1]["lagSeconds"]) == (0.0, None), "not known where the broker does not tell"
    assert 5 <= found[2]["lagSeconds"] < 60
