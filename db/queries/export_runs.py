"""What the worker does to exports: takes them, says how they go on, and forgets their files. A run says so only while it holds
the export: neither after it was cancelled, nor after another run has taken it over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from db.queries.export_jobs import UNFINISHED, ExportStatus, FailureCode

LOCK_ORGANIZATION = text("""
SELECT pg_advisory_xact_lock(hashtextextended('scoregraph.exports ' || organization_id, 0)) FROM exports WHERE id = :id
""")
LOCK = text("""
SELECT e.status, e.tries,
  (SELECT count(*) FROM exports o WHERE o.organization_id = e.organization_id AND o.status = 'PROCESSING' AND o.id <> e.id) AS others
FROM exports e WHERE e.id = :id FOR NO KEY UPDATE
""")
CLAIM = text("""
UPDATE exports e SET status = 'PROCESSING', tries = tries + 1, run = :run, progress = 0,
  started_at = coalesce(started_at, clock_timestamp())
FROM organizations o WHERE e.id = :id AND o.id = e.organization_id
RETURNING e.id, e.organization_id, o.slug AS organization, e.subject, e.role, e.claimed_groups, e.kind, e.format, e.dialect, e.parameters,
  e.group_id, e.user_id, e.tries, e.run
""")
_HELD = "id = :id AND run = :run AND status = 'PROCESSING'"
GO_ON = text(f"UPDATE exports SET progress = :progress WHERE {_HELD} RETURNING true")
PUT_BACK = text(f"UPDATE exports SET status = 'PENDING', tries = :tries, run = NULL, progress = NULL WHERE {_HELD}")
FAIL = text(f"""
UPDATE exports SET status = 'FAILED', failure_code = :code, failure_message = :message, progress = NULL, run = NULL,
  finished_at = clock_timestamp()
WHERE {_HELD} RETURNING true
""")
WEAR_OUT = text("""
UPDATE exports SET status = 'FAILED', failure_code = 'INTERNAL', failure_message = :message, progress = NULL, run = NULL,
  finished_at = clock_timestamp()
WHERE id = :id
""")
FINISH = text(f"""
UPDATE exports SET status = 'READY', progress = 1, finished_at = clock_timestamp(),
  expires_at = clock_timestamp() + make_interval(secs => :seconds_to_live),
  file_name = :file_name, as_of = :as_of, row_count = :row_count, byte_size = :byte_size, sha256 = :sha256,
  neutralized = :neutralized, truncated = :truncated, reads_groups = :reads_groups, manifest = CAST(:manifest AS jsonb)
WHERE {_HELD} RETURNING true
""")
EXPIRED = text("""
SELECT id FROM exports WHERE status = 'READY' AND expires_at <= clock_timestamp() ORDER BY expires_at LIMIT 1000
""")
EXPIRE = text("UPDATE exports SET status = 'EXPIRED', run = NULL WHERE id = :id AND status = 'READY'")
FORGET = text("""
DELETE FROM exports WHERE id IN (
  SELECT id FROM exports
  WHERE status IN ('FAILED', 'CANCELLED', 'EXPIRED') AND greatest(finished_at, expires_at) < clock_timestamp() - make_interval(days => :days)
    AND finished_at < clock_timestamp() - make_interval(days => :days)
  ORDER BY finished_at LIMIT 1000)
""")
# A job that nobody has any more: it was removed by hand, or given up.
QUEUE_LOST = text("""
WITH lost AS MATERIALIZED (
  SELECT e.id, e.organization_id FROM exports e
  WHERE e.status IN ('PENDING', 'PROCESSING') AND NOT EXISTS (
    SELECT FROM jobs.procrastinate_jobs j
    WHERE j.task_name = 'exports:make' AND j.status IN ('todo', 'doing') AND j.args ->> 'export_id' = e.id::text)
)
SELECT id, enqueue_job('exports', 'exports:make', jsonb_build_object('export_id', id, 'organization_id', organization_id))
FROM lost
""")


class Turn(StrEnum):
    """Why an export is not to be made now: it has its file; it is over without one; or others come first."""

    DONE = "DONE"
    OVER = "OVER"
    LATER = "LATER"


class Claimed(NamedTuple):
    """An export that this run is to make, as its requester."""

    id: int
    organization_id: int
    organization: str
    subject: str
    role: str
    claimed_groups: list[str] | None
    kind: str
    format: str
    dialect: str | None
    parameters: dict[str, Any]
    group_id: int | None
    user_id: int | None
    tries: int
    run: str

    @property
    def held(self) -> dict[str, Any]:
        """What says that it is this run that holds it."""
        return {"id": self.id, "run": self.run}


@dataclass(frozen=True, slots=True)
class Made:
    """A file that is where it belongs. Sizes are bytes."""

    file_name: str
    as_of: datetime
    row_count: int
    byte_size: int
    sha256: str
    neutralized: int
    truncated: int
    reads_groups: Sequence[int]
    manifest: dict[str, Any]


async def claim_export(
    connection: AsyncConnection, key: int, run: str, *, most_at_once: int, most_tries: int
) -> Claimed | Turn:
    """Takes an export for this run, also from one that holds it: that one's worker is gone, or it would have no job. One that
    was begun ``most_tries`` times is FAILED. No more than ``most_at_once`` of an organization are made at a time.
    """
    # Who counts the others must not be counting at the same time as they.
    await connection.execute(LOCK_ORGANIZATION, {"id": key})
    found = (await connection.execute(LOCK, {"id": key})).one_or_none()
    if found is None:
        return Turn.OVER
    if found.status not in UNFINISHED:
        return Turn.DONE if found.status == ExportStatus.READY else Turn.OVER
    if found.tries >= most_tries:
        message = f"It was begun {found.tries} times and never came to an end."
        await connection.execute(WEAR_OUT, {"id": key, "message": message})
        return Turn.OVER
    if found.others >= most_at_once:
        return Turn.LATER
    return Claimed(*(await connection.execute(CLAIM, {"id": key, "run": run})).one())


async def go_on(connection: AsyncConnection, export: Claimed, progress: float) -> bool:
    """Whether this run still holds it; then notes its progress, 0 to 1."""
    found = await connection.execute(GO_ON, {**export.held, "progress": progress})
    return found.one_or_none() is not None


async def put_back(connection: AsyncConnection, export: Claimed, *, counts: bool) -> None:
    """To be made by another run. ``counts``: as one of its tries."""
    await connection.execute(PUT_BACK, {**export.held, "tries": export.tries if counts else export.tries - 1})


async def fail_export(connection: AsyncConnection, export: Claimed, code: FailureCode, message: str) -> bool:
    """Whether this run still held it."""
    found = await connection.execute(FAIL, {**export.held, "code": code.value, "message": message})
    return found.one_or_none() is not None


async def finish_export(connection: AsyncConnection, export: Claimed, made: Made, seconds_to_live: float) -> bool:
    """Whether this run still held it; then it is READY."""
    values = {
        **asdict(made),
        "reads_groups": list(made.reads_groups),
        "manifest": orjson.dumps(made.manifest).decode(),
        "seconds_to_live": seconds_to_live,
    }
    return (await connection.execute(FINISH, {**export.held, **values})).one_or_none() is not None


async def list_expired(connection: AsyncConnection) -> list[int]:
    """Ids of those whose files are to be removed; a thousand at most."""
    return [row.id for row in await connection.execute(EXPIRED)]


async def expire_export(connection: AsyncConnection, key: int) -> None:
    await connection.execute(EXPIRE, {"id": key})


async def forget_exports(connection: AsyncConnection, days: int) -> int:
    """Deletes those that were over so many days ago and have no file any more, a thousand at most; how many."""
    return (await connection.execute(FORGET, {"days": days})).rowcount


async def queue_lost_exports(connection: AsyncConnection) -> list[int]:
    """Asks anew for jobs of exports that are not finished and have none; their ids."""
    return [row.id for row in await connection.execute(QUEUE_LOST)]
