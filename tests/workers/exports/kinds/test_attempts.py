"""Exported attempts are those that the graph lists, with all that is recorded of each."""

from __future__ import annotations

from datetime import datetime
from itertools import product
from typing import Any

import orjson
import pytest

from db.export_parameters import ExportKind
from schema.relay import global_id
from tests.asking import Asker
from tests.workers.exports.kinds.reporting import Row, make
from tests.workers.exports.kinds.test_group_report import EARLY
from workers.exports.kinds.errors import NotFound

ATTEMPTS = """query ($filter: AttemptFilter) { attempts(filter: $filter, first: 50) { nodes {
  id user { displayName externalId } lab { title type level { title } } status success isCounted startedAt completedAt dueAt onTime
  completionSpeedDays completionTimeSeconds score accuracy skillMatch difficulty hintsUsed errors { code count }
  resources { memoryMib cpuPercent } metadata source sourceId recordedAt revision } } }"""
WHO = [("mia", "MANAGER"), ("ada", "TEACHER"), ("ben", "STUDENT"), ("gus", "STUDENT")]
INSTANTS = {"started_at": "startedAt", "completed_at": "completedAt", "due_at": "dueAt", "recorded_at": "recordedAt"}
NUMBERS = {
    "completion_speed_days": "completionSpeedDays", "completion_time_seconds": "completionTimeSeconds", "score": "score",
    "accuracy": "accuracy", "skill_match": "skillMatch", "difficulty": "difficulty", "hints_used": "hintsUsed",
}  # fmt: skip
SAME = {
    "status": "status", "success": "success", "is_counted": "isCounted", "on_time": "onTime", "source": "source",
    "source_id": "sourceId", "revision": "revision",
}  # fmt: skip


def instant(value: datetime | None) -> str | None:
    return None if value is None else value.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def assert_same(row: Row, node: dict[str, Any]) -> None:
    assert global_id("Attempt", int(row["attempt_id"])) == node["id"]
    assert (row["name"], row["external_id"]) == (node["user"]["displayName"], node["user"]["externalId"])
    lab = node["lab"]
    assert (row["lab"], row["lab_type"], row["level"]) == (lab["title"], lab["type"], (lab["level"] or {}).get("title"))
    assert {name: row[name] for name in SAME} == {name: node[field] for name, field in SAME.items()}
    assert {name: instant(row[name]) for name in INSTANTS} == {name: node[field] for name, field in INSTANTS.items()}
    for name, field in NUMBERS.items():
        assert (None if row[name] is None else float(row[name])) == pytest.approx(node[field])
    errors = [entry["code"] for entry in node["errors"] for _ in range(entry["count"])]
    assert sorted(row["errors"].split("; ")) == sorted(errors) if row["errors"] else errors == []
    resources = node["resources"] or {"memoryMib": None, "cpuPercent": None}
    assert (row["memory_mib"], row["cpu_percent"]) == (resources["memoryMib"], resources["cpuPercent"])
    assert (orjson.loads(row["metadata"]) if row["metadata"] else None) == node["metadata"]


# Students see no group by what is in it, and no other person.
CASES = [
    *product(["all", "lab", "topics", "period"], WHO),
    *product(["group", "user", "everything"], WHO[:2]),
]


@pytest.mark.parametrize(("by", "who"), CASES)
async def test_every_attempt_is_the_graphs(ask: Asker, by: str, who: tuple[str, str]) -> None:
    person, role = who
    asked, filter = {}, {}
    if by in ("group", "everything"):
        asked["groupId"], filter["groupIds"] = ask.key("groups", "alg-1"), [ask.id("Group", "alg-1")]
    if by in ("user", "everything"):
        asked["userId"], filter["userIds"] = ask.key("users", "cleo"), [ask.id("User", "cleo")]
    if by in ("lab", "everything"):
        asked["labId"], filter["labIds"] = ask.key("labs", "l1"), [ask.id("Lab", "l1")]
    if by in ("topics", "everything"):
        asked["topicIds"], filter["topicIds"] = [ask.key("topics", "algebra")], [ask.id("Topic", "algebra")]
    if by in ("period", "everything"):
        asked |= EARLY
        filter["completedAt"] = {"gte": EARLY["period"]["from"], "lt": EARLY["period"]["to"]}
    made = await make(ask, ExportKind.ATTEMPTS, person=person, role=role, **asked)
    answer = await ask(ATTEMPTS, {"filter": filter}, person=person, role=role)
    assert answer.errors == []
    nodes = answer.data["attempts"]["nodes"]  # type: ignore[index]
    for row, node in zip(made.rows["Attempts"], nodes, strict=True):
        assert_same(row, node)
    assert (nodes == []) == (person == "gus")


async def test_long_ids_resources_and_odd_texts_are_kept(fresh_ask: Asker) -> None:
    with fresh_ask.database.connect() as owner:
        owner.execute(
            """UPDATE attempts SET memory_mib = 12.5, cpu_percent = 99, errors = ARRAY['=E;"1"', 'E,2'], metadata = %s,
              source_id = '384622082018771969' WHERE source_id = 'ben-1'""",
            (orjson.dumps({"note": "-2+3\n\"quoted\", 'é' \U0001f469"}).decode(),),
        )
    made = await make(fresh_ask, ExportKind.ATTEMPTS)
    answer = await fresh_ask(ATTEMPTS)
    for row, node in zip(made.rows["Attempts"], answer.data["attempts"]["nodes"], strict=True):  # type: ignore[index]
        assert_same(row, node)
    assert "384622082018771969" in [row["source_id"] for row in made.rows["Attempts"]]


async def test_deleted_attempts_are_left_out(fresh_ask: Asker) -> None:
    with fresh_ask.database.connect() as owner:
        owner.execute("UPDATE attempts SET deleted_at = now() WHERE source_id = 'ben-1'")
    made = await make(fresh_ask, ExportKind.ATTEMPTS)
    assert "ben-1" not in [row["source_id"] for row in made.rows["Attempts"]]


@pytest.mark.parametrize(
    ("name", "table", "key"),
    [("groupId", "groups", "alg-2"), ("userId", "users", "dan"), ("labId", "labs", "l1")],
)
async def test_what_is_hidden_filters_nothing_it_is_unknown(ask: Asker, name: str, table: str, key: str) -> None:
    organization = "south" if table == "labs" else "north"
    messages = set()
    for value in (ask.key(table, key, organization), 10**15):
        with pytest.raises(NotFound) as refused:
            await make(ask, ExportKind.ATTEMPTS, **{name: value})
        messages.add(str(refused.value))
    assert len(messages) == 1
