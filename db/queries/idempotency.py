"""Answers kept for idempotency keys. A key belongs to its organization, its owner (a token's subject) and an operation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from db.snapshot import Snapshot
from db.statement import sql

# Waits for another transaction that holds the key, until it is known what became of it.
CLAIM = text("""
INSERT INTO idempotency_keys (organization_id, owner, operation, key, body)
VALUES (:organization_id, :owner, :operation, :key, CAST(:body AS jsonb))
ON CONFLICT DO NOTHING RETURNING true
""")

_ANSWER = """
SELECT body, answer FROM idempotency_keys
WHERE organization_id = :organization_id AND owner = :owner AND operation = :operation AND key = :key
"""
ANSWER = text(_ANSWER)
ANSWER_IN_SNAPSHOT = sql(_ANSWER)

KEEP = text("""
UPDATE idempotency_keys SET answer = CAST(:answer AS jsonb)
WHERE organization_id = :organization_id AND owner = :owner AND operation = :operation AND key = :key
""")


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    organization_id: int
    owner: str
    operation: str
    key: str

    def values(self) -> dict[str, Any]:
        return {
            "organization_id": self.organization_id,
            "owner": self.owner,
            "operation": self.operation,
            "key": self.key,
        }


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """What was asked with a key, and the answer to it."""

    body: Any
    answer: Any


async def claim_key(connection: AsyncConnection, key: IdempotencyKey, body: Any) -> KeptAnswer | None:
    """Takes the key for this transaction; what is kept for it where it was used before."""
    values = {**key.values(), "body": orjson.dumps(body).decode()}
    if (await connection.execute(CLAIM, values)).one_or_none() is not None:
        return None
    return KeptAnswer(*(await connection.execute(ANSWER, key.values())).one())


async def keep_answer(connection: AsyncConnection, key: IdempotencyKey, answer: Any) -> None:
    """Keeps the answer for a key that this transaction claimed."""
    await connection.execute(KEEP, {**key.values(), "answer": orjson.dumps(answer).decode()})


async def get_kept_answer(snapshot: Snapshot, key: IdempotencyKey) -> KeptAnswer | None:
    row = await snapshot.row(ANSWER_IN_SNAPSHOT, **key.values())
    return KeptAnswer(*row) if row else None
