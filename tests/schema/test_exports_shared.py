"""Those who see a whole organization share answers; not those about exports, which are somebody's own."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from tests.conftest import Database, Servers
from tests.execution.live.events import streaming
from tests.gateway import Gateway, running_gateway
from tests.school import new_school

REQUEST = (
    """mutation { requestExport(input: {kind: ATTEMPTS, format: CSV}) { export { id } userErrors { message } } }"""
)
LIST = "{ exports { nodes { id } } }"
FOLLOW = "subscription ($id: ID!) { exportUpdated(id: $id) { status } }"
MORE = """INSERT INTO users (organization_id, external_id, username, display_name, role)
SELECT id, 'max', 'max', 'Max Mole', 'MANAGER' FROM organizations WHERE slug = 'north'"""


@pytest.fixture
def database(new_database: Callable[[], Database]) -> Database:
    made = new_school(new_database)
    with made.connect() as owner:
        owner.execute(MORE)
    return made


def asked(gateway: Gateway, person: str, query: str) -> dict[str, object]:
    answer = httpx.post(
        f"{gateway.url}/graphql", json={"query": query}, headers=gateway.headers(person, "MANAGER"), timeout=20
    )
    data: dict[str, object] = answer.json()["data"]
    return data


async def test_two_managers(database: Database, servers: Servers) -> None:
    with running_gateway(database, servers) as gateway:
        [made] = [done["export"] for done in asked(gateway, "mia", REQUEST).values()]  # type: ignore[index]
        for _ in range(3):
            # The second time from what is kept.
            assert asked(gateway, "mia", LIST) == {"exports": {"nodes": [made]}}
            assert asked(gateway, "max", LIST) == {"exports": {"nodes": []}}
        tokens = {person: gateway.token(person, "MANAGER") for person in ("mia", "max")}
        async with streaming(gateway, tokens["mia"], FOLLOW, variables={"id": made["id"]}) as mine:
            assert (await mine.next())[1]["data"] == {"exportUpdated": {"status": "PENDING"}}
            async with streaming(gateway, tokens["max"], FOLLOW, variables={"id": made["id"]}) as others:
                _, told = await others.next()
                assert told["errors"][0]["extensions"]["code"] == "NOT_FOUND"
            with database.connect() as owner:
                owner.execute("UPDATE exports SET status = 'CANCELLED'")
            assert (await mine.next())[1]["data"] == {"exportUpdated": {"status": "CANCELLED"}}
            # What was kept is of before.
            assert asked(gateway, "mia", "{ exports { nodes { status } } }") == {
                "exports": {"nodes": [{"status": "CANCELLED"}]}
            }
