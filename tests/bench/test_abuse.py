"""Each hostile request of the bench is one that a gateway refuses as a mistake of its client."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import httpx
import pytest

from bench.abuse import requests
from tests.conftest import Database, Servers
from tests.gateway import Gateway, running_gateway


@pytest.fixture(scope="module")
def gateway(new_database: Callable[[], Database], servers: Servers) -> Iterator[Gateway]:
    database = new_database()
    with database.connect() as connection:
        connection.execute("INSERT INTO organizations (slug, name, time_zone) VALUES ('north', 'North', 'UTC')")
        connection.execute(
            "INSERT INTO users (organization_id, external_id, username, display_name, role) VALUES (1, 'm', 'm', 'M', 'MANAGER')"
        )
    with running_gateway(database, servers) as running:
        yield running


@pytest.mark.parametrize("name", requests())
def test_hostile_requests_are_refused(gateway: Gateway, name: str) -> None:
    response = httpx.post(
        f"{gateway.url}/graphql",
        content=requests()[name],
        headers={**gateway.headers("m", "MANAGER"), "Content-Type": "application/json"},
    )
    answer = response.json()
    assert response.status_code < 500
    assert not answer.get("data")
    codes = {error["extensions"]["code"] for error in answer["errors"]}
    assert codes.isdisjoint({"INTERNAL", "UNAUTHENTICATED", "UNAVAILABLE"})
