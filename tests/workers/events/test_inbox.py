"""What comes of events, whatever they say and however they come."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.conftest import Database
from tests.workers.asking import execute, value
from tests.workers.events.telling import consume, event, state
from workers.events.envelope import MOST_BYTES, Message

RECORDED = {
    "attemptId": 17,
    "userId": "ben",
    "labType": "l3",
    "success": True,
    "startedAt": "2026-04-01T09:00:00Z",
    "completedAt": "2026-04-01T09:10:00+02:00",
    "score": 90.5,
    "errors": ["E_SYNTAX"],
    "metadata": {"browser": "x"},
}
LETTERS = "SELECT array_agg(code ORDER BY id) FROM dead_letters"
RECORD = {**RECORDED, "completedAt": "2026-04-01T09:10:00Z"}


def attempt(database: Database, column: str, key: str = "lab-events:17") -> Any:
    return value(database, f"SELECT {column} FROM attempts WHERE source = 'KAFKA' AND source_id = %s", key)


async def test_an_attempt_is_recorded_as_the_graph_would(school: Database, engine: AsyncEngine) -> None:
    await consume(engine, [event("lab-events", "AttemptRecorded", RECORD)])
    assert (
        attempt(school, "(status, duration_seconds, score, difficulty, counted)::text")
        == "(SUCCEEDED,600.000,90.5000,10.0000,t)"
    )
    assert value(school, "SELECT count(*) FROM event_inbox") == 1


async def test_the_same_event_again_changes_nothing(school: Database, engine: AsyncEngine) -> None:
    message = event("lab-events", "AttemptRecorded", RECORD)
    await consume(engine, [message, message])
    execute(school, "UPDATE attempts SET score = 1 WHERE source_id = 'lab-events:17'")
    await consume(engine, [message])
    assert attempt(school, "score") == 1
    assert value(school, "SELECT count(*) FROM attempts WHERE source = 'KAFKA'") == 1


async def test_a_newer_version_is_a_revision_and_an_older_one_is_nothing(school: Database, engine: AsyncEngine) -> None:
    await consume(engine, [event("lab-events", "AttemptRecorded", RECORD, version=2)])
    await consume(engine, [event("lab-events", "AttemptRecorded", {**RECORD, "score": 10}, version=1)])
    assert attempt(school, "(score, revision)::text") == "(90.5000,1)"
    await consume(
        engine, [event("lab-events", "AttemptRecorded", {**RECORD, "score": 20, "success": False}, version=3)]
    )
    assert attempt(school, "(score, revision, status, counted)::text") == "(20.0000,2,FAILED,f)"
    assert value(school, "SELECT snapshot ->> 'score' FROM attempt_revisions") == "90.5000"


async def test_the_end_may_come_before_the_beginning(school: Database, engine: AsyncEngine) -> None:
    key = {"attemptId": "a", "userId": "ben", "assessmentId": "l4"}
    await consume(
        engine,
        [event("assessment-events", "AssessmentCompleted", {**key, "success": True}, time="2026-04-01T10:00:00Z")],
    )
    await consume(engine, [event("assessment-events", "AssessmentStarted", key, time="2026-04-01T09:00:00Z")])
    assert attempt(school, "(status, duration_seconds)::text", "assessment-events:a") == "(SUCCEEDED,3600.000)"


async def test_who_is_named_before_being_introduced(school: Database, engine: AsyncEngine) -> None:
    key = {"attemptId": "a", "userId": 4711, "labType": "l4"}
    await consume(engine, [event("lab-events", "AttemptStarted", key, time="2026-04-01T09:00:00Z")])
    await consume(
        engine, [event("lab-events", "AttemptCompleted", {**key, "success": False}, time="2026-04-01T09:01:00Z")]
    )
    assert value(school, "SELECT attempt ->> 'status' FROM parked_attempts") == "FAILED"
    await consume(
        engine, [event("user-events", "UserCreated", {"userId": "4711", "username": "neo", "displayName": "Neo"})]
    )
    assert value(school, "SELECT count(*) FROM parked_attempts") == 0
    assert attempt(school, "(status, duration_seconds)::text", "lab-events:a") == "(FAILED,60.000)"


async def test_people_and_courses(school: Database, engine: AsyncEngine) -> None:
    await consume(
        engine,
        [
            event("user-events", "UserEnrolled", {"userId": "zoe", "courseId": "c-1"}, time="2026-02-01T00:00:00Z"),
            event("user-events", "UserEnrolled", {"userId": "zoe", "courseId": "c-1", "enrolledAt": "2026-01-01T00:00:00Z"}),
            event("user-events", "UserUpdated", {"userId": "zoe", "email": "zoe@north.example"}, version=2),
            event("user-events", "UserCreated", {"userId": "zoe", "username": "zoe-z", "displayName": "Zoe", "email": "old@north.example"}, version=1),
            event("course-events", "CourseCreated", {"courseId": "c-1", "title": "Course 1"}),
        ],
    )  # fmt: skip
    assert value(school, "SELECT (username, display_name, email, role)::text FROM users WHERE external_id = 'zoe'") == (
        "(zoe-z,Zoe,zoe@north.example,STUDENT)"
    )
    assert state(school)["groups"][-1] == ("alg-2", "Algebra 2", "class")
    assert [(course, person, role, since.month) for course, person, role, since, _ in state(school)["members"]] == [
        ("c-1", "zoe", "MEMBER", 1)
    ]
    assert value(school, "SELECT (name, kind)::text FROM groups WHERE external_id = 'c-1'") == '("Course 1",course)'
    assert "zoe@" not in str(state(school)["registers"])


async def test_a_cloud_event(school: Database, engine: AsyncEngine) -> None:
    said = {
        "specversion": "1.0",
        "id": "1",
        "source": "/labs",
        "type": "org.example.AttemptRecorded",
        "time": "2026-04-01T09:20:00Z",
        "datacontenttype": "application/json",
        "organization": "south",
        "schemaversion": 1,
        "data": RECORD,
    }
    await consume(engine, [Message("lab-events", orjson.dumps(said))])
    await consume(
        engine, [Message("lab-events", orjson.dumps({**said, "source": "/other", "data": {**RECORD, "attemptId": 18}}))]
    )
    assert (
        value(
            school,
            "SELECT count(*) FROM attempts a JOIN organizations o ON o.id = a.organization_id WHERE slug = 'south' AND source = 'KAFKA'",
        )
        == 2
    )


BAD = {
    "empty": (b"", "NOT_JSON"),
    "not an object": (b"[]", "NOT_JSON"),
    "NaN": (b'{"id": "1", "type": "AttemptRecorded", "data": {"score": NaN}}', "NOT_JSON"),
    "infinite": (b'{"id": "1", "type": "AttemptRecorded", "data": {"score": 1e999}}', "NOT_JSON"),
    "not UTF-8": (b'{"id": "\xff"}', "NOT_JSON"),
    "deep": (b'{"id": ' + b"[" * 5000 + b"]" * 5000 + b"}", "NOT_JSON"),
    "huge": (b'{"id": "' + b"x" * MOST_BYTES + b'"}', "TOO_LARGE"),
    "no id": (b'{"type": "AttemptRecorded", "data": {}}', "ENVELOPE"),
    "NUL in the id": (b'{"id": "\\u0000", "type": "AttemptRecorded", "data": {}}', "ENVELOPE"),
    "future cloud": (b'{"specversion": "2.0", "id": "1", "source": "x", "type": "AttemptRecorded", "data": {}}', "ENVELOPE"),
    "newer schema": (b'{"id": "1", "type": "AttemptRecorded", "schemaVersion": 2, "data": {}}', "SCHEMA_VERSION"),
    "time without a zone": (b'{"id": "1", "type": "AttemptRecorded", "time": "2026-01-01T00:00:00", "data": {}}', "ENVELOPE"),
    "time as a number": (b'{"id": "1", "type": "AttemptRecorded", "time": 1767225600, "data": {}}', "ENVELOPE"),
    "no data": (b'{"id": "1", "type": "AttemptRecorded", "data": {}}', "DATA"),
}  # fmt: skip


@pytest.mark.parametrize(("body", "code"), BAD.values(), ids=BAD)
async def test_what_nobody_can_read_is_dead_at_once_and_kept_as_it_came(
    body: bytes, code: str, school: Database, engine: AsyncEngine
) -> None:
    message = Message("lab-events", body)
    await consume(engine, [event("lab-events", "AttemptRecorded", RECORD), message, message])
    await consume(engine, [message])
    assert value(school, LETTERS) == [code]
    assert value(school, "SELECT payload FROM dead_letters WHERE failed_at IS NOT NULL") == body[: MOST_BYTES + 1]
    assert attempt(school, "count(*)") == 1


@pytest.mark.parametrize(
    "change",
    [
        {"score": 100.5}, {"score": "90"}, {"completedAt": "2026-04-01T08:00:00Z"}, {"completionTimeSeconds": -1},
        {"metadata": {"a": "\0"}}, {"errors": ["x"] * 101}, {"userId": ""}, {"userId": True}, {"labType": None}, {"success": None},
        {"status": "STARTED"}, {"completedAt": "2999-01-01T00:00:00Z"},
    ],
    ids=str,
)  # fmt: skip
async def test_nonsense_is_refused(change: dict[str, Any], school: Database, engine: AsyncEngine) -> None:
    await consume(engine, [event("lab-events", "AttemptRecorded", {**RECORD, **change})])
    assert value(school, LETTERS) == ["DATA"]
    assert attempt(school, "count(*)") == 0


@pytest.mark.parametrize("zone", ["Mars/Olympus", "CET", "EST5EDT", "localtime", "Factory", "../UTC"])
async def test_a_zone_that_is_no_place_is_refused_at_once(zone: str, school: Database, engine: AsyncEngine) -> None:
    await consume(engine, [event("user-events", "UserUpdated", {"userId": "ben", "timeZone": zone})])
    said = "SELECT code || ' ' || message FROM dead_letters WHERE failed_at IS NOT NULL"
    assert value(school, said) == "DATA timeZone: This is not the time zone of a place, such as Europe/Madrid."


async def test_whose_it_is_sees_that_an_envelope_is_wrong(school: Database, engine: AsyncEngine) -> None:
    wrong = event("lab-events", "org.example.AttemptRecorded", RECORD, version="1", id="e\0")
    await consume(engine, [wrong, event("lab-events", "AttemptRecorded", RECORD, organization="nowhere", version="1")])
    held = "SELECT array_agg((slug, event_type, event_id)::text ORDER BY d.id) FROM dead_letters d LEFT JOIN organizations o ON o.id = organization_id"
    assert value(school, held)[0] == "(north,AttemptRecorded,)"
    assert value(school, held)[1].startswith("(,AttemptRecorded,e")


async def test_an_id_is_one_persons_attempt_at_one_lab(school: Database, engine: AsyncEngine) -> None:
    await consume(
        engine,
        [
            event("lab-events", "AttemptRecorded", RECORD),
            event("lab-events", "AttemptRecorded", {**RECORD, "userId": "cleo"}),
            event("lab-events", "AttemptRecorded", {**RECORD, "attemptId": 18}),
        ],
    )
    await consume(engine, [event("lab-events", "AttemptRecorded", {**RECORD, "labType": "l4"}, version=9)])
    assert value(school, LETTERS) == ["OTHER_PERSON", "OTHER_LAB"]
    assert value(school, "SELECT count(*) FROM attempts WHERE source = 'KAFKA'") == 2


async def test_an_organization_may_be_left_out_where_there_is_one(school: Database, engine: AsyncEngine) -> None:
    await consume(engine, [event("lab-events", "AttemptRecorded", RECORD, organization=None)])
    assert value(school, LETTERS) == ["ORGANIZATION"]
