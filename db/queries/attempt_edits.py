"""The statements that change one attempt and keep what it was."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, insert, literal, select, text, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from db.models.attempts import attempt_revisions, attempts
from db.queries.attempt_writes import lock_people
from db.queries.attempts import COLUMNS, AttemptRow

OWNER = text("SELECT user_id FROM attempts WHERE organization_id = :organization_id AND id = :id")


async def get_attempt_to_change(connection: AsyncConnection, organization_id: int, key: int) -> AttemptRow | None:
    """The attempt, held with its person until the end of the transaction: the person first, as every writer does."""
    values = {"organization_id": organization_id, "id": key}
    user_id = (await connection.execute(OWNER, values)).scalar_one_or_none()
    if user_id is None:
        return None
    await lock_people(connection, organization_id, [user_id])
    locked = select(*COLUMNS).where(attempts.c.user_id == user_id, attempts.c.id == key).with_for_update(key_share=True)
    row = (await connection.execute(locked)).one_or_none()
    return AttemptRow(*row) if row else None


async def change_attempt(
    connection: AsyncConnection,
    row: AttemptRow,
    columns: dict[str, Any],
    *,
    change: str,
    actor_id: int | None,
    reason: str | None,
) -> None:
    """Keeps what the attempt was as a revision, then sets ``columns`` and counts the revision up."""
    was = attempts.alias("was")
    await connection.execute(
        insert(attempt_revisions).from_select(
            ["organization_id", "user_id", "attempt_id", "revision", "change", "snapshot", "actor_id", "reason"],
            select(
                was.c.organization_id,
                was.c.user_id,
                was.c.id,
                was.c.revision,
                literal(change),
                func.to_jsonb(was.table_valued(), type_=JSONB),
                literal(actor_id, attempt_revisions.c.actor_id.type),
                literal(reason, attempt_revisions.c.reason.type),
            ).where(was.c.user_id == row.user_id, was.c.id == row.id),
        )
    )
    await connection.execute(
        update(attempts)
        .where(attempts.c.user_id == row.user_id, attempts.c.id == row.id)
        .values(**columns, revision=row.revision + 1)
    )
