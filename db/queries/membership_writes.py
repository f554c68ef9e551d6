"""The statements that open and end memberships."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import psycopg
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from db.queries.memberships import COLUMNS, MembershipRow

_ALL = ", ".join(column.name for column in COLUMNS)

# The trigger locks the group likewise, so what is read after this stays true.
LOCK_GROUP = text("SELECT id FROM groups WHERE organization_id = :organization_id AND id = :id FOR NO KEY UPDATE")
FIND_USER = text("SELECT id FROM users WHERE organization_id = :organization_id AND id = :id FOR KEY SHARE")
# Under READ COMMITTED now() is the start of the transaction, which may be before a lock was given.
NOW = text("SELECT clock_timestamp()")
MEMBERSHIPS = text(f"""
SELECT {_ALL} FROM group_memberships
WHERE organization_id = :organization_id AND group_id = :group_id AND user_id = :user_id AND role = :role
ORDER BY valid_from
""")
OPEN = text(f"""
INSERT INTO group_memberships (organization_id, group_id, user_id, role, valid_from, valid_to)
VALUES (:organization_id, :group_id, :user_id, :role, :valid_from, :valid_to) RETURNING {_ALL}
""")
END = text(f"UPDATE group_memberships SET valid_to = :valid_to WHERE id = :id RETURNING {_ALL}")


class OverlappingMembership(Exception):
    """Another membership of the same person, group and role holds at some of these instants."""


async def lock_group(connection: AsyncConnection, organization_id: int, group_id: int) -> bool:
    """Whether there is one; holds it until the end of the transaction."""
    found = await connection.execute(LOCK_GROUP, {"organization_id": organization_id, "id": group_id})
    return found.one_or_none() is not None


async def has_user(connection: AsyncConnection, organization_id: int, user_id: int) -> bool:
    found = await connection.execute(FIND_USER, {"organization_id": organization_id, "id": user_id})
    return found.one_or_none() is not None


async def get_now(connection: AsyncConnection) -> datetime:
    now: datetime = (await connection.execute(NOW)).scalar_one()
    return now


async def get_memberships_of(
    connection: AsyncConnection, organization_id: int, group_id: int, user_id: int, role: str
) -> list[MembershipRow]:
    """All of a person in a group and role, by start."""
    values = {"organization_id": organization_id, "group_id": group_id, "user_id": user_id, "role": role}
    return [MembershipRow(*row) for row in await connection.execute(MEMBERSHIPS, values)]


async def open_membership(connection: AsyncConnection, **values: Any) -> MembershipRow:
    """Columns by name. Raises OverlappingMembership."""
    return await _written(connection, OPEN, values)


async def end_membership(connection: AsyncConnection, key: int, valid_to: datetime | None) -> MembershipRow:
    """None: without end. Raises OverlappingMembership."""
    return await _written(connection, END, {"id": key, "valid_to": valid_to})


async def _written(connection: AsyncConnection, statement: Any, values: dict[str, Any]) -> MembershipRow:
    try:
        return MembershipRow(*(await connection.execute(statement, values)).one())
    except IntegrityError as error:
        if isinstance(error.orig, psycopg.errors.ExclusionViolation):
            raise OverlappingMembership from error
        raise
