"""What is in the outbox, and what came out of it."""

from __future__ import annotations

from typing import Any

import orjson
from redis import Redis

from settings import DatabaseRole
from tests.conftest import Database

STREAM = "analytics-events"


def waiting(database: Database, type: str | None = None) -> list[tuple[str, str, dict[str, Any]]]:
    """Type, subject and data, in order."""
    with database.connect(None) as connection:
        rows = connection.execute(
            "SELECT type, subject, data FROM outbox WHERE coalesce(type = %s, true) ORDER BY id", (type,)
        ).fetchall()
    return [(str(row[0]), str(row[1]), dict(row[2])) for row in rows]  # type: ignore[call-overload]


def add(database: Database, subjects: list[str], type: str = "metrics.alert") -> list[str]:
    """An event for each; their ids."""
    with database.connect(DatabaseRole.WORKER) as connection, connection.transaction():
        return [
            str(
                connection.execute(
                    "INSERT INTO outbox (organization_id, type, subject, data) VALUES (1, %s, %s, '{}') RETURNING event_id",
                    (type, subject),
                ).fetchone()[0]  # type: ignore[index]
            )
            for subject in subjects
        ]


def published(redis: Redis) -> list[dict[str, Any]]:
    """The events of the stream, in order."""
    return [orjson.loads(entry[b"event"]) for _, entry in redis.xrange(STREAM)]
