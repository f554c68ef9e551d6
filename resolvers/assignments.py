"""Which labs were given to whom until when. Who sees an assignment sees whom it was given to and when it is due."""

from __future__ import annotations

from datetime import datetime

from db.keyset import Listing, Page
from db.queries.assignments import (
    AssignmentRow,
    AssignmentSelection,
    AssignmentSide,
    count_assignments,
    list_assignments,
)
from resolvers.context import Context
from resolvers.errors import NotFound
from resolvers.loaders.assignments import (
    load_assignment_by_id,
    load_assignment_count_by_side,
    load_assignments_by_side,
    load_deadline_by_assignment_and_user,
)
from resolvers.loaders.users import load_user_by_id

# Names the order of assignments in cursors, and the types of its sort values.
ORDER = "assignments:DUE_AT"
ORDER_TYPES = (datetime, int)


async def resolve_assignment(context: Context, key: int) -> AssignmentRow:
    """Raises NotFound, also for one that the viewer may not see."""
    row = await context.load(load_assignment_by_id, key)
    if row is None:
        raise NotFound("assignment")
    return row


async def resolve_assignments(context: Context, selection: AssignmentSelection, page: Page) -> Listing[AssignmentRow]:
    """A page of the assignments that the viewer may see, by deadline."""
    snapshot = context.snapshot

    async def count(bound: int | None) -> int:
        return await count_assignments(snapshot, selection, bound)

    return Listing.of(page, await list_assignments(snapshot, selection, page), count)


async def resolve_assignments_of(
    context: Context, side: AssignmentSide, key: int, page: Page
) -> Listing[AssignmentRow]:
    """A page of the assignments of a group, or of a person with those of the groups they are in now."""

    async def count(bound: int | None) -> int:
        return await context.load(load_assignment_count_by_side, key, side)

    return Listing.of(page, await context.load(load_assignments_by_side, key, side, page), count)


async def resolve_effective_deadline(context: Context, assignment_id: int, user_id: int) -> datetime | None:
    """The person's deadline; None where there is none, or where it was not given to them. Raises NotFound for a person
    whom the viewer may not see.
    """
    if await context.load(load_user_by_id, user_id) is None:
        raise NotFound("user")
    return await context.load(load_deadline_by_assignment_and_user, (assignment_id, user_id))
