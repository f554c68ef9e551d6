"""Opening and ending memberships, which are kept as intervals: nothing is ever taken out of the history."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from db.entering import Viewer
from db.queries.membership_writes import (
    OverlappingMembership,
    end_membership,
    get_memberships_of,
    get_now,
    has_user,
    lock_group,
    open_membership,
)
from db.queries.memberships import MembershipRow
from resolvers.roster_checks import deadline_problem
from resolvers.user_errors import ConflictError, NotFoundError, Refused, ValidationError


@dataclass(frozen=True, slots=True)
class MembershipDraft:
    """A person in a group during [valid_from, valid_to). ``valid_from`` None: now; ``valid_to`` None: without end."""

    user_id: int
    group_id: int
    role: str
    valid_from: datetime | None
    valid_to: datetime | None

    def checked_body(self) -> dict[str, Any]:
        """What was said, by argument. Raises Refused."""
        for name, instant in (("validFrom", self.valid_from), ("validTo", self.valid_to)):
            if instant is not None and (problem := deadline_problem(name, instant)):
                raise Refused(ValidationError(problem.message, ("input", name), problem.rule))
        return {
            "userId": self.user_id,
            "groupId": self.group_id,
            "role": self.role,
            "validFrom": self.valid_from,
            "validTo": self.valid_to,
        }


async def set_membership(connection: AsyncConnection, viewer: Viewer, draft: MembershipDraft) -> int:
    """The membership's id. Raises Refused.

    The one that is meant begins at ``valid_from``, or without that holds now; where there is none a new one begins.
    """
    if not await lock_group(connection, viewer.organization_id, draft.group_id):
        raise Refused(NotFoundError("There is no such group.", ("input", "groupId")))
    if not await has_user(connection, viewer.organization_id, draft.user_id):
        raise Refused(NotFoundError("There is no such user.", ("input", "userId")))
    rows = await get_memberships_of(connection, viewer.organization_id, draft.group_id, draft.user_id, draft.role)
    start = draft.valid_from or await get_now(connection)
    meant = _meant(rows, draft, start)
    if meant is not None and meant.valid_to == draft.valid_to:
        return meant.id
    begins = start if meant is None else meant.valid_from
    if draft.valid_to is not None and draft.valid_to <= begins:
        message = f"A membership ends after it begins, which is {begins.isoformat()}."
        raise Refused(ValidationError(message, ("input", "validTo"), "CONSISTENCY"))
    try:
        if meant is not None:
            return (await end_membership(connection, meant.id, draft.valid_to)).id
        row = await open_membership(
            connection,
            organization_id=viewer.organization_id,
            group_id=draft.group_id,
            user_id=draft.user_id,
            role=draft.role,
            valid_from=start,
            valid_to=draft.valid_to,
        )
    except OverlappingMembership:
        message = "The person is in the group in this role at some of these instants already."
        raise Refused(ConflictError(message, ("input",))) from None
    return row.id


def _meant(rows: list[MembershipRow], draft: MembershipDraft, start: datetime) -> MembershipRow | None:
    for row in rows:
        holds = row.valid_from <= start and (row.valid_to is None or row.valid_to > start)
        already_open = draft.valid_to is None and row.valid_to is None
        if row.valid_from == start or (holds and (draft.valid_from is None or already_open)):
            return row
    return None
