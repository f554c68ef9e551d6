"""Live attempts through the real gateway."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import pytest
import uvicorn

from app import create_app
from auth import Role, mint
from importers import trickle as subject
from importers.demo_data import SERVICE, SERVICE_PLACE
from importers.trickle import trickle
from settings import Settings
from tests.conftest import Database, Servers

PEOPLE = f"""
INSERT INTO organizations (slug, name) VALUES ('{SERVICE_PLACE}', 'Costa');
INSERT INTO users (organization_id, external_id, username, display_name) SELECT id, 'eva', 'eva', 'Eva' FROM organizations;
INSERT INTO groups (organization_id, external_id, name) SELECT id, 'g', 'G' FROM organizations;
INSERT INTO group_memberships (organization_id, group_id, user_id) SELECT g.organization_id, g.id, u.id FROM groups g, users u;
INSERT INTO labs (organization_id, type, title, difficulty) SELECT id, t, t, 5 FROM organizations, unnest(ARRAY['due', 'over', 'free']) AS t;
INSERT INTO assignments (organization_id, lab_id, group_id, due_at)
SELECT l.organization_id, l.id, g.id, now() + CASE l.type WHEN 'due' THEN interval '2 days' ELSE interval '-2 days' END
FROM labs l, groups g WHERE l.type <> 'free';
"""


@pytest.fixture
async def gateway(
    new_database: Callable[[], Database], servers: Servers
) -> AsyncIterator[tuple[Database, str, Settings]]:
    database = new_database()
    with database.connect() as owner:
        owner.execute(PEOPLE)
    settings = Settings(database_url=database.url, redis_url=servers.redis_url, jwt_secret="s" * 32)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        server = uvicorn.Server(uvicorn.Config(create_app(settings), log_level="error", ws="none"))
        serving = asyncio.create_task(server.serve([listening]))
        yield database, f"http://127.0.0.1:{listening.getsockname()[1]}/graphql", settings
        server.should_exit = True
        await serving


def recorded(database: Database) -> list[Any]:
    with database.connect() as owner:
        return owner.execute(
            "SELECT l.type, a.status, a.due_at > now() FROM attempts a JOIN labs l ON l.id = lab_id"
        ).fetchall()


async def until(condition: Callable[[], Any], seconds: float = 20) -> None:
    give_up = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < give_up
        await asyncio.sleep(0.05)


async def test_attempts_arrive_and_an_error_is_survived(
    gateway: tuple[Database, str, Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    database, url, settings = gateway
    monkeypatch.setattr(subject, "LONGEST_BACKOFF_SECONDS", 0.1)
    asked = 0

    def token() -> str:
        nonlocal asked
        asked += 1
        if asked <= 3:
            return "not a token"
        return mint(
            settings, organization=SERVICE_PLACE, subject=SERVICE, role=Role.SERVICE, lifetime=timedelta(minutes=1)
        )

    stop = asyncio.Event()
    running = asyncio.create_task(trickle(url, token, database.url, per_minute=1_200, stop=stop))
    await until(lambda: len(recorded(database)) >= 12 or running.done())
    stop.set()
    await asyncio.wait_for(running, 10)
    rows = recorded(database)
    assert asked == len(rows) + 3
    # Nothing is begun after its deadline.
    assert {(lab, ahead) for lab, _, ahead in rows} == {("due", True), ("free", None)}
    assert {status for _, status, _ in rows} <= {"SUCCEEDED", "FAILED"}


async def test_a_lost_answer_is_asked_for_again_with_the_same_key(
    gateway: tuple[Database, str, Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    database, url, settings = gateway
    monkeypatch.setattr(subject, "LONGEST_BACKOFF_SECONDS", 0.1)
    record, keys = subject._record, []

    async def lossy(client: Any, url: str, token: str, values: dict[str, Any]) -> None:
        keys.append(values["idempotencyKey"])
        await record(client, url, token, values)
        if len(keys) <= 2:
            raise subject.httpx.ReadTimeout("the answer did not come")

    monkeypatch.setattr(subject, "_record", lossy)
    stop = asyncio.Event()

    def token() -> str:
        return mint(
            settings, organization=SERVICE_PLACE, subject=SERVICE, role=Role.SERVICE, lifetime=timedelta(minutes=1)
        )

    running = asyncio.create_task(trickle(url, token, database.url, per_minute=1_200, stop=stop))
    await until(lambda: len(keys) >= 4 or running.done())
    stop.set()
    await asyncio.wait_for(running, 10)
    assert len(set(keys[:3])) == 1
    assert len(recorded(database)) == len(set(keys))


async def test_without_a_gateway_or_people_it_waits_and_stops_at_once(new_database: Callable[[], Database]) -> None:
    database = new_database()
    stop = asyncio.Event()
    running = asyncio.create_task(trickle("http://127.0.0.1:9/graphql", lambda: "", database.url, stop=stop))
    await asyncio.sleep(0.5)
    assert not running.done()
    began = time.monotonic()
    stop.set()
    await asyncio.wait_for(running, 5)
    assert time.monotonic() - began < 1
