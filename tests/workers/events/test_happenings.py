"""Events of types that nothing is made of become tracked events."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.conftest import Database
from tests.workers.asking import execute, value
from tests.workers.events.telling import consume, event, retry_due
from workers.events.counting import CONSUMED
from workers.events.envelope import Message

EVENTS = """
SELECT coalesce(json_agg(json_build_array(o.slug, u.external_id, e.event_type, e.metadata, e.source_id, e.origin)
  ORDER BY e.event_type, e.source_id), '[]')
FROM user_events e JOIN organizations o ON o.id = e.organization_id LEFT JOIN users u ON u.id = e.user_id
"""
LETTERS = "SELECT coalesce(array_agg(code ORDER BY id), '{}') FROM dead_letters WHERE replayed_at IS NULL"


def ago(**past: float) -> str:
    return (datetime.now(UTC) - timedelta(**past)).isoformat()


def ignored(topic: str) -> float:
    return CONSUMED.labels(topic, "ignored")._value.get()


async def test_they_are_recorded_with_whom_they_are_about(school: Database, engine: AsyncEngine) -> None:
    happened = ago(hours=1)
    cloud = {
        "specversion": "1.0",
        "id": "1",
        "source": "/shop",
        "type": "org.example.ModuleCompleted",
        "organization": "south",
        "schemaversion": 7,
        "data": {"module": 3, "userId": "ben"},
    }
    await consume(
        engine,
        [
            event("user-events", "user_login", {"userId": "ben", "device": "x"}, id="a", time=happened),
            event("user-events", "user_login", {"userId": "nobody yet"}, id="b"),
            event("user-events", "user_login", {"userId": {"no": "id"}}, id="c"),
            Message("course-events", orjson.dumps(cloud)),
        ],
    )
    assert value(school, EVENTS) == [
        ["south", "ben", "ModuleCompleted", {"module": 3}, "course-events:/shop:1", "EVENTS"],
        ["north", "ben", "user_login", {"device": "x"}, "user-events::a", "EVENTS"],
        ["north", None, "user_login", {}, "user-events::b", "EVENTS"],
        ["north", None, "user_login", {}, "user-events::c", "EVENTS"],
    ]
    assert (
        value(school, "SELECT occurred_at FROM user_events WHERE source_id = 'user-events::a'").isoformat() == happened
    )
    assert value(school, LETTERS) == []


async def test_who_is_introduced_in_the_same_batch_is_known(school: Database, engine: AsyncEngine) -> None:
    await consume(
        engine,
        [event("user-events", "user_login", {"userId": "zoe"}), event("user-events", "UserCreated", {"userId": "zoe"})],
    )
    assert [row[1] for row in value(school, EVENTS)] == ["zoe"]


async def test_each_counts_once(school: Database, engine: AsyncEngine) -> None:
    login = event("user-events", "user_login", {"userId": "ben"}, id="1", source="/app")
    elsewhere = event("course-events", "user_login", {"userId": "ben"}, id="1", source="/app")
    long = event("user-events", "user_login", {"userId": "ben"}, id="x" * 200, source="y" * 200)
    await consume(engine, [login, login, long])
    await consume(engine, [long, login, elsewhere])
    assert len(value(school, EVENTS)) == 3
    # Events are kept for longer than the inbox remembers them.
    execute(school, "DELETE FROM event_inbox")
    await consume(engine, [login, elsewhere, long])
    assert len(value(school, EVENTS)) == 3


async def test_what_names_a_person_is_dropped(school: Database, engine: AsyncEngine) -> None:
    said = {
        "userId": "ben",
        "email": "ben@north.example",
        "client": {"ipAddress": "10.0.0.1", "width": 800},
        "colour": "red",
    }
    await consume(engine, [event("user-events", "page_viewed", said, id="a")])
    await consume(engine, [event("user-events", "page_viewed", said, id="b")], event_dropped_keys="colour")
    assert [row[3] for row in value(school, EVENTS)] == [
        {"client": {"width": 800}, "colour": "red"},
        {"email": "ben@north.example", "client": {"ipAddress": "10.0.0.1", "width": 800}},
    ]


async def test_nothing_is_kept_that_is_too_old_or_has_a_type_that_nobody_can_ask_for(
    school: Database, engine: AsyncEngine
) -> None:
    before = ignored("user-events")
    old = [event("user-events", "user_login", {}, time=ago(days=days)) for days in (6.9, 7.1)]
    await consume(
        engine,
        [*old, event("user-events", "2 words", {}), event("user-events", "x" * 101, {})],
        metrics_retention_days=7,
    )
    assert len(value(school, EVENTS)) == 1
    assert value(school, LETTERS) == []
    assert ignored("user-events") == before + 3


@pytest.mark.parametrize(
    "data",
    [{"a": "x" * 17_000}, {"a": "\0"}, {"a": [[[[[[[[[[1]]]]]]]]]]}, {"a": 2**63}],
    ids=["large", "NUL", "deep", "number"],
)
async def test_what_cannot_be_kept_is_a_dead_letter(
    data: dict[str, Any], school: Database, engine: AsyncEngine
) -> None:
    await consume(engine, [event("user-events", "page_viewed", data), event("user-events", "page_viewed", {})])
    assert value(school, LETTERS) == ["DATA"]
    assert len(value(school, EVENTS)) == 1


async def test_they_keep_the_order_of_a_person(school: Database, engine: AsyncEngine) -> None:
    taken = event("user-events", "UserCreated", {"userId": "zoe", "username": "ben"})
    await consume(engine, [taken])
    await consume(engine, [event("user-events", "user_login", {"userId": "zoe", "password": "x"})])
    assert (value(school, LETTERS), value(school, EVENTS)) == (["USERNAME", "WAITS"], [])
    execute(school, "UPDATE users SET username = 'benny' WHERE external_id = 'ben'")
    execute(school, "UPDATE dead_letters SET next_try_at = now() - interval '1 second'")
    assert await retry_due(engine) == 2
    assert [row[1:4] for row in value(school, EVENTS)] == [["zoe", "user_login", {}]]
