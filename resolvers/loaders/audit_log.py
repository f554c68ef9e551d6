"""Batches of entries of the audit trail."""

from __future__ import annotations

from db.queries.audit_log import AuditRow, get_entries
from db.snapshot import Snapshot


async def load_audit_entry_by_id(snapshot: Snapshot, ids: list[int]) -> list[AuditRow | None]:
    rows = {row.id: row for row in await get_entries(snapshot, ids)}
    return [rows.get(key) for key in ids]
