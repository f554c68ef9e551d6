"""Whatever the order, however often, in whatever pieces: the same events leave the same state."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncEngine

from db.engine import write_engine
from settings import DatabaseRole
from tests.conftest import Database
from tests.school import new_school
from tests.workers.asking import execute
from tests.workers.events.telling import consume, event, retry_due, state
from workers.events.envelope import Message

ONE = {"attemptId": 1, "userId": "ben", "labType": "l3"}
TWO = {"attemptId": 2, "userId": "new", "labType": "l1"}
EVENTS = [
    event("lab-events", "AttemptStarted", {**ONE, "hintsUsed": 1}, time="2026-04-01T09:00:00Z"),
    event("lab-events", "AttemptStarted", ONE, time="2026-04-01T09:05:00Z"),
    event("lab-events", "AttemptCompleted", {**ONE, "success": True, "score": 70}, time="2026-04-01T10:00:00Z"),
    event("lab-events", "AttemptCompleted", {**ONE, "success": False}, time="2026-04-01T10:00:00Z", version=4),
    event("lab-events", "AttemptCompleted", {**ONE, "success": True, "startedAt": "2026-04-01T08:00:00Z"}, version=3, time="2026-04-01T11:00:00Z"),
    event("assessment-events", "AssessmentStarted", TWO, time="2026-04-02T12:00:00Z"),
    event("assessment-events", "AssessmentCompleted", {**TWO, "success": True, "errors": ["E"]}, time="2026-04-02T11:00:00Z"),
    event("lab-events", "AttemptRecorded", {**TWO, "success": True, "completedAt": "2026-04-02T13:00:00Z"}),
    event("lab-events", "AttemptRecorded", {**ONE, "attemptId": 3, "labType": "not yet", "success": True, "completedAt": "2026-04-02T13:00:00Z"}),
    event("user-events", "UserCreated", {"userId": "new", "username": "newt", "displayName": "Newt", "role": "TEACHER"}, version=1),
    event("user-events", "UserUpdated", {"userId": "new", "displayName": "Newton", "email": "n@north.example"}, version=2),
    event("user-events", "UserUpdated", {"userId": "new", "email": None, "timeZone": "Asia/Tokyo"}, version=3),
    event("user-events", "UserUpdated", {"userId": "ben", "username": "benny"}),
    event("user-events", "UserEnrolled", {"userId": "new", "courseId": "c"}, time="2026-03-01T00:00:00Z"),
    event("user-events", "UserEnrolled", {"userId": "new", "courseId": "c", "role": "LEAD"}, time="2026-03-03T00:00:00Z"),
    event("user-events", "UserEnrolled", {"userId": "new", "courseId": "c"}, time="2026-02-01T00:00:00Z"),
    event("course-events", "CourseCreated", {"courseId": "c", "title": "C"}, time="2026-02-01T00:00:00Z"),
    event("course-events", "CourseUpdated", {"courseId": "c", "title": "Course C"}, time="2026-02-02T00:00:00Z"),
    event("lab-events", "AttemptRecorded", {"attemptId": 9}),
]  # fmt: skip

CLEAN = """
TRUNCATE event_inbox, event_registers, dead_letters, parked_attempts, attempt_deltas, user_totals, user_lab_totals, user_days, lab_days,
  user_topic_totals, user_topic_packs;
DELETE FROM attempt_revisions; DELETE FROM attempts WHERE source = 'KAFKA'; DELETE FROM attempt_deltas;
DELETE FROM group_memberships WHERE valid_from > '2026-01-01' AND group_id IN (SELECT id FROM groups WHERE kind = 'course');
DELETE FROM groups WHERE kind = 'course'; DELETE FROM users WHERE external_id = 'new';
UPDATE users SET username = 'ben' WHERE external_id = 'ben'
"""


@pytest.fixture(scope="module")
def north(new_database: Callable[[], Database]) -> Database:
    return new_school(new_database)


@pytest.fixture(scope="module")
async def north_engine(north: Database) -> AsyncIterator[AsyncEngine]:
    engine = write_engine(north.url, DatabaseRole.WORKER)
    yield engine
    await engine.dispose()


@st.composite
def deliveries(draw: st.DrawFn) -> list[list[Message]]:
    """Every event at least once, some again, in any order, cut anywhere."""
    order = draw(st.permutations(EVENTS)) + draw(st.lists(st.sampled_from(EVENTS), max_size=10))
    order = draw(st.permutations(order))
    cuts = sorted(draw(st.sets(st.integers(1, len(order) - 1), max_size=8)))
    return [order[start:end] for start, end in zip([0, *cuts], [*cuts, len(order)], strict=True)]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=deliveries())
async def test_any_order_gives_the_same_state(
    batches: list[list[Message]], north: Database, north_engine: AsyncEngine
) -> None:
    execute(north, CLEAN)
    await consume(north_engine, EVENTS)
    expected = state(north)
    execute(north, CLEAN)
    for batch in batches:
        await consume(north_engine, batch)
        await retry_due(north_engine)
    assert state(north) == expected


async def test_what_that_state_is(north: Database, north_engine: AsyncEngine) -> None:
    execute(north, CLEAN)
    await consume(north_engine, EVENTS)
    found = state(north)
    assert [(row[0], row[2], row[12]) for row in found["attempts"]] == [
        ("new", "SUCCEEDED", "assessment-events:2"),
        ("ben", "FAILED", "lab-events:1"),
        ("new", "SUCCEEDED", "lab-events:2"),
    ]
    assert [row[3] for row in found["parked"]] == ["lab-events:3"]
    assert ("new", "newt", "Newton", None, "TEACHER", "Asia/Tokyo", None) in found["users"]
    assert [(row[2], row[3].month) for row in found["members"]] == [("LEAD", 3), ("MEMBER", 2)]
    assert ("c", "Course C", "course") in found["groups"]
    assert [(row[0], row[2], row[3]) for row in found["letters"]] == [("lab-events", "DATA", True)]
