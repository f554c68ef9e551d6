"""Giving badges and taking them back by hand. What is decided so, the rules leave as it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from db.entering import Viewer
from db.problems import NOT_STORABLE, is_storable
from db.queries.award_grants import (
    Granted,
    find_badge,
    find_person,
    give_badge,
    lock_badge,
    take_badge_back,
    take_turn,
    tell_granted,
)
from db.queries.award_rules import AwardKind
from resolvers.context import Context
from resolvers.keyed_changes import Done, change
from resolvers.permissions import Permission
from resolvers.user_errors import ConflictError, InvalidStateError, NotFoundError, Refused, ValidationError

MOST_REASON = 1000


@dataclass(frozen=True, slots=True)
class Gift:
    """A badge for a person. ``slug`` is the key of its definition."""

    user_id: int
    slug: str
    reason: str | None


async def resolve_award_badge(context: Context, gift: Gift, key: str | None) -> Done:
    """Gives a person a badge, whatever its rule says, and has others told. Raises Refused, Unauthenticated."""

    def body() -> dict[str, Any]:
        if not is_storable(gift.slug):
            raise Refused(ValidationError(NOT_STORABLE, ("input", "badgeKey"), "TEXT"))
        if gift.reason is not None:
            _check_reason(gift.reason)
        return {"userId": gift.user_id, "badgeKey": gift.slug, "reason": gift.reason}

    async def work(connection: AsyncConnection, viewer: Viewer) -> list[int]:
        organization_id = viewer.organization_id
        person = await find_person(connection, organization_id, gift.user_id)
        if person is None:
            raise Refused(NotFoundError("There is no such person.", ("input", "userId")))
        found = await find_badge(connection, organization_id, gift.slug)
        if found is None:
            raise Refused(NotFoundError("There is no such badge.", ("input", "badgeKey")))
        definition_id, is_active = found
        if not is_active:
            raise Refused(InvalidStateError("The badge is not awarded any more.", ("input", "badgeKey"), "INACTIVE"))
        await take_turn(connection)
        given = await give_badge(connection, organization_id, gift.user_id, definition_id, viewer.user_id, gift.reason)
        if given is None:
            raise Refused(ConflictError("The person has this badge.", ("input", "badgeKey")))
        id, at, value = given
        award = Granted(id, organization_id, gift.user_id, person, gift.slug, AwardKind.BADGE, None, at, value)
        await tell_granted(connection, award)
        return [id]

    return await change(context, Permission.CURATE, "awardBadge", key, body, work)


async def resolve_revoke_badge(context: Context, id: int, reason: str, key: str | None) -> Done:
    """Takes a badge back for good: only by hand it is given again. Raises Refused, Unauthenticated."""

    def body() -> dict[str, Any]:
        _check_reason(reason)
        return {"id": id, "reason": reason}

    async def work(connection: AsyncConnection, viewer: Viewer) -> list[int]:
        held = await lock_badge(connection, viewer.organization_id, id)
        if held is None:
            raise Refused(NotFoundError("There is no such badge.", ("input", "id")))
        if held.is_revoked:
            raise Refused(InvalidStateError("The badge was taken back already.", ("input", "id"), "REVOKED"))
        await take_badge_back(connection, id, reason)
        return [id]

    return await change(context, Permission.CURATE, "revokeBadge", key, body, work)


def _check_reason(reason: str) -> None:
    path = ("input", "reason")
    if not 1 <= len(reason) <= MOST_REASON:
        raise Refused(ValidationError(f"It has 1 to {MOST_REASON:,} characters.", path, "LENGTH"))
    if not is_storable(reason):
        raise Refused(ValidationError(NOT_STORABLE, path, "TEXT"))
