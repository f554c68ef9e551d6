"""`scoregraph serve` as a process: what is at hand when it is told to stop is answered, and its log is clean."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import httpx
from pydantic import SecretStr

from auth import Role, mint
from settings import Settings
from tests.commanding import SECRET, start_scoregraph
from tests.conftest import Database, Servers
from tests.school import build_school

PERSONAL = "ada.abel@north.example"


async def until_one_waits(database: Database) -> None:
    """Returns when a statement of a request waits for a lock."""
    waiting = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        " AND application_name = 'scoregraph reads'"
    )
    with database.connect(None) as admin:
        for _ in range(1000):
            if admin.execute(waiting).fetchone() == (1,):
                return
            await asyncio.sleep(0.02)
    raise AssertionError("nobody waits")


async def test_a_request_at_hand_is_answered_before_it_stops(
    new_database: Callable[[], Database], servers: Servers, tmp_path: Path
) -> None:
    database = new_database()
    with database.connect() as owner:
        build_school(owner)
    variables = {"DATABASE_URL": database.url, "REDIS_URL": servers.redis_url, "JWT_SECRET": SECRET}
    process = start_scoregraph(tmp_path, "serve", "--port", "0", SCOREGRAPH_SLOW_SECONDS="60", **variables)
    assert process.stderr is not None
    try:
        first = json.loads(await asyncio.to_thread(process.stderr.readline))
        assert first["event"] == "serving"
        token = mint(
            Settings(jwt_secret=SecretStr(SECRET)),
            organization="north",
            subject="mia",
            role=Role.MANAGER,
            lifetime=timedelta(hours=1),
        )
        document = (
            f'query Who {{ viewer {{ user {{ externalId }} }} a: user(by: {{externalId: "{PERSONAL}"}}) {{ id }} }}'
        )
        async with httpx.AsyncClient(
            base_url=first["url"], timeout=30, headers={"Authorization": f"Bearer {token}"}
        ) as http:
            with database.connect() as owner, owner.transaction():
                owner.execute("LOCK TABLE users IN ACCESS EXCLUSIVE MODE")
                asking = asyncio.create_task(http.post("/graphql", json={"query": document}))
                await until_one_waits(database)
                process.send_signal(signal.SIGTERM)
                await asyncio.sleep(0.5)
                assert process.poll() is None, "it did not wait"
            answer = await asking
        assert answer.json()["data"] == {"viewer": {"user": {"externalId": "mia"}}, "a": None}
        said = await asyncio.to_thread(process.stderr.read)
        await asyncio.to_thread(process.wait, 30)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 0
    events = [json.loads(line) for line in said.splitlines()]
    assert events[-1]["event"] == "stopped"
    assert [event for event in events if event["level"] != "info"] == []
    [operation] = [event for event in events if event["event"] == "operation"]
    assert (operation["name"], operation["kind"], operation["status"]) == ("Who", "query", "NOT_FOUND")
    assert operation["request_id"] == answer.headers["x-request-id"]
    assert operation["statements"] >= 2
    for secret in (PERSONAL, token, "mia"):
        assert secret not in said
