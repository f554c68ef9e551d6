"""How the database is doing, before it is known who asks."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import asyncpg

from db.consumer_health import CONSUMERS
from db.engine import DatabaseUnavailable, ReadPool
from db.migrate import known_revisions, newest_revision

HEALTH = "SELECT revision, pending_changes, views FROM database_health()"
PENDING_CEILING = 100_000
"""The function counts no further."""


@dataclass(frozen=True, slots=True)
class ViewHealth:
    """``lag_seconds`` since the materialized view was known to be as a refresh would make it; None: never refreshed."""

    lag_seconds: float | None
    is_failing: bool


@dataclass(frozen=True, slots=True)
class ConsumerHealth:
    """For how long nobody has listened to a topic of events, and for how long the oldest event of it waits."""

    silent_seconds: float
    waiting_seconds: float


@dataclass(frozen=True, slots=True)
class DatabaseHealth:
    """``pending_changes`` wait to be folded; PENDING_CEILING stands for that many or more. ``consumers`` by topic."""

    revision: str | None
    pending_changes: int
    views: Mapping[str, ViewHealth]
    consumers: Mapping[str, ConsumerHealth]

    @property
    def is_behind(self) -> bool:
        """Whether migrations are due. A revision that this code does not know is of a newer one, which it can live with."""
        return self.revision != newest_revision() and self.revision in known_revisions() | {None}


async def get_database_health(pool: ReadPool) -> DatabaseHealth | None:
    """None where the database is from before there was anything to ask. Raises DatabaseUnavailable."""
    try:
        async with pool.connection() as connection:
            try:
                row = await connection.fetchrow(HEALTH)
                consumers = await connection.fetch(CONSUMERS)
            except asyncio.CancelledError:
                # Whoever asks has waited long enough: the server may be gone without a word.
                connection.terminate()
                raise
    except asyncpg.UndefinedFunctionError:
        return None
    except (OSError, asyncpg.InterfaceError, asyncpg.PostgresError) as error:
        raise DatabaseUnavailable("The database does not answer.") from error
    return DatabaseHealth(
        row["revision"],
        row["pending_changes"],
        {view["name"]: ViewHealth(view["lag_seconds"], view["is_failing"]) for view in row["views"] or ()},
        {topic: ConsumerHealth(silent, waiting) for topic, silent, waiting in consumers},
    )
