"""Who is let in for how much, and what they are told."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError
from structlog.testing import capture_logs

from auth import Claims, Role
from execution.budgets import FREE, MOST_NODES, Admission, Budgets, wants_report
from execution.cost import Cost
from execution.operations import Operation
from execution.refusals import Refusal
from schema.graph import graph
from settings import Settings
from tests.conftest import Servers
from tests.test_golden import ASKED_BY, GOLDEN, PAGES

ROWS = "query ($first: Int) { users(first: $first) { nodes { id } } }"
DEAR = "{ organization { trend { points { people } } } }"


def somebody(role: Role = Role.STUDENT) -> Claims:
    return Claims("north", uuid.uuid4().hex, role, None, datetime.now(UTC) + timedelta(hours=1))


def prepared(text: str = ROWS) -> Operation:
    return graph.operations.prepare(text)


@asynccontextmanager
async def budgets(redis_url: str | None = None, **settings: Any) -> AsyncIterator[Budgets]:
    made = Budgets(graph.schema, Settings(redis_url=redis_url, **settings))
    yield made
    await made.aclose()


async def refused(admission: Any) -> Refusal:
    with pytest.raises(Refusal) as refusal:
        await admission
    return refusal.value


async def test_an_admission_says_what_was_charged() -> None:
    async with budgets() as made:
        admission = await made.admit(prepared(), {"first": 9}, somebody())
    headers = ((b"ratelimit-policy", b'"cost";q=100000;w=60'), (b"ratelimit", b'"cost";r=99990;t=60'))
    assert admission == Admission(Cost(10, 10), headers, limit=5000, remaining=99990)
    assert admission.extensions == {"cost": {"requested": 10, "nodes": 10, "limit": 5000, "remaining": 99990}}


async def test_too_many_objects() -> None:
    async with budgets() as made:
        admin = somebody(Role.ADMIN)
        refusal = await refused(made.admit(prepared(), {"first": MOST_NODES}, admin))
        assert refusal.status == 400
        assert refusal.extensions == {
            "code": "NODE_LIMIT_EXCEEDED",
            "cost": MOST_NODES + 1,
            "nodes": MOST_NODES + 1,
            "limit": MOST_NODES,
        }
        # What is refused is not charged; the last that passes is.
        admission = await made.admit(prepared(), {"first": MOST_NODES - 1}, admin)
        assert admission.extensions["cost"]["remaining"] == 3_000_000 - MOST_NODES


async def test_too_dear_for_a_role() -> None:
    async with budgets(cost_limit=("STUDENT=2000",)) as made:
        refusal = await refused(made.admit(prepared(DEAR), {}, somebody()))
        assert refusal.status == 400
        assert refusal.extensions == {"code": "COST_LIMIT_EXCEEDED", "cost": 2034, "limit": 2000}
        for role in set(Role) - {Role.STUDENT}:
            assert (await made.admit(prepared(DEAR), {}, somebody(role))).cost.total == 2034


@pytest.mark.parametrize("is_shared", [False, True])
async def test_too_often(servers: Servers, is_shared: bool) -> None:
    redis_url = servers.redis_url if is_shared else None
    async with budgets(redis_url, cost_per_minute=("STUDENT=1000",)) as made:
        claims = somebody()
        for _ in range(10):
            await made.admit(prepared(), {"first": 99}, claims)
        refusal = await refused(made.admit(prepared(), {"first": 0}, claims))
    assert refusal.status == 429
    seconds = refusal.extensions["retryAfter"]
    assert 55 <= seconds <= 60
    assert refusal.extensions == {
        "code": "RATE_LIMITED",
        "cost": 1,
        "limit": 1000,
        "remaining": 0,
        "retryAfter": seconds,
    }
    assert refusal.headers == {
        "ratelimit-policy": '"cost";q=1000;w=60',
        "ratelimit": f'"cost";r=0;t={seconds}',
        "retry-after": str(seconds),
    }


async def test_what_costs_nothing_is_never_too_often() -> None:
    async with budgets(cost_per_minute=("STUDENT=20",)) as made:
        claims = somebody()
        await made.admit(prepared(), {"first": 19}, claims)
        for _ in range(3):
            assert (await made.admit(prepared("{ __typename }"), None, claims)).cost == Cost(0, 0)


async def test_an_operation_never_may_cost_more_than_there_is_in_a_minute() -> None:
    async with budgets(cost_per_minute=("TEACHER=1010",)) as made:
        refusal = await refused(made.admit(prepared(), {"first": 1000}, somebody(Role.TEACHER)))
        # In whole slices, of which there are twenty.
        assert refusal.extensions == {"code": "COST_LIMIT_EXCEEDED", "cost": 1001, "limit": 1000}
        assert (await made.admit(prepared(), {"first": 999}, somebody(Role.TEACHER))).cost.total == 1000


async def test_many_at_once_are_charged_exactly(servers: Servers) -> None:
    claims = somebody()
    settings = {"cost_per_minute": ("STUDENT=5000",)}
    async with budgets(servers.redis_url, **settings) as one, budgets(servers.redis_url, **settings) as two:

        async def ask(made: Budgets) -> int:
            try:
                return (await made.admit(prepared(), {"first": 24}, claims)).cost.total
            except Refusal:
                return 0

        charged = sum(await asyncio.gather(*(ask(made) for _ in range(150) for made in (one, two))))
    assert 5000 - 2 * 250 <= charged <= 5000


async def test_measure_refuses_nothing_and_says_what_it_would() -> None:
    async with budgets(cost="measure", cost_per_minute=("STUDENT=1000",)) as made:
        claims = somebody()
        with capture_logs() as logged:
            for variables in ({"first": 10**9}, {"first": 6000}, {"first": 999}, {"first": 9}):
                admission = await made.admit(prepared(), variables, claims)
                assert admission.headers
                assert admission.extensions["cost"]["requested"] == min(variables["first"] + 1, 10**9)
    codes = [entry["code"] for entry in logged if entry["event"] == "would_refuse"]
    assert codes == ["NODE_LIMIT_EXCEEDED", "COST_LIMIT_EXCEEDED", "RATE_LIMITED", "RATE_LIMITED", "RATE_LIMITED"]
    # What is too dear is charged up to what there is.
    assert admission.extensions["cost"]["remaining"] == 0
    assert {entry["role"] for entry in logged} == {"STUDENT"}
    assert claims.subject not in str(logged)


async def test_off_counts_nothing_and_nobody_has_no_budget() -> None:
    async with budgets(cost="off") as made:
        assert await made.admit(prepared(), {"first": 10**9}, somebody()) is FREE
    async with budgets() as made:
        assert await made.admit(prepared(), {"first": 10**9}, None) is FREE
    assert (FREE.headers, FREE.extensions) == ((), {})


@pytest.mark.parametrize("page", PAGES)
async def test_golden_pages_are_let_in(page: str) -> None:
    document = (GOLDEN / page / "query.graphql").read_text()
    asked_by = ASKED_BY.match(document)
    assert asked_by is not None
    async with budgets() as made:
        claims = somebody(Role(asked_by["role"]))
        # And not only once: a page that is opened again and again.
        for _ in range(20):
            await made.admit(prepared(document), None, claims)


MEMBERS = """
query ($first: Int!, $after: String) { group(id: "R3JvdXA6MQ") { members(first: $first, after: $after) {
  nodes { displayName performance { score tasksCompleted } topicStats { topic { title } measures { attempts successRate } score } }
  pageInfo { endCursor } } } }
"""
BATCH = """
mutation ($input: RecordAttemptsInput!) { recordAttempts(input: $input) {
  results { index attempt { id } performance { score } userErrors { code message path } } userErrors { code } } }
"""


async def test_large_honest_work_is_let_in() -> None:
    async with budgets() as made:
        teacher, service = somebody(Role.TEACHER), somebody(Role.SERVICE)
        for size in (200, 100):
            await made.admit(prepared(MEMBERS), {"first": size}, teacher)
        for _ in range(1000):
            admission = await made.admit(prepared(BATCH), {"input": {"attempts": [{}] * 1000}}, service)
    assert admission.cost.total < 5_000


@pytest.mark.parametrize(
    ("headers", "wanted"),
    [({}, False), ({b"graphql-cost": b"1"}, True), ({b"graphql-cost": b" 0 "}, False), ({b"graphql-cost": b""}, False)],
)
def test_who_wants_a_report(headers: dict[bytes, bytes], wanted: bool) -> None:
    assert wants_report(headers) is wanted


def test_settings_by_role() -> None:
    settings = Settings(cost_limit="TEACHER=7, STUDENT=8", cost_per_minute="SERVICE=9")  # type: ignore[arg-type]
    assert settings.cost_limits == {"STUDENT": 8, "TEACHER": 7, "MANAGER": 50_000, "ADMIN": 200_000, "SERVICE": 200_000}
    assert settings.cost_budgets["SERVICE"] == 9
    assert set(settings.cost_limits) == set(settings.cost_budgets) == {role.value for role in Role}


@pytest.mark.parametrize(
    "value", ["STUDENT", "STUDENT=", "STUDENT=0", "STUDENT=-1", "student=5", "GUEST=5", "STUDENT=1e3", "=5"]
)
def test_settings_that_cannot_be(value: str) -> None:
    for name in ("cost_limit", "cost_per_minute"):
        with pytest.raises(ValidationError, match="roles are STUDENT, TEACHER"):
            Settings(**{name: value})
