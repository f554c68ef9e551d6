"""What is kept of a file that was made: enough to make it again."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from db.queries.export_runs import Claimed

# The newest, where the same bytes were made more than once. Ids say which file it claims to be, hashes which it is.
RECORD = text("""
SELECT e.id, e.organization_id, o.slug, e.subject, e.role, e.claimed_groups, e.kind, e.format, e.dialect, e.parameters, e.group_id,
  e.user_id, e.tries, coalesce(e.run, ''), e.as_of, e.manifest
FROM exports e JOIN organizations o ON o.id = e.organization_id
WHERE e.manifest IS NOT NULL AND (e.sha256 = :sha256 OR e.id = :id)
ORDER BY e.sha256 = :sha256 DESC, e.id DESC LIMIT 1
""")


class ExportRecord(NamedTuple):
    """``claimed`` is the export as the worker that made it had it."""

    claimed: Claimed
    as_of: datetime
    manifest: dict[str, Any]


async def find_record(connection: AsyncConnection, sha256: str, export_id: int | None) -> ExportRecord | None:
    """Of the file with this hash, or, where none has it, of the export of that id."""
    row = (await connection.execute(RECORD, {"sha256": sha256, "id": export_id})).one_or_none()
    return ExportRecord(Claimed(*row[:14]), row[14], row[15]) if row else None
