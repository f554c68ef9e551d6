"""Jobs in the graph: who sees them, asking for them, paging through them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from schema.relay import global_id
from tests.asking import Asker
from tests.schema.test_roster import ERRORS, ROOT
from tests.workers.asking import execute, value

JOB = "id kind task queue status tries queuedAt startedAt finishedAt error"
RUN = f"mutation ($input: RunJobInput!) {{ runJob(input: $input) {{ job {{ {JOB} }} replayed {ERRORS} }} }}"
REFRESH = (
    f"mutation ($input: RefreshViewsInput!) {{ refreshViews(input: $input) {{ job {{ {JOB} }} replayed {ERRORS} }} }}"
)
JOBS = """query ($kind: JobKind, $status: JobStatus, $first: Int, $after: String, $last: Int) {
  operations { jobs(kind: $kind, status: $status, first: $first, after: $after, last: $last) {
    nodes { task status } pageInfo { endCursor hasNextPage } totalCount { value } } } }"""
NODE = f"query ($id: ID!) {{ node(id: $id) {{ ... on JobRun {{ {JOB} }} }} }}"
COUNT = "SELECT count(*) FROM jobs.runs"


async def run(ask: Asker, kind: str, **values: Any) -> dict[str, Any]:
    answer = await ask(RUN, {"input": {"kind": kind, **values}}, **ROOT)
    assert answer.errors == []
    assert answer.data
    payload: dict[str, Any] = answer.data["runJob"]
    return payload


async def refresh(ask: Asker, **values: Any) -> dict[str, Any]:
    answer = await ask(REFRESH, {"input": values}, **ROOT)
    assert answer.errors == []
    assert answer.data
    payload: dict[str, Any] = answer.data["refreshViews"]
    return payload


async def listed(ask: Asker, **variables: Any) -> dict[str, Any]:
    answer = await ask(JOBS, variables, **ROOT)
    assert answer.errors == []
    assert answer.data
    page: dict[str, Any] = answer.data["operations"]["jobs"]
    return page


async def test_asks_for_a_job_and_finds_it_again(fresh_ask: Asker) -> None:
    payload = await run(fresh_ask, "DATA_CLEANUP")
    job = payload["job"]
    assert (payload["replayed"], payload["userErrors"]) == (False, [])
    assert (job["kind"], job["task"], job["queue"]) == ("DATA_CLEANUP", "maintenance:clean_up", "maintenance")
    assert (job["status"], job["tries"], job["startedAt"], job["finishedAt"]) == ("QUEUED", 0, None, None)
    answer = await fresh_ask(NODE, {"id": job["id"]}, **ROOT)
    assert answer.data == {"node": job}
    execute(fresh_ask.database, "UPDATE jobs.procrastinate_jobs SET status = 'doing'")
    execute(fresh_ask.database, "UPDATE jobs.procrastinate_jobs SET status = 'failed'")
    execute(fresh_ask.database, "INSERT INTO jobs.failures (job_id, error) SELECT id, 'Full.' FROM jobs.runs")
    answer = await fresh_ask(NODE, {"id": job["id"]}, **ROOT)
    assert answer.data
    ended = answer.data["node"]
    assert (ended["status"], ended["tries"], ended["error"]) == ("FAILED", 1, "Full.")
    assert ended["queuedAt"] <= ended["startedAt"] <= ended["finishedAt"]


async def test_one_that_waits_already_will_do(fresh_ask: Asker) -> None:
    payloads = await asyncio.gather(*(run(fresh_ask, "UNPARKING") for _ in range(5)))
    assert len({payload["job"]["id"] for payload in payloads}) == 1
    execute(fresh_ask.database, "UPDATE jobs.procrastinate_jobs SET status = 'doing'")
    assert (await run(fresh_ask, "UNPARKING"))["job"]["id"] != payloads[0]["job"]["id"], "it may have begun too early"


async def test_with_a_key_it_is_asked_for_once(fresh_ask: Asker) -> None:
    first = await run(fresh_ask, "UNPARKING", idempotencyKey="k")
    execute(fresh_ask.database, "UPDATE jobs.procrastinate_jobs SET status = 'doing'")
    again = await run(fresh_ask, "UNPARKING", idempotencyKey="k")
    assert (again["replayed"], again["job"]["id"]) == (True, first["job"]["id"])
    assert again["job"]["status"] == "RUNNING"
    other = await run(fresh_ask, "DATA_CLEANUP", idempotencyKey="k")
    assert [error["code"] for error in other["userErrors"]] == ["IDEMPOTENCY_MISMATCH"]
    execute(fresh_ask.database, "DELETE FROM jobs.procrastinate_jobs")
    forgotten = await run(fresh_ask, "UNPARKING", idempotencyKey="k")
    assert (forgotten["replayed"], forgotten["job"], forgotten["userErrors"]) == (True, None, [])


@pytest.mark.parametrize("kind", ["VIEW_REFRESH", "OTHER"])
async def test_not_every_kind_is_run_at_will(fresh_ask: Asker, kind: str) -> None:
    payload = await run(fresh_ask, kind)
    assert payload["job"] is None
    assert [(error["code"], error["path"]) for error in payload["userErrors"]] == [("VALIDATION", ["input", "kind"])]
    assert value(fresh_ask.database, COUNT) == 0


async def test_refreshes_views_by_name_or_all(fresh_ask: Asker) -> None:
    one = await refresh(fresh_ask, names=["lab_stats", "lab_stats"])
    assert one["job"]["kind"] == "VIEW_REFRESH"
    assert (await refresh(fresh_ask, names=["lab_stats"]))["job"]["id"] == one["job"]["id"]
    everything = await refresh(fresh_ask)
    assert everything["job"]["id"] != one["job"]["id"]
    names = value(fresh_ask.database, "SELECT args -> 'names' FROM jobs.procrastinate_jobs ORDER BY id DESC LIMIT 1")
    assert names == value(fresh_ask.database, "SELECT jsonb_agg(name ORDER BY name) FROM view_refreshes")


@pytest.mark.parametrize(
    ("names", "paths"),
    [
        ([], [["input", "names"]]),
        (["lab_stats", "nonsense"], [["input", "names", "1"]]),
        (["users; DROP TABLE users", "\0"], [["input", "names", "0"], ["input", "names", "1"]]),
        (["x"] * 900, [["input", "names", str(place)] for place in range(10)]),
    ],
)
async def test_refuses_what_is_no_view(fresh_ask: Asker, names: list[str], paths: list[list[str]]) -> None:
    payload = await refresh(fresh_ask, names=names)
    assert payload["job"] is None
    assert [error["path"] for error in payload["userErrors"]] == paths
    assert value(fresh_ask.database, COUNT) == 0


async def test_pages_newest_first(fresh_ask: Asker) -> None:
    execute(fresh_ask.database, "SELECT enqueue_job('exports', 'task ' || n, '{}') FROM generate_series(1, 5) AS n")
    execute(fresh_ask.database, "UPDATE jobs.procrastinate_jobs SET status = 'cancelled' WHERE task_name = 'task 3'")
    await run(fresh_ask, "UNPARKING")
    page = await listed(fresh_ask, first=4)
    assert [node["task"] for node in page["nodes"]] == ["maintenance:unpark", "task 5", "task 4", "task 3"]
    assert page["totalCount"]["value"] == "6"
    execute(fresh_ask.database, "DELETE FROM jobs.procrastinate_jobs WHERE task_name = 'task 3'")
    page = await listed(fresh_ask, first=4, after=page["pageInfo"]["endCursor"])
    assert [node["task"] for node in page["nodes"]] == ["task 2", "task 1"]
    assert page["pageInfo"]["hasNextPage"] is False
    assert [node["task"] for node in (await listed(fresh_ask, last=2))["nodes"]] == ["task 2", "task 1"]
    assert len((await listed(fresh_ask, kind="OTHER"))["nodes"]) == 4
    assert (await listed(fresh_ask, kind="OTHER", status="CANCELLED"))["nodes"] == []


async def test_an_organization_does_not_see_the_jobs_of_another(fresh_ask: Asker) -> None:
    for slug in ("north", "south"):
        execute(
            fresh_ask.database,
            f"SELECT enqueue_job('exports', '{slug}', jsonb_build_object('organization_id', id)) FROM organizations WHERE slug = '{slug}'",
        )
    assert [node["task"] for node in (await listed(fresh_ask))["nodes"]] == ["north"]
    theirs = value(fresh_ask.database, "SELECT id FROM jobs.runs WHERE task = 'south'")
    answer = await fresh_ask(NODE, {"id": global_id("JobRun", theirs)}, **ROOT)
    assert answer.codes == ["NOT_FOUND"]


@pytest.mark.parametrize(
    ("person", "role"), [("ben", "STUDENT"), ("ada", "TEACHER"), ("mia", "MANAGER"), ("svc", "SERVICE")]
)
async def test_only_for_those_who_may_operate(fresh_ask: Asker, person: str, role: str) -> None:
    job = (await run(fresh_ask, "UNPARKING"))["job"]
    who = {"person": person, "role": role}
    assert (await fresh_ask(JOBS, **who)).codes == ["FORBIDDEN"]
    assert (await fresh_ask(NODE, {"id": job["id"]}, **who)).codes == ["NOT_FOUND"]
    for document, name, values in ((RUN, "runJob", {"kind": "DATA_CLEANUP"}), (REFRESH, "refreshViews", {})):
        answer = await fresh_ask(document, {"input": values}, **who)
        assert answer.data
        assert [error["code"] for error in answer.data[name]["userErrors"]] == ["FORBIDDEN"]
    assert value(fresh_ask.database, COUNT) == 1


async def test_nobody_without_a_token(fresh_ask: Asker) -> None:
    assert (await fresh_ask(JOBS, person=None)).codes == ["UNAUTHENTICATED"]
    assert (await fresh_ask(REFRESH, {"input": {}}, person=None)).codes == ["UNAUTHENTICATED"]
