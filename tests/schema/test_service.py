"""What the gateway says of itself holds."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest

from execution.limits import LIMITS
from schema.relay import LARGEST_PAGE
from settings import CostMode
from tests.asking import Asker
from tests.conftest import Database, Servers
from tests.gateway import Gateway, running_gateway
from tests.school import new_school

LIMITS_OF = """{ service { version limits {
  maxPageSize maxDepth maxAliases maxCost maxExportMib exportsPerHour maxConcurrentExports maxBatch } } }"""
SETTINGS: dict[str, Any] = {
    "cost_limit": ("STUDENT=3000", "ADMIN=9000"),
    "cost_per_minute": ("ADMIN=5000",),
    "max_report_mb": 7,
    "exports_per_hour": 3,
    "max_concurrent_reports": 2,
}


@pytest.fixture(scope="module")
async def gateway(new_database: Callable[[], Database], servers: Servers) -> AsyncIterator[Gateway]:
    with running_gateway(new_school(new_database), servers, **SETTINGS) as running:
        yield running


async def answered(gateway: Gateway, query: str, role: str, person: str = "root", **header: str) -> Any:
    headers = {**gateway.headers(person, role), **header}
    async with httpx.AsyncClient(base_url=gateway.url, timeout=30) as http:
        return (await http.post("/graphql", json={"query": query}, headers=headers)).json()


async def test_the_limits_are_those_of_the_settings(gateway: Gateway) -> None:
    service = (await answered(gateway, LIMITS_OF, "ADMIN"))["data"]["service"]
    assert service["version"]
    assert service["limits"] == {
        "maxPageSize": LARGEST_PAGE,
        "maxDepth": LIMITS.depth,
        "maxAliases": LIMITS.aliases,
        # No more than there is in a minute.
        "maxCost": 5000,
        "maxExportMib": 7,
        "exportsPerHour": 3,
        "maxConcurrentExports": 2,
        "maxBatch": 1000,
    }


@pytest.mark.parametrize(("person", "role"), [("ben", "STUDENT"), ("root", "ADMIN"), ("ada", "TEACHER")])
async def test_the_cost_that_is_told_is_what_holds(gateway: Gateway, person: str, role: str) -> None:
    query = "{ service { limits { maxCost } } }"
    counted = await answered(gateway, query, role, person, **{"GraphQL-Cost": "1"})
    told = counted["data"]["service"]["limits"]["maxCost"]
    assert told == counted["extensions"]["cost"]["limit"]
    # Also where the answer was kept, perhaps of another role.
    for _ in range(2):
        assert (await answered(gateway, query, role, person))["data"]["service"]["limits"]["maxCost"] == told


async def test_no_more_than_told_may_be_asked_for(gateway: Gateway) -> None:
    limits = (await answered(gateway, LIMITS_OF, "ADMIN"))["data"]["service"]["limits"]
    pages = [
        await answered(gateway, f"{{ labs(first: {limits['maxPageSize'] + n}) {{ nodes {{ id }} }} }}", "ADMIN")
        for n in (0, 1)
    ]
    assert ["errors" in page for page in pages] == [False, True]
    aliases = [" ".join(f"a{n}: __typename" for n in range(limits["maxAliases"] + more)) for more in (0, 1)]
    found = [await answered(gateway, f"{{ viewer {{ {fields} }} }}", "ADMIN") for fields in aliases]
    assert "LIMIT_EXCEEDED" not in str(found[0])
    assert found[1]["errors"][0]["extensions"]["code"] == "LIMIT_EXCEEDED"


@pytest.mark.parametrize("mode", [CostMode.MEASURE, CostMode.OFF])
async def test_where_cost_is_not_limited_none_is_told(
    new_database: Callable[[], Database], servers: Servers, mode: CostMode
) -> None:
    with running_gateway(new_school(new_database), servers, cost=mode) as running:
        answer = await answered(running, "{ service { limits { maxCost } } }", "STUDENT", "ben")
    assert answer["data"] == {"service": {"limits": {"maxCost": None}}}


async def test_it_is_told_to_those_with_a_token(ask: Asker) -> None:
    answer = await ask(LIMITS_OF, person=None)
    assert (answer.data, answer.codes) == (None, ["UNAUTHENTICATED"])
