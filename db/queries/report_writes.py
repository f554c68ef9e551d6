"""The statements that save and delete reports and schedules; run as the viewer."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

# What the roster says of the owner, so that it is known later whether they have become less.
_ROSTER_ROLE = "(SELECT role FROM users WHERE id = CAST(:owner_id AS bigint))"
INSERT = text(f"""
INSERT INTO reports (organization_id, owner_id, subject, role, claimed_groups, roster_role, title, description, kind, parameters,
  period, group_id, user_id)
VALUES (:organization_id, :owner_id, :subject, :role, CAST(:claimed_groups AS text[]), {_ROSTER_ROLE}, :title, :description, :kind,
  CAST(:parameters AS jsonb), CAST(:period AS jsonb), :group_id, :user_id)
RETURNING id
""")
UPDATE = text("""
UPDATE reports SET title = :title, description = :description, kind = :kind, parameters = CAST(:parameters AS jsonb),
  period = CAST(:period AS jsonb), group_id = :group_id, user_id = :user_id, updated_at = clock_timestamp()
WHERE id = :id
""")
RENEW_OWNER = text(f"""
UPDATE reports SET role = :role, claimed_groups = CAST(:claimed_groups AS text[]), roster_role = {_ROSTER_ROLE}
WHERE id = :id AND subject = :subject AND owner_id IS NOT DISTINCT FROM CAST(:owner_id AS bigint)
""")
LOCK = text("""
SELECT id, owner_id, kind, parameters, period, group_id, user_id FROM reports WHERE id = :id FOR NO KEY UPDATE
""")
COUNT = text("""
SELECT count(*) FROM reports WHERE organization_id = :organization_id AND owner_id IS NOT DISTINCT FROM CAST(:owner_id AS bigint)
""")
DELETE = text("DELETE FROM reports WHERE id = :id RETURNING id")

INSERT_SCHEDULE = text("""
INSERT INTO report_schedules (organization_id, report_id, format, dialect, cron, time_zone, next_run_at)
VALUES (:organization_id, :report_id, :format, :dialect, :cron, :time_zone, :next_run_at) RETURNING id
""")
# Whoever saves it wants it to run again as if it had never failed.
UPDATE_SCHEDULE = text("""
UPDATE report_schedules SET format = :format, dialect = :dialect, cron = :cron, time_zone = :time_zone, next_run_at = :next_run_at,
  paused_for = NULL, failures = 0, held_until = NULL
WHERE id = :id
""")
LOCK_SCHEDULE = text("""
SELECT id, report_id, format, dialect, cron, time_zone, next_run_at, clock_timestamp() AS now
FROM report_schedules WHERE id = :id FOR NO KEY UPDATE
""")
COUNT_SCHEDULES = text("SELECT count(*), clock_timestamp() FROM report_schedules WHERE report_id = :report_id")
DELETE_SCHEDULE = text("DELETE FROM report_schedules WHERE id = :id RETURNING id")


class LockedReport(NamedTuple):
    """As it is until the end of the transaction."""

    id: int
    owner_id: int | None
    kind: str
    parameters: dict[str, Any]
    period: dict[str, Any] | None
    group_id: int | None
    user_id: int | None


class LockedSchedule(NamedTuple):
    """As it is until the end of the transaction; ``now`` is when that was found."""

    id: int
    report_id: int
    format: str
    dialect: str | None
    cron: str
    time_zone: str
    next_run_at: datetime | None
    now: datetime


async def insert_report(connection: AsyncConnection, **values: Any) -> int:
    """Columns by name; the id."""
    key: int = (await connection.execute(INSERT, _as_json(values))).scalar_one()
    return key


async def update_report(connection: AsyncConnection, key: int, **values: Any) -> None:
    await connection.execute(UPDATE, {**_as_json(values), "id": key})


async def renew_owner(connection: AsyncConnection, key: int, **values: Any) -> None:
    """What the owner's token claims now, where it is the owner who saves it."""
    await connection.execute(RENEW_OWNER, {**values, "id": key})


async def lock_report(connection: AsyncConnection, key: int) -> LockedReport | None:
    """None for one that is unknown, or not the viewer's."""
    row = (await connection.execute(LOCK, {"id": key})).one_or_none()
    return LockedReport(*row) if row else None


async def count_reports_of(connection: AsyncConnection, organization_id: int, owner_id: int | None) -> int:
    values = {"organization_id": organization_id, "owner_id": owner_id}
    return int((await connection.execute(COUNT, values)).scalar_one())


async def delete_report(connection: AsyncConnection, key: int) -> bool:
    """Its schedules go with it, its exports stay. False for one that is unknown, or not the viewer's."""
    return (await connection.execute(DELETE, {"id": key})).one_or_none() is not None


async def insert_schedule(connection: AsyncConnection, **values: Any) -> int:
    """Columns by name; the id."""
    key: int = (await connection.execute(INSERT_SCHEDULE, values)).scalar_one()
    return key


async def update_schedule(connection: AsyncConnection, key: int, **values: Any) -> None:
    await connection.execute(UPDATE_SCHEDULE, {**values, "id": key})


async def lock_schedule(connection: AsyncConnection, key: int) -> LockedSchedule | None:
    """None for one that is unknown, or of a report that is not the viewer's."""
    row = (await connection.execute(LOCK_SCHEDULE, {"id": key})).one_or_none()
    return LockedSchedule(*row) if row else None


async def count_schedules(connection: AsyncConnection, report_id: int) -> tuple[int, datetime]:
    """How many a report has, and what time it is."""
    row = (await connection.execute(COUNT_SCHEDULES, {"report_id": report_id})).one()
    return int(row[0]), row[1]


async def delete_schedule(connection: AsyncConnection, key: int) -> bool:
    """Its exports stay. False for one that is unknown, or of a report that is not the viewer's."""
    return (await connection.execute(DELETE_SCHEDULE, {"id": key})).one_or_none() is not None


def _as_json(values: dict[str, Any]) -> dict[str, Any]:
    period = values["period"]
    return {
        **values,
        "parameters": orjson.dumps(values["parameters"]).decode(),
        "period": None if period is None else orjson.dumps(period).decode(),
    }
