"""Awards as they are given, for those who follow them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from db.queries.awards import AwardRow, list_granted, list_latest_granted
from resolvers.context import Context
from resolvers.groups import resolve_group
from resolvers.live import State
from resolvers.users import resolve_user

MOST_AT_ONCE = 200
"""In one answer; the others come in the next. So many of the latest are for somebody who is not known to have any."""


class Followed(NamedTuple):
    """Whose awards are followed; None means any. Of those, row security decides."""

    user_id: int | None = None
    group_id: int | None = None


class New(NamedTuple):
    """Awards in the order in which they were given. ``up_to`` is the id up to which nothing is missing."""

    rows: Sequence[AwardRow]
    up_to: int
    has_more: bool


async def resolve_award_tags(context: Context, followed: Followed) -> list[str]:
    """What tells of an award that may be one of those followed. Raises NotFound for a person or group that the viewer may not
    see.
    """
    if followed.user_id is not None:
        await resolve_user(context, key=followed.user_id)
        return [f"awarded:{followed.user_id}"]
    if followed.group_id is not None:
        await resolve_group(context, followed.group_id)
    return [f"awards:{(await context.viewer()).organization_id}"]


async def resolve_new_awards(context: Context, followed: Followed, before: State | None) -> New:
    """Those that were given since; the latest where it is not known what was before."""
    if before is None:
        rows = await list_latest_granted(context.snapshot, followed.user_id, followed.group_id, MOST_AT_ONCE)
        return New(rows, max((row.id for row in rows), default=0), False)
    [seen] = before
    rows = await list_granted(context.snapshot, followed.user_id, followed.group_id, seen, MOST_AT_ONCE + 1)
    page = rows[:MOST_AT_ONCE]
    return New(page, page[-1].id if page else seen, len(rows) > MOST_AT_ONCE)
