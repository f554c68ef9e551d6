"""Events that could not be taken, for those who may OPERATE; only those of their organization."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from db.entering import Viewer
from db.keyset import Listing, Page
from db.queries.dead_letters import (
    LetterFilter,
    LetterStatus,
    SeenLetter,
    count_letters,
    list_seen_letters,
    replay_as_viewer,
)
from resolvers.context import Context
from resolvers.errors import NotFound
from resolvers.keyed_changes import Done, change
from resolvers.loaders.dead_letters import load_dead_letter_by_id
from resolvers.permissions import Permission
from resolvers.user_errors import Refused, ValidationError

MOST_AT_ONCE = 200
"""Letters that one call replays."""


async def resolve_dead_letter(context: Context, key: int) -> SeenLetter:
    """Raises NotFound, also without OPERATE."""
    await context.snapshot.at()
    row = await context.load(load_dead_letter_by_id, key)
    if row is None:
        raise NotFound("dead letter")
    return row


async def resolve_dead_letters(context: Context, wanted: LetterFilter, page: Page) -> Listing[SeenLetter]:
    """A page, oldest first. Raises Forbidden."""
    await context.require(Permission.OPERATE)
    snapshot = context.snapshot
    await snapshot.at()

    async def count(bound: int | None) -> int:
        return await count_letters(snapshot, wanted, bound)

    rows = await list_seen_letters(snapshot, wanted, page)
    return Listing.of(page, [(row, (row.id,)) for row in rows], count)


async def resolve_replay_dead_letters(
    context: Context, ids: Sequence[int] | None, wanted: LetterFilter | None, key: str | None
) -> Done:
    """Lets dead ones be tried again: those named, or the oldest that match; all do where neither is given. Their ids.

    Raises Refused, Unauthenticated.
    """

    def body() -> dict[str, Any]:
        if ids is not None and wanted is not None:
            raise Refused(ValidationError("Give ids or a filter, not both.", ("input", "filter"), "EXACTLY_ONE"))
        if ids is not None and not 1 <= len(ids) <= MOST_AT_ONCE:
            raise Refused(ValidationError(f"Name 1 to {MOST_AT_ONCE} dead letters.", ("input", "ids"), "SIZE"))
        if wanted is not None and wanted.status not in (None, LetterStatus.DEAD):
            raise Refused(
                ValidationError("Only a dead one is tried again.", ("input", "filter", "status"), "CONSISTENCY")
            )
        return {"ids": ids and sorted(set(ids)), "filter": wanted and asdict(wanted)}

    async def work(connection: AsyncConnection, viewer: Viewer) -> list[int]:
        return await replay_as_viewer(connection, ids, wanted or LetterFilter(), MOST_AT_ONCE)

    return await change(context, Permission.OPERATE, "replayDeadLetters", key, body, work)
