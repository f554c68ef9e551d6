"""Memberships as events tell of them: since when, at least."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

LOCK_GROUPS = text("SELECT 1 FROM groups WHERE id = ANY (CAST(:ids AS bigint[])) ORDER BY id FOR NO KEY UPDATE")
_ROWS = """
jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (group_id bigint, user_id bigint, role text, valid_from timestamptz)
"""
# The first one that holds at that instant or later; where it begins later, it begins then.
EXTEND = text(f"""
UPDATE group_memberships m SET valid_from = r.valid_from
FROM {_ROWS}
WHERE m.id = (
    SELECT f.id FROM group_memberships f
    WHERE f.group_id = r.group_id AND f.user_id = r.user_id AND f.role = r.role
      AND (f.valid_to IS NULL OR f.valid_to > r.valid_from)
    ORDER BY f.valid_from LIMIT 1
  ) AND m.valid_from > r.valid_from
""")
OPEN = text(f"""
INSERT INTO group_memberships (organization_id, group_id, user_id, role, valid_from)
SELECT :organization_id, r.group_id, r.user_id, r.role, r.valid_from
FROM {_ROWS}
WHERE NOT EXISTS (
  SELECT FROM group_memberships m
  WHERE m.group_id = r.group_id AND m.user_id = r.user_id AND m.role = r.role
    AND (m.valid_to IS NULL OR m.valid_to > r.valid_from)
)
ORDER BY r.group_id, r.user_id
""")


@dataclass(frozen=True, slots=True)
class Enrolment:
    group_id: int
    user_id: int
    role: str
    valid_from: datetime


async def enrol(connection: AsyncConnection, organization_id: int, enrolments: Sequence[Enrolment]) -> None:
    """Each person belongs to the group from that instant on, or from an earlier one. Every membership comes once."""
    if not enrolments:
        return
    await connection.execute(LOCK_GROUPS, {"ids": sorted({enrolment.group_id for enrolment in enrolments})})
    values: dict[str, Any] = {"organization_id": organization_id, "rows": orjson.dumps(enrolments).decode()}
    await connection.execute(EXTEND, values)
    await connection.execute(OPEN, values)
