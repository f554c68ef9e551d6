"""CloudEvents, in both modes, over whatever brings them."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.conftest import Database
from tests.workers.asking import value
from tests.workers.events.telling import consume
from workers.events.cloud_events import message_of
from workers.events.envelope import Message

DATA = {"attemptId": 5, "userId": "ben", "labType": "l4", "success": True, "completedAt": "2026-04-01T09:00:00Z"}
ATTRIBUTES = {
    "specversion": "1.0",
    "id": "a-1",
    "source": "/labs",
    "type": "com.example.AttemptRecorded",
    "organization": "north",
    "time": "2026-04-01T09:00:01Z",
}


def binary(body: bytes, **attributes: str | bytes | None) -> Message:
    given = {f"ce_{name}": value for name, value in {**ATTRIBUTES, **attributes}.items()}
    return message_of("lab-events", body, {"content-type": "application/json", **given}, prefix="ce_")


def code(database: Database) -> Any:
    return value(database, "SELECT code FROM dead_letters")


async def test_both_modes_are_one_event(school: Database, engine: AsyncEngine) -> None:
    structured = Message("lab-events", orjson.dumps({**ATTRIBUTES, "data": DATA}))
    await consume(engine, [structured, binary(orjson.dumps(DATA))])
    await consume(engine, [binary(orjson.dumps(DATA), id=b"a-1")])
    assert code(school) is None
    assert value(school, "SELECT array_agg((source, event_id)::text) FROM event_inbox") == ["(/labs,a-1)"]
    assert value(school, "SELECT count(*) FROM attempts WHERE source = 'KAFKA'") == 1


async def test_numbers_come_as_text(school: Database, engine: AsyncEngine) -> None:
    newer = orjson.dumps({**DATA, "score": 80})
    await consume(engine, [binary(newer, id="2", version="2", schemaversion="1")])
    await consume(engine, [binary(orjson.dumps({**DATA, "score": 10}), id="1", version=b"1")])
    assert code(school) is None
    assert value(school, "SELECT score FROM attempts WHERE source = 'KAFKA'") == 80


@pytest.mark.parametrize(
    ("body", "attributes", "wrong"),
    [
        (orjson.dumps(DATA), {"specversion": "2.0"}, "ENVELOPE"),
        (orjson.dumps(DATA), {"specversion": None}, "ENVELOPE"),
        (orjson.dumps(DATA), {"id": None}, "ENVELOPE"),
        (orjson.dumps(DATA), {"version": "-1"}, "ENVELOPE"),
        (orjson.dumps(DATA), {"version": "9" * 400}, "ENVELOPE"),
        (orjson.dumps(DATA), {"schemaversion": "2"}, "SCHEMA_VERSION"),
        (orjson.dumps(DATA), {"organization": "nowhere"}, "ORGANIZATION"),
        (b'{"attemptId": 5}, "organization": "south"', {}, "NOT_JSON"),
        (b"", {}, "NOT_JSON"),
        (b"[]", {}, "ENVELOPE"),
        (orjson.dumps(DATA), {"id": b"\xff"}, "ENVELOPE"),
    ],
)
async def test_what_is_wrong_is_kept_with_its_reason(
    body: bytes, attributes: dict[str, Any], wrong: str, school: Database, engine: AsyncEngine
) -> None:
    await consume(engine, [binary(body, **attributes)])
    assert code(school) == wrong
    assert value(school, "SELECT count(*) FROM event_inbox") == 0


def test_without_its_attributes_a_message_is_the_event() -> None:
    body = orjson.dumps({"id": "1"})
    assert message_of("lab-events", body, {"ce_id": "2"}, prefix="ce_") == Message("lab-events", body)
