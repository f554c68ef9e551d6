"""Whether the gateway says that it can answer exactly when it can: on real servers that are away, hang, or are of another version."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import psycopg
import pytest
from sqlalchemy import make_url

from db.engine import ReadPool
from db.queries.health import get_database_health
from execution.health import Health, Status
from settings import DatabaseRole
from tests.conftest import Database, Servers
from tests.gateway import SECRET, Gateway, running_gateway
from tests.school import fold_and_refresh, new_school


@pytest.fixture(scope="module")
def school(new_database: Callable[[], Database]) -> Database:
    return new_school(new_database)


@pytest.fixture(scope="module")
def gateway(school: Database, servers: Servers) -> Iterator[Gateway]:
    with running_gateway(school, servers, db_pool_size=1) as running:
        yield running


@pytest.fixture
async def http(gateway: Gateway) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=gateway.url, timeout=30) as client:
        yield client


@pytest.fixture(autouse=True)
def always_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("execution.health.FRESH_SECONDS", 0.0)


@asynccontextmanager
async def looking(database_url: str, **options: Any) -> AsyncIterator[Health]:
    pool = ReadPool(database_url, DatabaseRole.API, size=1, statement_timeout=10, **options)
    health = Health(pool, dict)
    yield health
    await health.aclose()


async def test_all_is_well(http: httpx.AsyncClient) -> None:
    for path, content in (
        ("/health", {"status": "ok"}),
        ("/health/live", {"status": "ok"}),
        (
            "/health/ready",
            {
                "status": "ok",
                "checks": {
                    name: {"status": "ok"} for name in ("database", "migrations", "views", "events", "changeFeed")
                },
            },
        ),
    ):
        answer = await http.get(path)
        assert (answer.status_code, answer.json()) == (200, content)
        assert answer.headers["cache-control"] == "no-store"


CHECKS = """{ platform { summary { unhealthyServices }
  services { serviceName status checks { name status detail latencyMs } } } }"""
TOLD = """
INSERT INTO system_metrics (organization_id, service_name, metric_name, value, at)
SELECT organization, service, 'cpu_percent', 1, now()
FROM (VALUES (NULL::bigint, 'gateway'), (1, 'shop'), (2, 'gateway')) AS s (organization, service)
"""


async def test_the_graph_tells_operators_what_the_gateway_finds(
    new_database: Callable[[], Database], servers: Servers
) -> None:
    school = new_school(new_database)
    with school.connect(None) as admin:
        admin.execute(TOLD)
    with running_gateway(school, servers) as running:

        async def found(person: str, role: str, organization: str = "north") -> dict[str, Any]:
            headers = running.headers(person, role, organization)
            async with httpx.AsyncClient(timeout=30) as http:
                answer = await http.post(f"{running.url}/graphql", json={"query": CHECKS}, headers=headers)
            platform: dict[str, Any] = answer.json()["data"]["platform"]
            return platform

        gateway, shop = (await found("root", "ADMIN"))["services"]
        assert (gateway["serviceName"], gateway["status"], shop["checks"]) == ("gateway", "OK", [])
        names = [check["name"] for check in gateway["checks"]]
        assert names == ["database", "migrations", "views", "events", "changeFeed"]
        assert {(check["status"], check["detail"]) for check in gateway["checks"]} == {("OK", None)}
        assert [check["latencyMs"] is not None for check in gateway["checks"]] == [True, False, False, False, False]
        with school.connect() as owner:
            owner.execute("UPDATE view_refreshes SET last_error = 'secret' WHERE name = 'lab_stats'")
        worse = await found("root", "ADMIN")
        assert (worse["services"][0]["status"], worse["summary"]["unhealthyServices"]) == ("DEGRADED", 1)
        assert [check["detail"] for check in worse["services"][0]["checks"] if check["status"] == "DEGRADED"] == [
            "The last refresh of lab_stats failed: see the worker's log."
        ]
        # A service that is only called so is not ours.
        for organization, name in (("north", "shop"), ("south", "gateway")):
            theirs = (await found("mia", "MANAGER", organization))["services"]
            assert theirs == [{"serviceName": name, "status": "OK", "checks": []}]


async def test_without_a_database_it_lives_but_is_not_ready(servers: Servers) -> None:
    with running_gateway(Database("postgresql://nobody:hunter2@127.0.0.1:1/none"), servers) as lost:
        async with httpx.AsyncClient(base_url=lost.url, timeout=30) as http:
            assert (await http.get("/health/live")).json() == {"status": "ok"}
            simple, ready = await http.get("/health"), await http.get("/health/ready")
            assert (simple.status_code, simple.json()) == (503, {"status": "unavailable"})
            assert ready.status_code == 503
            assert ready.json()["checks"]["database"] == {
                "status": "unavailable",
                "reason": "PostgreSQL does not answer.",
            }
            query = {"query": "{ viewer { role } }"}
            asked = await http.post("/graphql", json=query, headers=lost.headers("root", "ADMIN"))
            assert asked.json()["errors"][0]["extensions"]["code"] == "UNAVAILABLE"
            detailed = await http.get("/health/detailed", headers=lost.headers("root", "ADMIN"))
            figures = detailed.json()["figures"]
            assert (figures["db_pool_in_use"], figures["db_pool_waiting"]) == (0, 0)
            assert (detailed.status_code, detailed.json()["database"]) == (503, None)
            assert "hunter2" not in detailed.text + ready.text
            metrics = (await http.get("/metrics/prometheus")).text
            assert "\nrollup_pending_changes " not in metrics
            assert "http_requests_total{" in metrics


async def test_a_database_that_takes_the_call_and_says_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        async with looking(f"postgresql://a@127.0.0.1:{port}/none") as health, asyncio.timeout(20):
            assert not (await health.condition()).can_answer


CONSUMER = """
INSERT INTO jobs.consumers (group_id, topic, partition, lag, pending, observed_at, waiting_since) VALUES ('g', 'lab-events', 0, 1, 0,"""


@pytest.mark.parametrize(
    ("change", "status", "failing"),
    [
        ("UPDATE alembic_version SET version_num = '0001'", Status.UNAVAILABLE, "migrations"),
        ("DELETE FROM alembic_version", Status.UNAVAILABLE, "migrations"),
        ("DROP FUNCTION database_health", Status.UNAVAILABLE, "migrations"),
        # While gateways are replaced one by one the database is of the newer version already.
        ("UPDATE alembic_version SET version_num = 'newer'", Status.OK, None),
        ("UPDATE view_refreshes SET last_error = 'secret' WHERE name = 'lab_stats'", Status.DEGRADED, "views"),
        ("DROP FUNCTION consumer_health", Status.UNAVAILABLE, "migrations"),
        (f"{CONSUMER} now(), now() - interval '59 seconds')", Status.OK, None),
        (f"{CONSUMER} now(), now() - interval '61 seconds')", Status.DEGRADED, "events"),
        (f"{CONSUMER} now() - interval '31 seconds', NULL)", Status.DEGRADED, "events"),
    ],
)
async def test_a_database_of_another_version(
    new_database: Callable[[], Database], change: str, status: Status, failing: str | None
) -> None:
    database = new_database()
    async with looking(database.url) as health:
        assert (await health.condition()).status is Status.OK
        with database.connect() as owner:
            owner.execute(change.encode())
        condition = await health.condition()
        assert condition.status is status
        assert [name for name, check in condition.checks.items() if check.status is not Status.OK] == (
            [failing] if failing else []
        )
        assert "secret" not in str(condition.checks)


async def test_it_looks_again_after_its_connection_was_cut(new_database: Callable[[], Database]) -> None:
    database = new_database()
    async with looking(database.url) as health:
        assert (await health.condition()).can_answer
        with database.connect(None) as admin:
            admin.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() "
                "AND pid <> pg_backend_pid()"
            )
        assert [(await health.condition()).can_answer for _ in range(2)][-1]


async def test_the_database_is_asked_once_for_many(school: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("execution.health.FRESH_SECONDS", 60.0)
    asked: list[str] = []
    async with looking(school.url, listener=lambda text, seconds, error: asked.append(text)) as health:
        conditions = await asyncio.gather(*(health.condition() for _ in range(50)))
        await asyncio.sleep(0)
    assert {condition.status for condition in conditions} == {Status.OK}
    assert len([text for text in asked if "database_health" in text]) == 1


async def test_busy_is_not_away(gateway: Gateway, http: httpx.AsyncClient, school: Database) -> None:
    query = {"query": "{ viewer { user { externalId } } }"}
    with school.connect() as owner, owner.transaction():
        owner.execute("LOCK TABLE users IN ACCESS EXCLUSIVE MODE")
        asking = [
            asyncio.create_task(http.post("/graphql", json=query, headers=gateway.headers("mia", "MANAGER")))
            for _ in range(3)
        ]
        for _ in range(400):
            figures = await figures_of(gateway, http)
            if figures["db_pool_waiting"] == 2:
                break
            await asyncio.sleep(0.05)
        assert figures["db_pool_waiting"] == 2
        assert figures["db_pool_in_use"] == figures["db_pool_size"] == 1
        assert (await http.get("/health/ready")).status_code == 200
    for answer in await asyncio.gather(*asking):
        assert answer.json()["data"]["viewer"]["user"] == {"externalId": "mia"}
    figures = await figures_of(gateway, http)
    assert (figures["db_pool_in_use"], figures["db_pool_waiting"]) == (0, 0)


async def figures_of(gateway: Gateway, http: httpx.AsyncClient) -> dict[str, Any]:
    answer = await http.get("/health/detailed", headers=gateway.headers("mia", "MANAGER"))
    figures: dict[str, Any] = answer.json()["figures"]
    return figures


async def test_details_are_for_those_who_run_it(gateway: Gateway, http: httpx.AsyncClient) -> None:
    for headers in ({}, {"Authorization": "Bearer nonsense"}, {"Authorization": "Basic cm9vdDpyb290"}):
        refused = await http.get("/health/detailed", headers=headers)
        assert (refused.status_code, refused.json()["errors"][0]["extensions"]["code"]) == (401, "UNAUTHENTICATED")
        assert refused.headers["www-authenticate"] == "Bearer"
    for role in ("STUDENT", "TEACHER", "SERVICE"):
        refused = await http.get("/health/detailed", headers=gateway.headers("ben", role))
        assert (refused.status_code, refused.json()["errors"][0]["extensions"]["code"]) == (403, "FORBIDDEN")
        assert "figures" not in refused.text
    for role in ("MANAGER", "ADMIN"):
        assert (await http.get("/health/detailed", headers=gateway.headers("root", role))).status_code == 200


async def test_details_say_how_far_things_are_and_hold_no_secret(
    gateway: Gateway, http: httpx.AsyncClient, school: Database
) -> None:
    headers = gateway.headers("root", "ADMIN")
    before = (await http.get("/health/detailed", headers=headers)).json()
    assert before["database"]["pendingChanges"] > 0
    assert before["database"]["views"]["score_ranks"] == {"lagSeconds": None, "isFailing": False}
    with school.connect(DatabaseRole.WORKER) as worker:
        fold_and_refresh(worker)
    answer = await http.get("/health/detailed", headers=headers)
    after = answer.json()
    assert after["database"]["pendingChanges"] == 0
    assert 0 <= after["database"]["views"]["score_ranks"]["lagSeconds"] < 60
    assert after["version"]
    password = make_url(school.url).password
    assert SECRET not in answer.text
    assert "postgresql" not in answer.text
    assert password is None or str(password) not in answer.text
    lags = (await http.get("/metrics/prometheus")).text
    assert 'rollup_lag_seconds{view="score_ranks"}' in lags


async def test_nobody_learns_more_than_how_many(school: Database) -> None:
    """The function runs as the owner, who sees all: what it gives holds nobody's rows."""
    pool = ReadPool(school.url, DatabaseRole.API, size=1, statement_timeout=10)
    health = await get_database_health(pool)
    async with pool.connection() as connection:
        row = await connection.fetchrow("SELECT * FROM database_health()")
    await pool.aclose()
    assert health is not None
    assert set(row.keys()) == {"revision", "pending_changes", "views"}
    assert all(set(view) == {"name", "lag_seconds", "is_failing"} for view in row["views"])
    with school.connect(None) as admin:
        admin.execute("CREATE ROLE stranger")
        try:
            admin.execute("SET ROLE stranger")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                admin.execute("SELECT * FROM database_health()")
        finally:
            admin.execute("RESET ROLE")
            admin.execute("DROP ROLE stranger")
