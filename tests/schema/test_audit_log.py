"""The audit trail: what leaves a trace, what does not, and who reads it."""

from __future__ import annotations

from typing import Any

import pytest
from structlog.contextvars import bound_contextvars

from resolvers.audit_log import OBJECT_TYPES, UNTRACED
from schema.graph import graph
from schema.relay import global_id
from tests.asking import Asker
from tests.schema.test_jobs import RUN
from tests.schema.test_roster import GROUPS, ROOT, SERVICE, payload, rows

LOG = """query ($filter: AuditFilter, $first: Int, $after: String, $last: Int) {
  auditLog(filter: $filter, first: $first, after: $after, last: $last) {
    totalCount { value } pageInfo { hasNextPage endCursor }
    nodes { id at actor { externalId } actorKey role action subjectType subjectIds details requestId } } }"""
RECORD = "mutation ($input: RecordAttemptsInput!) { recordAttempts(input: $input) { results { attempt { id } replayed parked userErrors { code } } userErrors { code } } }"
UPDATE = (
    "mutation ($input: UpdateAttemptInput!) { updateAttempt(input: $input) { attempt { id } userErrors { code } } }"
)
EXPORT = "mutation ($input: RequestExportInput!) { requestExport(input: $input) { export { id } replayed userErrors { code } } }"
MIA: dict[str, Any] = {"person": "mia", "role": "MANAGER"}
COUNT = "SELECT count(*) FROM audit_entries"


async def log(ask: Asker, viewer: dict[str, Any] = MIA, **variables: Any) -> list[dict[str, Any]]:
    answer = await ask(LOG, variables, **viewer)
    assert answer.errors == []
    assert answer.data is not None
    nodes: list[dict[str, Any]] = answer.data["auditLog"]["nodes"]
    return nodes


def attempts(ask: Asker, number: int, **columns: Any) -> dict[str, Any]:
    one = {
        "userId": ask.id("User", "ben"),
        "labId": ask.id("Lab", "l3"),
        "status": "SUCCEEDED",
        "completedAt": "2026-03-20T10:00:00Z",
    }
    return {"attempts": [{**one, "sourceId": f"a{place}", **columns} for place in range(number)]}


async def test_one_entry_for_a_mutation(fresh_ask: Asker) -> None:
    with bound_contextvars(request_id="r-1"):
        recorded = payload(await fresh_ask(RECORD, {"input": attempts(fresh_ask, 30)}, **SERVICE))
    ids = [result["attempt"]["id"] for result in recorded["results"]]
    [entry] = await log(fresh_ask)
    assert (entry["actorKey"], entry["actor"], entry["role"]) == ("sync", None, "SERVICE")
    assert (entry["action"], entry["subjectType"], entry["subjectIds"]) == ("recordAttempts", "Attempt", ids)
    assert (entry["details"], entry["requestId"]) == ({"parked": 0}, "r-1")


async def test_what_does_nothing_leaves_no_trace(fresh_ask: Asker) -> None:
    with_key = {**attempts(fresh_ask, 1), "idempotencyKey": "k"}
    for said in (with_key, with_key, attempts(fresh_ask, 1)):  # again by its key, and by its source
        payload(await fresh_ask(RECORD, {"input": said}, **SERVICE))
    assert rows(fresh_ask, COUNT) == [(1,)]
    refused = attempts(fresh_ask, 2, sourceId="b", score=101)
    assert payload(await fresh_ask(RECORD, {"input": refused}, **SERVICE))["results"][0]["userErrors"]
    nothing = {"id": rows_id(fresh_ask, "ben-1"), "patch": {}}
    assert payload(await fresh_ask(UPDATE, {"input": nothing}, **ROOT))["userErrors"] == []
    assert payload(await fresh_ask(RUN, {"input": {"kind": "UNPARKING"}}, **MIA))["userErrors"]
    assert rows(fresh_ask, COUNT) == [(1,)]


def rows_id(ask: Asker, source_id: str) -> str:
    return global_id("Attempt", rows(ask, "SELECT id FROM attempts WHERE source_id = %s", source_id)[0][0])


async def test_who_did_what(fresh_ask: Asker) -> None:
    ada: dict[str, Any] = {"person": "ada", "role": "TEACHER"}
    group = {"groups": [{"externalId": "new", "name": "Secret name"}], "idempotencyKey": "g"}
    for _ in range(2):  # once: the second is a replay
        payload(await fresh_ask(GROUPS, {"input": group}, **ROOT))
    payload(
        await fresh_ask(
            UPDATE,
            {"input": {"id": rows_id(fresh_ask, "ben-1"), "patch": {"score": 31}, "reason": "Ben was ill"}},
            **ROOT,
        )
    )
    payload(await fresh_ask(RUN, {"input": {"kind": "AWARDS"}}, **ROOT))
    report = {"kind": "GROUP_REPORT", "groupId": fresh_ask.id("Group", "alg-1"), "format": "CSV"}
    payload(await fresh_ask(EXPORT, {"input": report}, **ada))
    found = await log(fresh_ask)
    assert [(e["action"], e["subjectType"], e["actorKey"], e["details"]) for e in found] == [
        ("requestExport", "ExportJob", "ada", {"kind": "GROUP_REPORT", "format": "CSV"}),
        ("runJob", "JobRun", "root", {"kind": "AWARDS"}),
        ("updateAttempt", "Attempt", "root", {"revision": 2}),
        ("upsertGroups", "Group", "root", {}),
    ]
    assert found[1]["actor"] == {"externalId": "root"}
    kept = str(rows(fresh_ask, "SELECT to_jsonb(e) FROM audit_entries e"))
    assert "Secret" not in kept
    assert "ill" not in kept
    node = "query ($id: ID!) { node(id: $id) { ... on AuditEntry { action } } }"
    assert (await fresh_ask(node, {"id": found[0]["id"]}, **MIA)).data == {"node": {"action": "requestExport"}}
    for viewer in (ada, SERVICE, {**MIA, "organization": "south"}):
        assert (await fresh_ask(node, {"id": found[0]["id"]}, **viewer)).codes == ["NOT_FOUND"]


async def test_filters_and_pages(fresh_ask: Asker) -> None:
    for number in range(3):
        payload(await fresh_ask(GROUPS, {"input": {"groups": [{"externalId": f"g{number}", "name": "G"}]}}, **ROOT))
    payload(await fresh_ask(RUN, {"input": {"kind": "UNPARKING"}}, **ROOT))
    whole = await log(fresh_ask)
    group = whole[2]["subjectIds"][0]
    assert await log(fresh_ask, filter={"subjectId": group}) == [whole[2]]
    assert await log(fresh_ask, filter={"action": "runJob", "actorId": fresh_ask.id("User", "root")}) == whole[:1]
    assert await log(fresh_ask, filter={"actorKey": "root", "at": {"gte": whole[1]["at"], "lt": whole[0]["at"]}}) == [
        whole[1]
    ]
    assert await log(fresh_ask, filter={"actorKey": "nobody"}) == []
    assert await log(fresh_ask, last=1) == whole[-1:]
    answer = await fresh_ask(LOG, {"first": 3}, **MIA)
    assert answer.data is not None
    page = answer.data["auditLog"]
    assert (page["totalCount"]["value"], page["pageInfo"]["hasNextPage"], page["nodes"]) == ("4", True, whole[:3])
    assert await log(fresh_ask, after=page["pageInfo"]["endCursor"]) == whole[3:]


async def test_who_reads_the_trail(fresh_ask: Asker) -> None:
    payload(await fresh_ask(GROUPS, {"input": {"groups": [{"externalId": "g", "name": "G"}]}}, **ROOT))
    assert len(await log(fresh_ask)) == len(await log(fresh_ask, ROOT)) == 1
    assert await log(fresh_ask, {**MIA, "organization": "south"}) == []
    for viewer in ({"person": "ada", "role": "TEACHER"}, {"person": "ben", "role": "STUDENT"}, SERVICE):
        assert (await fresh_ask(LOG, **viewer)).codes == ["FORBIDDEN"]


@pytest.mark.parametrize("bad", [{"subjectId": "x"}, {"actorId": "x"}, {"action": "a\0"}])
async def test_what_no_filter_can_mean(ask: Asker, bad: dict[str, str]) -> None:
    assert (await ask(LOG, {"filter": bad}, **MIA)).codes == ["VALIDATION"]


def test_every_mutation_has_its_object() -> None:
    mutation = graph.schema.mutation_type
    assert mutation is not None
    assert set(mutation.fields) - UNTRACED <= set(OBJECT_TYPES)
