"""A client that goes away takes its query with it, on a real gateway and a real database."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import httpx
import orjson
import pytest

from tests.conftest import Database, Servers
from tests.gateway import Gateway, running_gateway
from tests.school import new_school

WAITING = (
    "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'scoregraph reads' AND wait_event_type = 'Lock'"
)


@pytest.fixture(scope="module")
def school(new_database: Callable[[], Database]) -> Database:
    return new_school(new_database)


@pytest.fixture(scope="module")
def gateway(school: Database, servers: Servers) -> Iterator[Gateway]:
    with running_gateway(school, servers, db_pool_size=2) as running:
        yield running


async def until(database: Database, expected: int) -> None:
    """Long before the statement would be given up by itself."""
    with database.connect(None) as admin:
        for _ in range(200):
            [[found]] = admin.execute(f"{WAITING} AND datname = current_database()").fetchall()
            if found == expected:
                return
            await asyncio.sleep(0.02)
    raise AssertionError(f"never {expected} that wait")


async def test_who_hangs_up_stops_the_query(gateway: Gateway, school: Database) -> None:
    body = orjson.dumps({"query": "{ users { nodes { displayName } } }"})
    authorization = gateway.headers("mia", "MANAGER")["Authorization"]
    head = (
        f"POST /graphql HTTP/1.1\r\nHost: gateway\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        f"Authorization: {authorization}\r\n\r\n"
    )
    place = urlsplit(gateway.url)
    with school.connect(None) as blocker, blocker.transaction():
        blocker.execute("LOCK TABLE users IN ACCESS EXCLUSIVE MODE")
        # More than there are connections: all come back.
        for _ in range(3):
            with socket.create_connection((place.hostname, place.port)) as client:
                client.sendall(head.encode() + body)
                await until(school, 1)
            await until(school, 0)
    async with httpx.AsyncClient(base_url=gateway.url, timeout=30) as http:
        answer = await http.post(
            "/graphql", content=body, headers={"Content-Type": "application/json", "Authorization": authorization}
        )
    assert "errors" not in answer.json()
