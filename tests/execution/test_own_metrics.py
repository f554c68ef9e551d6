"""The gateway tells how it fares: by the minute, by operation, never by the request; nothing is lost while the database is away."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from db.engine import write_engine
from execution.own_metrics import MOST_NAMES, OwnMetrics
from settings import DatabaseRole
from tests.conftest import Database, Servers
from tests.gateway import running_gateway
from tests.school import new_school
from tests.workers.asking import execute, value

COUNTED = "SELECT coalesce(jsonb_object_agg(concat_ws(' ', endpoint, method, status_code), n), '{}') FROM (SELECT endpoint, method, status_code, sum(requests)::int AS n FROM api_metrics WHERE organization_id IS NULL AND service_name = 'gateway' GROUP BY 1, 2, 3) AS c"


@pytest.fixture
def database(new_database: Callable[[], Database]) -> Database:
    return new_school(new_database)


@pytest.fixture
async def engine(database: Database) -> AsyncIterator[AsyncEngine]:
    engine = write_engine(database.url, DatabaseRole.API)
    yield engine
    await engine.dispose()


async def test_counts_by_operation_and_status(database: Database, engine: AsyncEngine) -> None:
    own = OwnMetrics(engine, lambda: 0.25)
    for _ in range(1000):
        own.count("Card", "query", "OK", 0.01, 200)
    own.count("Card", "query", "INTERNAL", 0.02)
    own.count(None, "query", "GRAPHQL_VALIDATION_FAILED", 0)
    own.count(None, None, "NO_SUCH_CODE", 0.001, 5)
    own.count("Save", "mutation", "UNAUTHENTICATED", 0.001, 5)
    await own.write()
    assert value(database, COUNTED) == {
        "Card QUERY 200": 1000, "Card QUERY 500": 1, "other QUERY 400": 1, "other OTHER 400": 1, "Save MUTATION 401": 1,
    }  # fmt: skip
    assert value(database, "SELECT count(*) FROM api_metrics") == 5
    card = "SELECT ARRAY[total_microseconds, payloads, payload_bytes] FROM api_metrics WHERE requests = 1000"
    assert value(database, card) == [10_000_000, 1000, 200_000]
    assert value(database, "SELECT bool_and(at = date_trunc('minute', at)) FROM api_metrics") is True
    samples = "SELECT jsonb_object_agg(metric_name, value) FROM system_metrics WHERE service_name = 'gateway'"
    told = value(database, samples)
    assert told.keys() == {"cpu_percent", "memory_mib", "db_pool_usage"}
    assert (told["db_pool_usage"], told["memory_mib"] > 10, told["cpu_percent"] >= 0) == (0.25, True, True)
    # Nothing is written twice.
    await own.write()
    assert value(database, "SELECT count(*) FROM api_metrics") == 5


async def test_what_is_not_taken_is_written_later(database: Database, engine: AsyncEngine) -> None:
    own = OwnMetrics(engine, lambda: 0)
    own.count("Card", "query", "OK", 0.01)
    execute(database, "ALTER TABLE api_metrics RENAME TO away")
    await own.write()
    execute(database, "ALTER TABLE away RENAME TO api_metrics")
    own.count("Card", "query", "OK", 0.01)
    await own.write()
    assert value(database, COUNTED) == {"Card QUERY 200": 2}
    assert value(database, "SELECT count(*) FROM system_metrics") == 3, "what is of a moment is not told later"


async def test_a_database_that_is_away_stops_nobody() -> None:
    engine = write_engine("postgresql://nobody@127.0.0.1:1/none", DatabaseRole.API)
    own = OwnMetrics(engine, lambda: 0)
    own.start()
    own.count("Card", "query", "OK", 0.01)
    await own.write()
    await own.aclose()
    await engine.dispose()


async def test_names_do_not_grow_without_end(database: Database, engine: AsyncEngine) -> None:
    own = OwnMetrics(engine, lambda: 0)
    for number in range(MOST_NAMES + 100):
        own.count(f"Q{number}", "query", "OK", 0.001)
    await own.write()
    assert value(database, COUNTED)["other QUERY 200"] == 100


async def test_the_gateway_tells_of_itself(database: Database, servers: Servers) -> None:
    with running_gateway(database, servers) as served:
        root, ben = served.headers("root", "ADMIN"), served.headers("ben", "STUDENT")
        url = f"{served.url}/graphql"
        async with httpx.AsyncClient() as client:
            for headers, query in (
                (ben, "query Me { viewer { role } }"),
                (ben, "{ platform { services { status } } }"),
                (root, "{ nonsense }"),
                ({}, "{ viewer { role } }"),
            ):
                await client.post(url, json={"query": query}, headers=headers)
            # Kept answers are requests, too.
            for _ in range(3):
                await client.post(url, json={"query": "query Me { viewer { role } }"}, headers=ben)
    assert value(database, COUNTED) == {
        "other QUERY 200": 4,
        "other QUERY 403": 1,
        "other OTHER 400": 1,
        "other QUERY 401": 1,
    }
    assert value(database, "SELECT bool_and(payloads = requests AND payload_bytes > 10) FROM api_metrics") is True
    with running_gateway(database, servers) as served:
        async with httpx.AsyncClient() as client:
            answer = await client.post(
                f"{served.url}/graphql",
                json={
                    "query": '{ platform { apiMetrics(service: "gateway") { endpoint requests } services { serviceName } } }'
                },
                headers=served.headers("root", "ADMIN"),
            )
    found = answer.json()["data"]["platform"]
    assert sum(int(metric["requests"]) for metric in found["apiMetrics"]) == 7
    assert found["services"] == [{"serviceName": "gateway"}]
