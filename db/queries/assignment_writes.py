"""The statements that give labs to people, and that move deadlines."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from db.queries.assignments import COLUMNS, AssignmentRow

_ALL = ", ".join(column.name for column in COLUMNS)

LOCK_ASSIGNMENT = text(f"""
SELECT {_ALL} FROM assignments WHERE organization_id = :organization_id AND id = :id FOR NO KEY UPDATE
""")
INSERT = text("""
INSERT INTO assignments (organization_id, lab_id, user_id, group_id, assigned_at, due_at)
VALUES (:organization_id, :lab_id, :user_id, :group_id, :assigned_at, :due_at) RETURNING id
""")
UPDATE = text("""
UPDATE assignments SET assigned_at = :assigned_at, due_at = :due_at, revision = revision + 1 WHERE id = :id
""")
# What an assignment refers to, and the zones that its days can be cut in.
CONTEXT = text("""
SELECT
  EXISTS (SELECT FROM labs WHERE organization_id = o.id AND id = CAST(:lab_id AS bigint)) AS has_lab,
  EXISTS (SELECT FROM users WHERE organization_id = o.id AND id = CAST(:user_id AS bigint)) AS has_user,
  g.id IS NOT NULL AS has_group, coalesce(g.time_zone, o.time_zone) AS time_zone
FROM organizations o
LEFT JOIN groups g ON g.organization_id = o.id AND g.id = CAST(:group_id AS bigint)
WHERE o.id = :organization_id
""")
# Whom the assignment was given to: the person, or who was a member of the group at some time from then on.
IS_ASSIGNEE = text("""
SELECT EXISTS (
  SELECT FROM group_memberships m
  WHERE m.group_id = :group_id AND m.user_id = :user_id AND m.role = 'MEMBER'
    AND (m.valid_to IS NULL OR m.valid_to > :assigned_at)
)
""")
EXTEND = text("""
INSERT INTO deadline_extensions (assignment_id, organization_id, user_id, due_at, reason, granted_by)
VALUES (:assignment_id, :organization_id, :user_id, :due_at, :reason, :granted_by)
ON CONFLICT (assignment_id, user_id) DO UPDATE
SET due_at = excluded.due_at, reason = excluded.reason, granted_by = excluded.granted_by, granted_at = now()
WHERE (deadline_extensions.due_at, deadline_extensions.reason) IS DISTINCT FROM (excluded.due_at, excluded.reason)
""")
# Deleted attempts too: one that is restored comes back with the deadline that holds then.
KEEP_REVISIONS = text("""
INSERT INTO attempt_revisions (organization_id, user_id, attempt_id, revision, change, snapshot, actor_id, reason)
SELECT a.organization_id, a.user_id, a.id, a.revision, 'UPDATED', to_jsonb(a), :actor_id, :reason
FROM attempts a
WHERE a.user_id = :user_id AND a.assignment_id = :assignment_id AND a.due_at IS DISTINCT FROM :due_at
""")
MOVE_DEADLINES = text("""
UPDATE attempts SET due_at = :due_at, revision = revision + 1
WHERE user_id = :user_id AND assignment_id = :assignment_id AND due_at IS DISTINCT FROM :due_at
""")


async def lock_assignment(connection: AsyncConnection, organization_id: int, key: int) -> AssignmentRow | None:
    """Holds it until the end of the transaction."""
    found = await connection.execute(LOCK_ASSIGNMENT, {"organization_id": organization_id, "id": key})
    row = found.one_or_none()
    return AssignmentRow(*row) if row else None


async def get_assignment_context(
    connection: AsyncConnection, organization_id: int, lab_id: int | None, user_id: int | None, group_id: int | None
) -> Any:
    """``has_lab``, ``has_user``, ``has_group``, and the ``time_zone`` of the group, else of the organization."""
    values = {"organization_id": organization_id, "lab_id": lab_id, "user_id": user_id, "group_id": group_id}
    return (await connection.execute(CONTEXT, values)).one()


async def insert_assignment(connection: AsyncConnection, **values: Any) -> int:
    """Columns by name; the new id."""
    key: int = (await connection.execute(INSERT, values)).scalar_one()
    return key


async def update_assignment(
    connection: AsyncConnection, key: int, assigned_at: datetime, due_at: datetime | None
) -> None:
    await connection.execute(UPDATE, {"id": key, "assigned_at": assigned_at, "due_at": due_at})


async def is_assignee(connection: AsyncConnection, assignment: AssignmentRow, user_id: int) -> bool:
    if assignment.group_id is None:
        return assignment.user_id == user_id
    values = {"group_id": assignment.group_id, "user_id": user_id, "assigned_at": assignment.assigned_at}
    found: bool = (await connection.execute(IS_ASSIGNEE, values)).scalar_one()
    return found


async def extend_deadline(
    connection: AsyncConnection,
    assignment: AssignmentRow,
    user_id: int,
    due_at: datetime,
    reason: str | None,
    granted_by: int | None,
) -> None:
    """Keeps the person's own deadline."""
    values = {
        "assignment_id": assignment.id,
        "organization_id": assignment.organization_id,
        "user_id": user_id,
        "due_at": due_at,
        "reason": reason,
        "granted_by": granted_by,
    }
    await connection.execute(EXTEND, values)


async def move_deadlines(
    connection: AsyncConnection, assignment_id: int, user_id: int, due_at: datetime, actor_id: int | None, reason: str
) -> None:
    """Gives the person's attempts of the assignment this deadline, with a revision each where they had another."""
    values = {"assignment_id": assignment_id, "user_id": user_id, "due_at": due_at}
    await connection.execute(KEEP_REVISIONS, {**values, "actor_id": actor_id, "reason": reason})
    await connection.execute(MOVE_DEADLINES, values)
