"""Events as other systems write them, and what came of them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import Any

import orjson
from sqlalchemy.ext.asyncio import AsyncEngine

from settings import DatabaseRole, Settings
from tests.conftest import Database
from workers.events import dead_letters
from workers.events.envelope import Message
from workers.events.happenings import Keeping
from workers.events.inbox import read_batch, take_batch

_ids = count(1)

# Everything that events can change, but for ids, revisions and when it was recorded.
STATE = {
    "attempts": """
        SELECT u.external_id, l.type, a.status, a.started_at, a.completed_at, a.due_at, a.duration_seconds, a.score, a.errors,
          a.metadata, a.counted, a.source, a.source_id, a.deleted_at
        FROM attempts a JOIN users u ON u.id = a.user_id JOIN labs l ON l.id = a.lab_id WHERE a.source = 'KAFKA' ORDER BY source_id
    """,
    "parked": "SELECT user_external_id, lab_type, attempt, source_id FROM parked_attempts ORDER BY source_id",
    "users": """
        SELECT external_id, username, display_name, email, role, time_zone, deactivated_at FROM users
        ORDER BY organization_id, external_id
    """,
    "groups": "SELECT external_id, name, kind FROM groups ORDER BY organization_id, external_id",
    "members": """
        SELECT g.external_id, u.external_id, m.role, m.valid_from, m.valid_to
        FROM group_memberships m JOIN groups g ON g.id = m.group_id JOIN users u ON u.id = m.user_id
        WHERE g.kind = 'course' ORDER BY 1, 2, 3, 4
    """,
    "totals": """
        SELECT u.external_id, t.attempts, t.successes, t.tasks, t.score FROM user_totals_live t JOIN users u ON u.id = t.user_id
        WHERE t.attempts <> 0 ORDER BY u.organization_id, 1
    """,
    "registers": "SELECT entity, said FROM event_registers ORDER BY entity",
    "letters": "SELECT topic, event_id, code, next_try_at IS NULL FROM dead_letters WHERE replayed_at IS NULL ORDER BY 1, 2",
}


def event(topic: str, type_: str, data: dict[str, Any], **envelope: Any) -> Message:
    said = {"id": f"e{next(_ids)}", "type": type_, "organization": "north", "data": data, **envelope}
    return Message(topic, orjson.dumps(said))


async def consume(engine: AsyncEngine, messages: Sequence[Message], **changed: Any) -> None:
    """As a listener takes them. ``changed`` are settings by their field names."""
    await take_batch(engine, read_batch(messages, Keeping.of(Settings(**changed))))


async def retry_due(engine: AsyncEngine) -> int:
    return await dead_letters.retry_due(engine, Keeping.of(Settings()))


def state(database: Database) -> dict[str, list[Any]]:
    with database.connect(DatabaseRole.WORKER) as connection:
        return {name: connection.execute(query.encode()).fetchall() for name, query in STATE.items()}
