"""The statements that ask for exports, cancel them, and have them tried again; run as the requester."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from db.queries.export_jobs import USAGE, Usage, usage

# Requests of one person come one after the other, so that each counts those before it.
LOCK_REQUESTER = text(
    "SELECT pg_advisory_xact_lock(hashtextextended('scoregraph.exports ' || :organization_id || ' ' || :subject, 0))"
)
USED = text(USAGE)
USED_BY_SCHEDULES = text(usage("due_at IS NOT NULL"))
# Of all people: the rows of others are not the requester's to see, their number is.
USED_BY_GROUP = text("SELECT used, retry_at, resets_at FROM group_export_usage(:group_id, :hourly_limit)")
BY_KEY = text("""
SELECT id, body FROM exports WHERE organization_id = :organization_id AND subject = :subject AND idempotency_key = :key
""")
# What the export is about, as far as the requester may see it, and what its period is to be found with. A group is theirs to
# report on where they lead it or see everything.
CONTEXT = text("""
SELECT o.time_zone, now() AS now,
  EXISTS (SELECT FROM groups WHERE id = CAST(:group_id AS bigint)
    AND ((SELECT viewer_sees_all()) OR id IN (SELECT viewer_group_ids()))) AS has_group,
  EXISTS (SELECT FROM users WHERE id = CAST(:user_id AS bigint)
    AND ((SELECT viewer_sees_all()) OR id IN (SELECT viewer_people()))) AS has_user,
  EXISTS (SELECT FROM labs WHERE id = CAST(:lab_id AS bigint)) AS has_lab,
  EXISTS (SELECT FROM levels WHERE id = CAST(:level_id AS bigint)) AS has_level,
  ARRAY(SELECT id FROM topics WHERE id = ANY (CAST(:topic_ids AS bigint[]))) AS topic_ids
FROM organizations o WHERE o.id = :organization_id
""")
INSERT = text("""
INSERT INTO exports (organization_id, requested_by, subject, role, claimed_groups, kind, format, dialect, parameters, group_id,
  user_id, idempotency_key, body, report_id)
VALUES (:organization_id, :requested_by, :subject, :role, CAST(:claimed_groups AS text[]), :kind, :format, :dialect,
  CAST(:parameters AS jsonb), :group_id, :user_id, :idempotency_key, CAST(:body AS jsonb), :report_id)
RETURNING id
""")
LOCK = text("SELECT id, subject, status, failure_code, group_id FROM exports WHERE id = :id FOR NO KEY UPDATE")
SUBJECT = text("SELECT subject FROM exports WHERE id = :id")
CANCEL = text("""
UPDATE exports SET status = 'CANCELLED', run = NULL, progress = NULL, finished_at = clock_timestamp() WHERE id = :id
""")
QUEUE_AGAIN = text("""
UPDATE exports SET status = 'PENDING', queued_at = clock_timestamp(), tries = 0, run = NULL, started_at = NULL, progress = NULL,
  finished_at = NULL, failure_code = NULL, failure_message = NULL
WHERE id = :id
""")


@dataclass(frozen=True, slots=True)
class Subjects:
    """Ids of what an export is about."""

    group_id: int | None = None
    user_id: int | None = None
    lab_id: int | None = None
    level_id: int | None = None
    topic_ids: tuple[int, ...] = ()


class RequestContext(NamedTuple):
    """Whether the requester may see each of the ``Subjects``; False where none was given. ``topic_ids``: those they see."""

    time_zone: str
    now: datetime
    has_group: bool
    has_user: bool
    has_lab: bool
    has_level: bool
    topic_ids: Sequence[int]


class LockedExport(NamedTuple):
    """As it is until the end of the transaction."""

    id: int
    subject: str
    status: str
    failure_code: str | None
    group_id: int | None


async def lock_requester(connection: AsyncConnection, organization_id: int, subject: str) -> None:
    """Until the end of the transaction."""
    await connection.execute(LOCK_REQUESTER, {"organization_id": organization_id, "subject": subject})


async def find_by_key(
    connection: AsyncConnection, organization_id: int, subject: str, key: str
) -> tuple[int, Any] | None:
    """The export that was asked for with an idempotency key, and what was said then."""
    values = {"organization_id": organization_id, "subject": subject, "key": key}
    row = (await connection.execute(BY_KEY, values)).one_or_none()
    return (row.id, row.body) if row else None


async def count_used(
    connection: AsyncConnection, organization_id: int, subject: str, hourly_limit: int, *, scheduled: bool = False
) -> Usage:
    """Of the hourly limit of what somebody asks for, or of what their schedules make; of a requester who is locked."""
    values = {"organization_id": organization_id, "subject": subject, "hourly_limit": hourly_limit}
    return Usage(*(await connection.execute(USED_BY_SCHEDULES if scheduled else USED, values)).one())


async def count_used_by_group(connection: AsyncConnection, group_id: int, hourly_limit: int) -> Usage:
    """Of the hourly limit of a group, which stays as it is until the end of the transaction."""
    values = {"group_id": group_id, "hourly_limit": hourly_limit}
    return Usage(*(await connection.execute(USED_BY_GROUP, values)).one())


async def get_request_context(connection: AsyncConnection, organization_id: int, subjects: Subjects) -> RequestContext:
    values = {
        "organization_id": organization_id,
        "group_id": subjects.group_id,
        "user_id": subjects.user_id,
        "lab_id": subjects.lab_id,
        "level_id": subjects.level_id,
        "topic_ids": list(subjects.topic_ids),
    }
    return RequestContext(*(await connection.execute(CONTEXT, values)).one())


async def insert_export(connection: AsyncConnection, parameters: Any, body: Any, **values: Any) -> int:
    """Other columns by name; the id. Its job is asked for with it."""
    values |= {"parameters": orjson.dumps(parameters).decode(), "body": orjson.dumps(body).decode()}
    key: int = (await connection.execute(INSERT, values)).scalar_one()
    return key


async def get_subject(connection: AsyncConnection, key: int) -> str | None:
    """Whose export it is."""
    subject: str | None = (await connection.execute(SUBJECT, {"id": key})).scalar_one_or_none()
    return subject


async def lock_export(connection: AsyncConnection, key: int) -> LockedExport | None:
    """None for one that is unknown, or not the viewer's."""
    row = (await connection.execute(LOCK, {"id": key})).one_or_none()
    return LockedExport(*row) if row else None


async def cancel_export(connection: AsyncConnection, key: int) -> None:
    await connection.execute(CANCEL, {"id": key})


async def queue_again(connection: AsyncConnection, key: int) -> None:
    """Its job is asked for with it."""
    await connection.execute(QUEUE_AGAIN, {"id": key})
