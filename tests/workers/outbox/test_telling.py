"""What is told of, and that it is told if and only if it happened."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from psycopg import errors
from sqlalchemy.ext.asyncio import AsyncEngine

from db.engine import write_engine
from db.outbox import EventType, tell
from schema.relay import global_id
from settings import DatabaseRole
from tests.asking import Asker
from tests.conftest import Database, Servers
from tests.db.learning import become
from tests.school import new_school
from tests.workers.asking import execute, value
from tests.workers.events.telling import consume, event
from tests.workers.outbox.reading import waiting
from workers.fold import fold_pending

SERVICE = {"person": "sync", "role": "SERVICE"}
RECORD = """mutation ($input: RecordAttemptsInput!) { recordAttempts(input: $input) {
  results { attempt { id } replayed userErrors { code } } userErrors { code } } }"""


@pytest.fixture
async def ask(new_database: Callable[[], Database], servers: Servers) -> AsyncIterator[Asker]:
    asker = Asker(new_school(new_database, is_folded=True), servers)
    yield asker
    await asker.aclose()


@pytest.fixture
async def worker(ask: Asker) -> AsyncIterator[AsyncEngine]:
    engine = write_engine(ask.database.url, DatabaseRole.WORKER)
    yield engine
    await engine.dispose()


def attempt(ask: Asker, person: str, number: int, **values: Any) -> dict[str, Any]:
    done = {"status": "SUCCEEDED", "completedAt": f"2026-04-01T09:00:{number:02}Z", "score": 70.5}
    return {"userId": ask.id("User", person), "labType": "l4", "sourceId": f"s-{number}", **done, **values}


async def record(ask: Asker, *attempts: dict[str, Any], **options: Any) -> Any:
    answer = await ask(RECORD, {"input": {"attempts": list(attempts), **options}}, **SERVICE)
    assert answer.errors == []
    assert answer.data
    return answer.data["recordAttempts"]


async def test_each_attempt_that_is_recorded_is_told_of_once(ask: Asker) -> None:
    first, second = attempt(ask, "ben", 1), attempt(ask, "cleo", 2, status="STARTED", completedAt=None, score=None)
    recorded = await record(ask, first, second)
    ids = [result["attempt"]["id"] for result in recorded["results"]]
    told = {"revision": 1, "labType": "l4", "source": "API"}
    assert waiting(ask.database) == [
        (
            "AttemptRecorded",
            "users/ben",
            {**told, "attemptId": ids[0], "userId": "ben", "status": "SUCCEEDED", "score": 70.5}
            | {"completedAt": "2026-04-01T09:00:01+00:00", "sourceId": "s-1"},
        ),
        (
            "AttemptRecorded",
            "users/cleo",
            {**told, "attemptId": ids[1], "userId": "cleo", "status": "STARTED", "sourceId": "s-2"},
        ),
    ]
    again = await record(ask, first)
    assert again["results"][0]["replayed"]
    assert len(waiting(ask.database)) == 2, "what was there already did not happen again"


async def test_what_is_not_recorded_is_not_told_of(ask: Asker) -> None:
    refused = await record(ask, attempt(ask, "ben", 1), attempt(ask, "ben", 2, labType="nowhere"), atomic=True)
    assert [result["attempt"] for result in refused["results"]] in ([None, None], [])
    assert waiting(ask.database) == []


async def test_it_is_told_of_in_the_transaction_or_not_at_all(ask: Asker, worker: AsyncEngine) -> None:
    async with worker.begin() as connection:
        await tell(connection, EventType.AWARD_GRANTED, 1, "users/ben", {"award": "100_tasks"})
    async with worker.connect() as connection:
        await tell(connection, EventType.ALERT_FIRED, None, "alerts/1", {})
        await connection.rollback()
    assert waiting(ask.database) == [("AwardGranted", "users/ben", {"award": "100_tasks"})]


async def test_an_attempt_that_comes_in_parts_is_told_of_as_it_goes_on(ask: Asker, worker: AsyncEngine) -> None:
    """Other systems tell of beginning and end, in any order and more than once; who listens to us hears each news once."""
    begun = event("lab-events", "AttemptStarted", {"attemptId": "a", "userId": "ben", "labType": "l4"})
    ended = event(
        "lab-events",
        "AttemptCompleted",
        {"attemptId": "a", "userId": "ben", "labType": "l4", "success": True, "completedAt": "2026-04-01T09:00:00Z"},
    )
    for messages in ([begun], [ended, ended], [begun, ended]):
        await consume(worker, messages)
    told = [data for _, _, data in waiting(ask.database, "AttemptRecorded")]
    assert [(data["revision"], data["status"], data["userId"]) for data in told] == [
        (1, "STARTED", "ben"),
        (2, "SUCCEEDED", "ben"),
    ]
    assert told[0]["attemptId"] == told[1]["attemptId"]


async def test_an_organization_is_told_once_of_a_fold(ask: Asker, worker: AsyncEngine) -> None:
    await record(ask, *(attempt(ask, person, number) for number, person in enumerate(["ben", "cleo"] * 10)))
    execute(ask.database, "DELETE FROM outbox")
    assert await fold_pending(worker) > 0
    assert waiting(ask.database) == [("AnalyticsUpdated", "organizations/north", {"people": 2})]
    assert await fold_pending(worker) == 0
    assert len(waiting(ask.database)) == 1, "nothing has moved"


END = """
UPDATE exports SET status = 'READY', run = 'r', file_name = 'a.csv', as_of = now(), row_count = 3, byte_size = 9, sha256 = 'f00', manifest = '{}', expires_at = now()
WHERE id = 1;
UPDATE exports SET progress = 1, status = 'READY' WHERE id = 1;
UPDATE exports SET status = 'FAILED', failure_code = 'STORAGE', failure_message = 'Full.' WHERE id = 2;
UPDATE exports SET status = 'EXPIRED' WHERE id = 1;
UPDATE exports SET status = 'CANCELLED' WHERE id = 3;
"""


async def test_how_exports_end_is_told_of(ask: Asker) -> None:
    execute(
        ask.database,
        """INSERT INTO exports (organization_id, subject, role, kind, format, parameters, body)
        SELECT 1, 'sync', 'SERVICE', 'ATTEMPTS', 'CSV', '{}', '{}' FROM generate_series(1, 3)""",
    )
    execute(ask.database, END)
    ready, failed = waiting(ask.database)
    assert ready[:2] == ("ReportGenerated", "exports/1")
    assert (ready[2]["exportId"], ready[2]["rowCount"]) == (global_id("ExportJob", 1), 3)
    assert failed[:2] == ("ReportFailed", "exports/2")
    assert (failed[2]["code"], failed[2]["message"]) == ("STORAGE", "Full.")


@pytest.mark.parametrize("key", [1, 12, 123, 2**31, 2**63 - 1])
def test_ids_are_those_of_the_graph(school: Database, key: int) -> None:
    for kind in ("Attempt", "ExportJob", "A", "AB~>?", "x" * 200):
        assert value(school, "SELECT global_id(%s, %s)", kind, key) == global_id(kind, key)


async def test_nobody_tells_of_another_organization(ask: Asker) -> None:
    """Nor reads what waits."""
    with ask.database.connect() as owner:
        organization, other = (row[0] for row in owner.execute("SELECT id FROM organizations ORDER BY id"))
    with ask.database.connect(DatabaseRole.API) as api:
        become(api, organization, None, "ADMIN", [])
        insert = "INSERT INTO outbox (organization_id, type, subject, data) VALUES (%s, 'metrics.alert', 'x', '{}')"
        api.execute(insert, (organization,))
        for foreign in (other, None):
            with pytest.raises(errors.InsufficientPrivilege, match="row-level security"):
                api.execute(insert, (foreign,))
        with pytest.raises(errors.InsufficientPrivilege, match="permission denied"):
            api.execute("SELECT * FROM outbox")
        with pytest.raises(errors.InsufficientPrivilege, match="permission denied"):
            api.execute("SELECT * FROM webhook_secrets")
