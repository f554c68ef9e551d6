"""A board as it changes: which rows are followed, what becomes of them, and what wakes those who look on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from db.changes import tags_of
from db.keyset import Page
from db.queries.leaderboards import LeaderboardScope, Standing
from resolvers.context import Context
from resolvers.errors import Invalid
from resolvers.leaderboards import LARGEST_TOP, BoardOf
from resolvers.loaders.leaderboards import load_standings_by_scope


class BoardChange(StrEnum):
    """What became of a row."""

    ENTERED = "ENTERED"
    MOVED = "MOVED"
    UPDATED = "UPDATED"
    LEFT = "LEFT"


@dataclass(frozen=True, slots=True)
class RowChange:
    """A row before and now: ``before`` is None for one that entered, ``now`` for one that left."""

    before: Standing | None
    now: Standing | None

    @property
    def kind(self) -> BoardChange:
        if self.before is None:
            return BoardChange.ENTERED
        if self.now is None:
            return BoardChange.LEFT
        stays = (self.before.rank, self.before.position) == (self.now.rank, self.now.position)
        return BoardChange.UPDATED if stays else BoardChange.MOVED

    @property
    def user_id(self) -> int:
        standing = self.now or self.before
        assert standing is not None
        return standing.user_id


async def resolve_board_tags(context: Context, of: BoardOf) -> list[str]:
    """What tells that the board may have changed. A group's is not concerned by people who were never in the group, a lab's
    not by what is done at others.
    """
    organization_id = (await context.viewer()).organization_id
    match of.board.scope:
        case LeaderboardScope.GROUP:
            return tags_of(groups=[of.scope_id])
        case LeaderboardScope.LAB:
            return [*tags_of(labs=[of.scope_id]), f"roster:{organization_id}"]
    return tags_of(organizations=[organization_id])


async def resolve_followed_rows(context: Context, of: BoardOf, size: int) -> tuple[Standing, ...]:
    """The best ``size`` visible rows, with their places among these as ``position``. Raises Invalid.

    How many are ranked is no part of a row here (``entries`` is 0): it would make all rows differ when one person comes.
    """
    if not 1 <= size <= LARGEST_TOP:
        raise Invalid(f"1 to {LARGEST_TOP} places can be followed.", "first")
    rows = await context.load(load_standings_by_scope, of.scope_id, of.board, Page(size))
    return tuple(row._replace(position=place, entries=0) for place, row in enumerate(rows[:size], start=1))


def board_changes(before: Iterable[Standing], now: Iterable[Standing]) -> list[RowChange]:
    """What has to be done to the rows before to have those of now: rows that left, then the others by place."""
    old = {row.user_id: row for row in before}
    new = {row.user_id: row for row in now}
    left = [RowChange(row, None) for key, row in old.items() if key not in new]
    return left + [RowChange(old.get(key), row) for key, row in new.items() if old.get(key) != row]
