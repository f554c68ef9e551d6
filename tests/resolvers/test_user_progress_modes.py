"""What becomes of attempts of people and labs that the user-progress service, or the roster, does not know."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from db.attempt_unparking import Unparked, organizations_to_unpark, unpark
from db.engine import write_engine
from db.entering import Viewer
from db.transaction import write_transaction
from resolvers.user_progress import UserProgress
from settings import DatabaseRole, UserProgressMode
from tests.asking import Asker
from tests.schema.conftest import fresh_ask
from tests.schema.test_attempt_mutations import codes, record, record_many, rows, success

__all__ = ["fresh_ask"]


class Service:
    """A real HTTP server that knows some people and labs, or answers 500."""

    def __init__(self) -> None:
        self.known = {"users/gus", "users/ben", "labs/l1", "labs/l2"}
        self.well = True
        self.asked: list[str] = []

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n") if not reader.at_eof() else b"":
            path = head.split(b" ")[1].decode().lstrip("/")
            self.asked.append(path)
            status = "500 Broken" if not self.well else "200 OK" if path in self.known else "404 Not Found"
            writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
            await writer.drain()
            break
        writer.close()


@asynccontextmanager
async def asker_with(ask: Asker, mode: UserProgressMode) -> AsyncIterator[tuple[Asker, Service]]:
    """The asker, with a service of its own in a mode."""
    service = Service()
    server = await asyncio.start_server(service.answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    client = UserProgress(f"http://127.0.0.1:{port}", timeout=2, cache_seconds=0)
    settings = ask.services.settings.model_copy(update={"user_progress_mode": mode})
    ask.services = replace(ask.services, settings=settings, user_progress=client)
    try:
        yield ask, service
    finally:
        await client.aclose()
        server.close()
        await server.wait_closed()


def parked(ask: Asker) -> list[tuple[Any, ...]]:
    return rows(ask, "SELECT user_external_id, lab_type, source_id, reason FROM parked_attempts ORDER BY id")


async def unparked(ask: Asker) -> Unparked:
    async def work(connection: AsyncConnection, viewer: Viewer) -> Unparked:
        return await unpark(connection, viewer.organization_id)

    context = ask.context("root", "ADMIN")
    return await write_transaction(ask.services.write_engine, context.caller, work)


async def test_strict_refuses_what_the_service_does_not_know(fresh_ask: Asker) -> None:
    async with asker_with(fresh_ask, UserProgressMode.STRICT) as (ask, service):
        payload = await record_many(
            ask,
            [success("gus"), success("cleo"), success("gus", "l3"), success("ben", sourceId="x"), success("nobody")],
        )
        assert [codes(result) for result in payload["results"]] == [
            [],
            [("NOT_FOUND", ["input", "attempts", "1", "userExternalId"])],
            [("NOT_FOUND", ["input", "attempts", "2", "labType"])],
            [],
            [("NOT_FOUND", ["input", "attempts", "4", "userExternalId"])],
        ]
        # Each name once, however often it comes.
        assert sorted(service.asked) == ["labs/l1", "labs/l3", "users/ben", "users/cleo", "users/gus", "users/nobody"]
        by_id = {"userId": ask.id("User", "cleo"), "labId": ask.id("Lab", "l1"), "success": False}
        refused = await record(ask, {**by_id, "completedAt": "2026-03-02T09:10:00Z"})
        assert codes(refused) == [("NOT_FOUND", ["input", "attempt", "userId"])]
        # Known to the service, but not on the roster.
        service.known.add("users/nobody")
        assert codes(await record(ask, success("nobody"))) == [("NOT_FOUND", ["input", "attempt", "userExternalId"])]
        assert parked(ask) == []


async def test_strict_writes_nothing_while_the_service_fails(fresh_ask: Asker) -> None:
    async with asker_with(fresh_ask, UserProgressMode.STRICT) as (ask, service):
        kept = await record(ask, success("gus"), "kept")
        service.well = False
        payload = await record_many(ask, [success("gus"), success("ben")], idempotencyKey="key")
        assert codes(payload) == [("UNAVAILABLE", ["input"])]
        assert payload["userErrors"][0]["__typename"] == "UnavailableError"
        assert payload["results"] == []
        assert rows(ask, "SELECT count(*) FROM attempts") == [(14,)]
        # An answer that was given holds.
        again = await record(ask, success("gus"), "kept")
        assert (again["replayed"], again["attempt"]) == (True, kept["attempt"])
        other = await record(ask, success("ben"), "kept")
        assert codes(other) == [("IDEMPOTENCY_MISMATCH", ["input", "idempotencyKey"])]
        service.well = True
        retried = await record_many(ask, [success("gus"), success("ben")], idempotencyKey="key")
        assert retried["replayed"] is False
        assert [codes(result) for result in retried["results"]] == [[], []]


async def test_off_asks_nobody(fresh_ask: Asker) -> None:
    async with asker_with(fresh_ask, UserProgressMode.OFF) as (ask, service):
        service.well = False
        assert (await record(ask, success("cleo", "l3")))["userErrors"] == []
        assert codes(await record(ask, success("nobody"))) == [("NOT_FOUND", ["input", "attempt", "userExternalId"])]
        assert service.asked == []


async def test_defer_parks_the_unknown(fresh_ask: Asker) -> None:
    async with asker_with(fresh_ask, UserProgressMode.DEFER) as (ask, service):
        attempts = [
            success("gus"),
            success("cleo", sourceId="c"),  # the service does not know her
            success("nobody", sourceId="n"),  # nobody does
            success("gus", "l9"),
            success("nobody", score=101),
            {"userId": "VXNlcjoxMDAwMDAwMDAw", "labType": "l1", "startedAt": "2026-03-01T00:00:00Z"},
        ]
        service.known.add("labs/l9")
        payload = await record_many(ask, attempts, idempotencyKey="key")
        assert [result["parked"] for result in payload["results"]] == [False, True, True, True, False, False]
        assert [codes(result) for result in payload["results"]] == [
            [], [], [], [],
            [("VALIDATION", ["input", "attempts", "4", "score"])],
            [("NOT_FOUND", ["input", "attempts", "5", "userId"])],
        ]  # fmt: skip
        assert parked(ask) == [
            ("cleo", "l1", "c", "not known to the user-progress service"),
            ("nobody", "l1", "n", "not known to the user-progress service"),
            ("gus", "l9", None, "not known here"),
        ]
        again = await record_many(ask, attempts, idempotencyKey="key")
        assert [result["parked"] for result in again["results"]] == [result["parked"] for result in payload["results"]]
        # The same source id again is parked once; with another content it is refused, for another person too.
        same = await record(ask, attempts[2])
        assert (same["parked"], same["replayed"]) == (True, True)
        assert codes(await record(ask, {**attempts[2], "score": 5})) == [
            ("IDEMPOTENCY_MISMATCH", ["input", "attempt", "sourceId"])
        ]
        assert codes(await record(ask, {**attempts[2], "userExternalId": "other"})) == [
            ("CONFLICT", ["input", "attempt", "sourceId"])
        ]
        assert len(parked(ask)) == 3


async def test_defer_parks_while_the_service_is_down(fresh_ask: Asker) -> None:
    async with asker_with(fresh_ask, UserProgressMode.DEFER) as (ask, service):
        service.well = False
        payload = await record(ask, success("gus", sourceId="g"))
        assert (payload["parked"], payload["attempt"], payload["userErrors"]) == (True, None, [])
        assert parked(ask) == [("gus", "l1", "g", "the user-progress service did not answer")]
        found = await unparked(ask)
        assert found.count == 1
        assert parked(ask) == []
        # What comes again is recognised, whether the service answers or not.
        again = await record(ask, success("gus", sourceId="g"))
        assert (again["replayed"], again["parked"], again["attempt"]["sourceId"]) == (True, False, "g")


async def test_defer_without_a_service_goes_by_the_roster(fresh_ask: Asker) -> None:
    settings = fresh_ask.services.settings.model_copy(update={"user_progress_mode": UserProgressMode.DEFER})
    fresh_ask.services = replace(fresh_ask.services, settings=settings)
    assert (await record(fresh_ask, success("cleo")))["parked"] is False
    assert (await record(fresh_ask, success("nobody")))["parked"] is True


def add_person(ask: Asker, name: str) -> None:
    rows(
        ask,
        "INSERT INTO users (organization_id, external_id, username, display_name) "
        "SELECT id, %s, %s, %s FROM organizations WHERE slug = 'north' RETURNING 1",
        name, name, name,
    )  # fmt: skip


async def test_parked_attempts_are_recorded_once_their_person_is_there(fresh_ask: Asker) -> None:
    async with asker_with(fresh_ask, UserProgressMode.DEFER) as (ask, _):
        full = success(
            "new", "l2", startedAt="2026-03-02T09:00:00Z", score=50.5, errors=["A", "A"], metadata={"a": [1.5]}, sourceId="n",
            resources={"memoryMib": 1.5}, hintsUsed=2, accuracy=0.25, skillMatch=0.5, dueAt="2026-03-03T00:00:00Z",
        )  # fmt: skip
        await record_many(ask, [full, success("new"), success("other", "l1")])
        assert (await unparked(ask)).count == 0
        add_person(ask, "new")
        found = await unparked(ask)
        assert (found.count, found.more) == (2, False)
        answer = await ask(
            """query ($filter: AttemptFilter) { attempts(filter: $filter) { nodes { score dueAt errors { code count } metadata
            completionTimeSeconds isCounted accuracy skillMatch hintsUsed difficulty resources { memoryMib } } } }""",
            {"filter": {"userIds": [ask.id("User", "new")], "score": {"gte": 0}}},
            person="mia",
            role="MANAGER",
        )
        assert answer.data["attempts"]["nodes"] == [
            {
                "score": 50.5, "dueAt": "2026-03-03T00:00:00.000Z", "errors": [{"code": "A", "count": 2}],
                "metadata": {"a": [1.5]}, "completionTimeSeconds": 600, "isCounted": True, "accuracy": 0.25, "skillMatch": 0.5,
                "hintsUsed": 2, "difficulty": 8, "resources": {"memoryMib": 1.5},
            }
        ]  # fmt: skip
        assert [row[0] for row in parked(ask)] == ["other"]
        assert (await unparked(ask)).count == 0


async def test_a_worker_unparks_every_organization(fresh_ask: Asker) -> None:
    async with asker_with(fresh_ask, UserProgressMode.DEFER) as (ask, _):
        await record(ask, success("new", sourceId="n"))
        add_person(ask, "new")
        # Somebody else took the source id meanwhile.
        await record(ask, success("late", sourceId="taken"))
        rows(ask, "UPDATE attempts SET source_id = 'taken' WHERE source_id = 'ben-1' RETURNING 1")
        add_person(ask, "late")
        engine = write_engine(ask.database.url, DatabaseRole.WORKER)
        async with engine.begin() as connection:
            (organization_id,) = await organizations_to_unpark(connection)
            found = await unpark(connection, organization_id)
        await engine.dispose()
        assert rows(ask, "SELECT slug FROM organizations WHERE id = %s", organization_id) == [("north",)]
        assert found.count == 1
        assert rows(ask, "SELECT user_external_id, tries, reason FROM parked_attempts") == [("late", 1, "OtherPerson")]


@pytest.mark.parametrize("bound", [1, 2])
async def test_unparking_goes_on_where_it_stopped(fresh_ask: Asker, bound: int) -> None:
    async with asker_with(fresh_ask, UserProgressMode.DEFER) as (ask, _):
        await record_many(ask, [success("new", at=f"2026-03-0{day}T00:00:00Z") for day in (1, 2, 3)])
        add_person(ask, "new")

        async def work(connection: AsyncConnection, viewer: Viewer) -> Unparked:
            return await unpark(connection, viewer.organization_id, bound=bound)

        counts, more = [], True
        while more:
            found = await write_transaction(ask.services.write_engine, ask.context("root", "ADMIN").caller, work)
            counts.append(found.count)
            more = found.more
        assert sum(counts) == 3
        assert parked(ask) == []
