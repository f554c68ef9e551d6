"""Each measure, on a real database with known contents."""

from __future__ import annotations

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from db.alerts.measures import MEASURES
from db.queries.alert_judging import read_measure
from tests.conftest import Database
from tests.workers.asking import execute, value

EXPORT = """INSERT INTO exports (organization_id, subject, role, kind, format, parameters, body, status, queued_at, finished_at,
  failure_code, failure_message, file_name, as_of, row_count, byte_size, sha256, manifest, expires_at)
SELECT id, 'x', 'ADMIN', 'ATTEMPTS', 'CSV', '{{}}', '{{}}', '{0}', now() - interval '{1}', now() - interval '{2}',
  CASE '{0}' WHEN 'FAILED' THEN 'STORAGE' END, CASE '{0}' WHEN 'FAILED' THEN '' END, 'f', now(), 1, 1, 'h', '{{}}', now()
FROM organizations WHERE slug = '{3}'"""
WORKER = """INSERT INTO jobs.workers (id, name, queues, started_at, heartbeat_at, last_tick_seconds, last_failed_tick_at)
VALUES (gen_random_uuid(), 'w', '{{}}', now(), now() - interval '{}', {}, now() - interval '{}')"""
REQUESTS = """INSERT INTO api_metrics (organization_id, service_name, endpoint, method, status_code, requests, total_microseconds,
  buckets, counts, at)
VALUES ({}, 'gateway', '/graphql', 'POST', {}, {}, {}, '{{{}}}', '{{{}}}', now() - interval '{}')"""


async def measure(engine: AsyncEngine, name: str, organization_id: int | None = None) -> dict[str | None, float]:
    async with engine.connect() as connection:
        return await read_measure(connection, name, organization_id)


def organization(school: Database, slug: str) -> int:
    key: int = value(school, "SELECT id FROM organizations WHERE slug = %s", slug)
    return key


async def test_exports_are_stalled_only_while_some_wait(school: Database, engine: AsyncEngine) -> None:
    north, south = organization(school, "north"), organization(school, "south")
    assert await measure(engine, "exports_stalled_seconds") == {None: 0}
    execute(school, EXPORT.format("READY", "9 hours", "8 hours", "north"))
    assert await measure(engine, "exports_stalled_seconds") == {None: 0}
    execute(school, EXPORT.format("PENDING", "1000 seconds", "0 seconds", "north"))
    assert await measure(engine, "exports_stalled_seconds", south) == {None: 0}
    assert 1000 <= (await measure(engine, "exports_stalled_seconds", north))[None] < 2000, "since it waits"
    execute(school, EXPORT.format("READY", "600 seconds", "100 seconds", "south"))
    assert 100 <= (await measure(engine, "exports_stalled_seconds"))[None] < 1000, "since one was made"
    assert 1000 <= (await measure(engine, "exports_stalled_seconds", north))[None] < 2000
    assert await measure(engine, "exports_pending") == {None: 1}


async def test_exports_that_failed_lately(school: Database, engine: AsyncEngine) -> None:
    for how_long in ("1 minute", "14 minutes", "16 minutes"):
        execute(school, EXPORT.format("FAILED", "1 hour", how_long, "north"))
    assert await measure(engine, "exports_failed") == {None: 2}
    execute(school, "UPDATE exports SET failure_code = 'TOO_LARGE'")
    assert await measure(engine, "exports_failed") == {None: 0}, "what was asked for is no fault of ours"


async def test_workers_that_are_slow_or_fail(school: Database, engine: AsyncEngine) -> None:
    assert await measure(engine, "worker_tick_seconds") == {}
    assert await measure(engine, "worker_errors") == {None: 0}
    for worker in (("1 second", 3, "1 hour"), ("1 second", 91, "4 minutes"), ("1 hour", 500, "1 hour")):
        execute(school, WORKER.format(*worker))
    assert await measure(engine, "worker_tick_seconds") == {None: 91}
    assert await measure(engine, "worker_errors") == {None: 1}
    execute(school, "SELECT enqueue_job('exports', 'any', '{}')")
    execute(school, "INSERT INTO jobs.failures (job_id, error) SELECT id, 'x' FROM jobs.runs")
    assert await measure(engine, "worker_errors") == {None: 2}
    assert await measure(engine, "queue_depth") == {"exports": 1}
    assert (await measure(engine, "oldest_job_seconds"))["exports"] < 60


async def test_what_brokers_have_and_nobody_took(school: Database, engine: AsyncEngine) -> None:
    execute(
        school,
        """INSERT INTO jobs.consumers (group_id, topic, partition, lag, pending, observed_at) VALUES
        ('g', 'lab-events', 0, 3, 1, now()), ('g', 'lab-events', 1, 4, 0, now()), ('g', 'gone', 0, 9, 0, now() - interval '1 hour')""",
    )
    assert await measure(engine, "consumer_lag") == {"lab-events": 7}


async def test_requests_and_what_became_of_them(school: Database, engine: AsyncEngine) -> None:
    north, south = organization(school, "north"), organization(school, "south")
    assert await measure(engine, "requests") == {None: 0}
    for name in ("error_rate", "avg_response_time", "response_time_p95_ms"):
        assert await measure(engine, name) == {}, "not known without requests"
    # 95 took 1.1^48 to 1.1^49 ms, 5 about 2 s; long ago all failed.
    execute(school, REQUESTS.format("NULL", 200, 95, 95 * 100_000, "49", "95", "2 minutes"))
    execute(school, REQUESTS.format(north, 503, 5, 5 * 2_000_000, "80", "5", "1 minute"))
    execute(school, REQUESTS.format("NULL", 500, 900, 1, "1", "900", "10 minutes"))
    assert await measure(engine, "requests") == {None: 100}
    assert await measure(engine, "error_rate") == {None: 0.05}
    assert await measure(engine, "avg_response_time") == {None: pytest.approx(195)}
    assert await measure(engine, "response_time_p95_ms") == {None: pytest.approx(1.1**49)}
    assert await measure(engine, "error_rate", north) == {None: 0.05}
    assert await measure(engine, "error_rate", south) == {None: 0}
    execute(school, REQUESTS.format("NULL", 200, 1, 3_000_000, "85", "1", "0 seconds"))
    assert await measure(engine, "response_time_p95_ms") == {None: pytest.approx(1.1**80)}


async def test_every_measure_says_what_it_is_of(school: Database, engine: AsyncEngine) -> None:
    execute(
        school,
        "UPDATE view_refreshes SET refreshed_at = now() - interval '1 hour', checked_at = now() - interval '1 minute'",
    )
    for name, declared in MEASURES.items():
        for organization_id in (None, organization(school, "north")):
            assert declared.by is not None or set(await measure(engine, name, organization_id)) <= {None}
    ages = await measure(engine, "view_age_seconds")
    assert sorted(ages) == value(school, "SELECT array_agg(name ORDER BY name) FROM view_refreshes")
    assert all(60 <= age < 600 for age in ages.values())
