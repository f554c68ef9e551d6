"""Awards as they are given: in whose turn, and how others are told; and giving or taking them back by hand."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from db.outbox import EventType, tell


class Granted(NamedTuple):
    """An award that was not there before. ``person`` is the external id of whose it is."""

    id: int
    organization_id: int
    user_id: int
    person: str
    slug: str
    kind: str
    window_start: date | None
    achieved_at: datetime
    achieved_value: Decimal


class Held(NamedTuple):
    """A badge that a person has, or had."""

    id: int
    is_revoked: bool


TURN = text("SELECT award_turn()")
PERSON = text("SELECT external_id FROM users WHERE id = :id AND organization_id = :organization_id")
BADGE = text("""
SELECT id, is_active FROM award_definitions
WHERE organization_id = :organization_id AND slug = :slug AND kind = 'BADGE' FOR KEY SHARE
""")
# Given again it is another one, with an id of its own, which those who follow awards have not seen yet.
GIVE = text("""
INSERT INTO awards AS a (organization_id, user_id, definition_id, achieved_at, achieved_value, note, by_hand, awarded_by)
VALUES (:organization_id, :user_id, :definition_id, now(), 0, :reason, true, :giver_id)
ON CONFLICT ON CONSTRAINT awards_once DO UPDATE SET
  id = DEFAULT, achieved_at = excluded.achieved_at, achieved_value = excluded.achieved_value, attempt_id = NULL,
  granted_at = now(), revoked_at = NULL, note = excluded.note, by_hand = true, awarded_by = excluded.awarded_by
WHERE a.revoked_at IS NOT NULL
RETURNING a.id, a.achieved_at, a.achieved_value
""")
HELD = text("""
SELECT a.id, a.revoked_at IS NOT NULL FROM awards a JOIN award_definitions d ON d.id = a.definition_id
WHERE a.id = :id AND a.organization_id = :organization_id AND d.kind = 'BADGE' FOR UPDATE OF a
""")
TAKE_BACK = text("UPDATE awards SET revoked_at = now(), note = :reason, by_hand = true WHERE id = :id")


async def take_turn(connection: AsyncConnection) -> None:
    """Waits until nobody else awards. The turn ends with the transaction."""
    await connection.execute(TURN)


async def tell_granted(connection: AsyncConnection, award: Granted) -> None:
    """Has others told of it."""
    data = {
        "userId": award.person,
        "award": award.slug,
        "kind": award.kind,
        "week": award.window_start,
        "achievedAt": award.achieved_at,
        "achievedValue": float(award.achieved_value),
    }
    await tell(connection, EventType.AWARD_GRANTED, award.organization_id, f"users/{award.person}", data)


async def find_person(connection: AsyncConnection, organization_id: int, id: int) -> str | None:
    """The external id of a person of the organization."""
    values = {"id": id, "organization_id": organization_id}
    found: str | None = (await connection.execute(PERSON, values)).scalar_one_or_none()
    return found


async def find_badge(connection: AsyncConnection, organization_id: int, slug: str) -> tuple[int, bool] | None:
    """The id of a badge's definition, which is not changed meanwhile, and whether it is in use."""
    row = (await connection.execute(BADGE, {"organization_id": organization_id, "slug": slug})).one_or_none()
    return None if row is None else (row[0], row[1])


async def give_badge(
    connection: AsyncConnection,
    organization_id: int,
    user_id: int,
    definition_id: int,
    giver_id: int | None,
    reason: str | None,
) -> tuple[int, datetime, Decimal] | None:
    """Id, instant and value of a badge that is given by hand; None where the person has it."""
    values = {
        "organization_id": organization_id,
        "user_id": user_id,
        "definition_id": definition_id,
        "giver_id": giver_id,
        "reason": reason,
    }
    row = (await connection.execute(GIVE, values)).one_or_none()
    return None if row is None else (row[0], row[1], row[2])


async def lock_badge(connection: AsyncConnection, organization_id: int, id: int) -> Held | None:
    """A badge of somebody in the organization, for who takes it back."""
    row = (await connection.execute(HELD, {"id": id, "organization_id": organization_id})).one_or_none()
    return None if row is None else Held(*row)


async def take_badge_back(connection: AsyncConnection, id: int, reason: str) -> None:
    await connection.execute(TAKE_BACK, {"id": id, "reason": reason})
