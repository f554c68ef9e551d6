"""What the worker does about schedules that are due: each run is asked for once, whoever else looks at the same time."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from db.number_writing import dialect_of

DUE = text("""
SELECT s.id, s.organization_id, s.report_id, s.format, s.dialect, s.cron, s.time_zone, s.next_run_at, r.owner_id, r.subject, r.role,
  r.claimed_groups, r.roster_role, u.role AS role_now, r.kind, r.parameters, r.period, r.group_id, r.user_id,
  clock_timestamp() AS now
FROM report_schedules s JOIN reports r ON r.id = s.report_id LEFT JOIN users u ON u.id = r.owner_id
WHERE s.next_run_at <= clock_timestamp() AND coalesce(s.held_until <= clock_timestamp(), true)
ORDER BY s.next_run_at, s.id LIMIT 1 FOR NO KEY UPDATE OF s SKIP LOCKED
""")
HOLD = text("UPDATE report_schedules SET held_until = :until WHERE id = :id")
MOVE = text("UPDATE report_schedules SET next_run_at = :next_run_at, held_until = NULL WHERE id = :id")
PAUSE = text(
    "UPDATE report_schedules SET next_run_at = NULL, held_until = NULL, paused_for = 'INTERNAL' WHERE id = :id"
)
INSERT = text("""
INSERT INTO exports (organization_id, requested_by, subject, role, claimed_groups, kind, format, dialect, parameters, group_id,
  user_id, body, report_id, schedule_id, due_at, is_late)
VALUES (:organization_id, :requested_by, :subject, :role, CAST(:claimed_groups AS text[]), :kind, :format, :dialect,
  CAST(:parameters AS jsonb), :group_id, :user_id, '{}', :report_id, :schedule_id, :due_at, :is_late)
RETURNING id
""")
COPY_DELIVERIES = text("""
INSERT INTO deliveries (organization_id, export_id, channel, target, secret, masked, attach)
SELECT organization_id, :export_id, channel, target, secret, masked, attach
FROM schedule_deliveries WHERE schedule_id = :schedule_id ORDER BY id
""")
REVOKE = text("""
UPDATE exports SET status = 'FAILED', failure_code = 'PERMISSION_REVOKED', failure_message = :message, finished_at = clock_timestamp()
WHERE id = :id
""")


class Due(NamedTuple):
    """A schedule whose time has come, locked until the end of the transaction. ``roster_role`` is what the owner was when they saved
    the report, ``role_now`` what they are; None for who is no person.
    """

    id: int
    organization_id: int
    report_id: int
    format: str
    dialect: str | None
    cron: str
    time_zone: str
    next_run_at: datetime
    owner_id: int | None
    subject: str
    role: str
    claimed_groups: list[str] | None
    roster_role: str | None
    role_now: str | None
    kind: str
    parameters: dict[str, Any]
    period: dict[str, Any] | None
    group_id: int | None
    user_id: int | None
    now: datetime


async def take_due(connection: AsyncConnection) -> Due | None:
    """One whose time has come, but for those that somebody else has or that wait for room in a limit."""
    row = (await connection.execute(DUE)).one_or_none()
    return Due(*row) if row else None


async def hold(connection: AsyncConnection, due: Due, until: datetime) -> None:
    """It stays due, and is looked at again then."""
    await connection.execute(HOLD, {"id": due.id, "until": until})


async def move_on(connection: AsyncConnection, due: Due, next_run_at: datetime) -> None:
    await connection.execute(MOVE, {"id": due.id, "next_run_at": next_run_at})


async def pause(connection: AsyncConnection, due: Due) -> None:
    """It cannot be read any more."""
    await connection.execute(PAUSE, {"id": due.id})


async def insert_run(connection: AsyncConnection, due: Due, parameters: dict[str, Any], *, is_late: bool) -> int:
    """The export, with its deliveries; the id. Its job is asked for with it."""
    values = {
        "organization_id": due.organization_id,
        "requested_by": due.owner_id,
        "subject": due.subject,
        "role": due.role,
        "claimed_groups": due.claimed_groups,
        "kind": due.kind,
        "format": due.format,
        "dialect": dialect_of(due.format, due.dialect, parameters["locale"]),
        "parameters": orjson.dumps(parameters).decode(),
        "group_id": due.group_id,
        "user_id": due.user_id,
        "report_id": due.report_id,
        "schedule_id": due.id,
        "due_at": due.next_run_at,
        "is_late": is_late,
    }
    key: int = (await connection.execute(INSERT, values)).scalar_one()
    await connection.execute(COPY_DELIVERIES, {"export_id": key, "schedule_id": due.id})
    return key


async def refuse_run(connection: AsyncConnection, key: int, message: str) -> None:
    """It is not made: its owner has become less than they were."""
    await connection.execute(REVOKE, {"id": key, "message": message})
