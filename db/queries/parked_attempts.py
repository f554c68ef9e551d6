"""Attempts that wait for their person or lab to be known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

PARK = text("""
INSERT INTO parked_attempts (organization_id, user_external_id, lab_type, attempt, source, source_id, reason)
SELECT :organization_id, r.user_external_id, r.lab_type, r.attempt, r.source, r.source_id, r.reason
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (
  user_external_id text, lab_type text, attempt jsonb, source text, source_id text, reason text
)
""")

PARKED_BY_SOURCE = text("""
SELECT q.source, q.source_id, q.id, q.user_external_id, q.lab_type, q.attempt
FROM unnest(CAST(:sources AS text[]), CAST(:source_ids AS text[])) AS s (source, source_id)
JOIN parked_attempts q ON q.organization_id = :organization_id AND q.source = s.source AND q.source_id = s.source_id
""")

# Oldest first; what another process holds is left to it.
READY = text("""
SELECT q.id, q.user_external_id, q.lab_type, q.attempt
FROM parked_attempts q
JOIN users u ON u.organization_id = q.organization_id AND u.external_id = q.user_external_id
JOIN labs l ON l.organization_id = q.organization_id AND l.type = q.lab_type
WHERE q.organization_id = :organization_id AND q.tries < :tries
ORDER BY q.parked_at, q.id
LIMIT :bound
FOR UPDATE OF q SKIP LOCKED
""")

WAITING_ORGANIZATIONS = text("""
SELECT DISTINCT q.organization_id
FROM parked_attempts q
JOIN users u ON u.organization_id = q.organization_id AND u.external_id = q.user_external_id
JOIN labs l ON l.organization_id = q.organization_id AND l.type = q.lab_type
WHERE q.tries < :tries
""")

UNPARKED = text("DELETE FROM parked_attempts WHERE id = ANY (CAST(:ids AS bigint[]))")

FAILED = text("""
UPDATE parked_attempts q SET tries = q.tries + 1, last_tried_at = now(), reason = f.reason
FROM unnest(CAST(:ids AS bigint[]), CAST(:reasons AS text[])) AS f (id, reason) WHERE q.id = f.id
""")


@dataclass(frozen=True, slots=True)
class ParkedAttempt:
    """``attempt`` is the draft as JSON."""

    id: int
    user_external_id: str
    lab_type: str
    attempt: dict[str, Any]


async def park_attempts(connection: AsyncConnection, organization_id: int, rows: Sequence[dict[str, Any]]) -> None:
    """Rows by column name."""
    if rows:
        await connection.execute(PARK, {"organization_id": organization_id, "rows": orjson.dumps(rows).decode()})


async def get_parked_by_source(
    connection: AsyncConnection, organization_id: int, keys: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], ParkedAttempt]:
    if not keys:
        return {}
    values = {
        "organization_id": organization_id,
        "sources": [source for source, _ in keys],
        "source_ids": [source_id for _, source_id in keys],
    }
    return {
        (row.source, row.source_id): ParkedAttempt(row.id, row.user_external_id, row.lab_type, row.attempt)
        for row in (await connection.execute(PARKED_BY_SOURCE, values)).all()
    }


async def list_ready(
    connection: AsyncConnection, organization_id: int, *, tries: int, bound: int
) -> list[ParkedAttempt]:
    """Parked attempts whose person and lab are known now, at most ``bound``, held until the end of the transaction."""
    values = {"organization_id": organization_id, "tries": tries, "bound": bound}
    return [ParkedAttempt(*row) for row in (await connection.execute(READY, values)).all()]


async def delete_parked(connection: AsyncConnection, ids: Sequence[int]) -> None:
    if ids:
        await connection.execute(UNPARKED, {"ids": list(ids)})


async def note_failures(connection: AsyncConnection, reasons: dict[int, str]) -> None:
    """Counts a try, with what kept it."""
    if reasons:
        await connection.execute(FAILED, {"ids": list(reasons), "reasons": list(reasons.values())})


async def list_waiting_organizations(connection: AsyncConnection, *, tries: int) -> list[int]:
    """Organizations with attempts whose person and lab are known now."""
    return list((await connection.execute(WAITING_ORGANIZATIONS, {"tries": tries})).scalars())
