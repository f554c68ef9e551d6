"""A board as it changes, for those who follow it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Annotated, Self

import strawberry

from db.queries.leaderboards import LeaderboardMetric, LeaderboardScope, RankingMethod
from execution.live.noise import NOISE
from resolvers.leaderboard_updates import (
    BoardChange,
    RowChange,
    board_changes,
    resolve_board_tags,
    resolve_followed_rows,
)
from resolvers.leaderboards import BoardOf
from resolvers.live import DEFAULT_THROTTLE, Live
from schema.costs import cost, first_of
from schema.enums import describe_enum
from schema.leaderboards import (
    BOARD,
    BoardPeriod,
    Leaderboard,
    LeaderboardEntry,
    Metric,
    Ranking,
    Scope,
    ScopeId,
    leaderboard_of,
    scope_key,
)
from schema.live import Since, Throttle
from schema.relay import Info, global_id

describe_enum(
    BoardChange,
    "LeaderboardChangeKind",
    "What became of a row of a board.",
    {
        "ENTERED": "It was not among the rows before.",
        "MOVED": "It stands at another place.",
        "UPDATED": "It stands where it stood, with another value or other ties.",
        "LEFT": "It is no longer among the rows.",
    },
)


@strawberry.type(description="What became of a row of a board since the version before.")
class LeaderboardChange:
    kind: BoardChange = strawberry.field(description="What became of it.")
    user_id: strawberry.ID = strawberry.field(description="The person whose row it is.")
    entry: LeaderboardEntry | None = strawberry.field(description="The row as it is now; null for one that left.")
    position: int | None = strawberry.field(
        description="Its place among the rows followed, from 1: sorted by it, the rows are in the order of the board. Null for "
        "one that left."
    )
    previous_rank: int | None = strawberry.field(description="The rank before; null for a row that entered.")
    previous_value: float | None = strawberry.field(description="The value before; null for a row that entered.")

    @classmethod
    def from_change(cls, change: RowChange) -> Self:
        before, now = change.before, change.now
        return cls(
            kind=change.kind,
            user_id=global_id("User", change.user_id),
            entry=LeaderboardEntry.from_standing(now) if now else None,
            position=now.position if now else None,
            previous_rank=before.rank if before else None,
            previous_value=float(before.value) if before else None,
        )


@strawberry.type(
    description="A board as it is after a change: what changed in its best rows, and the whole board for those who ask for it. "
    "To keep a copy of the rows, start from nothing where `isSnapshot`, and apply `changes`."
)
class LeaderboardUpdate:
    of: strawberry.Private[BoardOf]
    size: strawberry.Private[int]
    live: strawberry.Private[Live]
    leaderboard: Leaderboard = strawberry.field(description="The whole board, read anew.")

    @strawberry.field(
        description="Names the rows as they are now: another version, other rows. Give it as `since` on returning.",
        metadata=NOISE,
    )
    async def version(self, info: Info) -> str:
        rows = await resolve_followed_rows(info.context, self.of, self.size)
        return str(self.live.record(rows))

    @strawberry.field(
        description="Whether `changes` are all rows as they are, not what became of those of the version before: on the first "
        "answer without `since`, and whenever the version before is no longer known.",
        metadata=NOISE,
    )
    def is_snapshot(self) -> bool:
        return self.live.state_before is None

    @strawberry.field(description="What has to be done to the rows of the version before.", metadata=NOISE)
    async def changes(self, info: Info) -> list[LeaderboardChange]:
        rows = await resolve_followed_rows(info.context, self.of, self.size)
        self.live.record(rows)
        return [LeaderboardChange.from_change(change) for change in board_changes(self.live.state_before or (), rows)]

    @strawberry.field(
        description="Counts the versions.",
        deprecation_reason="Use `version`, which tells where it counts.",
        metadata=NOISE,
    )
    async def sequence(self, info: Info) -> int:
        rows = await resolve_followed_rows(info.context, self.of, self.size)
        return self.live.record(rows).number


@strawberry.type
class LeaderboardSubscription:
    @strawberry.subscription(
        description="A leaderboard: at once, and again whenever it changes. Access is decided anew for each answer; the stream "
        "ends when the token does.",
        directives=[first_of("changes"), cost(BOARD)],
    )
    async def leaderboard_updated(
        self,
        info: Info,
        scope: Scope = LeaderboardScope.ORGANIZATION,
        scope_id: ScopeId = None,
        metric: Metric = LeaderboardMetric.SCORE,
        ranking: Ranking = RankingMethod.COMPETITION,
        period: BoardPeriod = None,
        first: Annotated[
            int, strawberry.argument(description="How many rows from the top `changes` and `version` are about, 1–200.")
        ] = 100,
        since: Since = None,
        throttle: Throttle = DEFAULT_THROTTLE,
    ) -> AsyncGenerator[LeaderboardUpdate, None]:
        board = await leaderboard_of(info, scope, scope_key(scope, scope_id), metric, ranking, period)
        live = info.context.live or Live(since=since)
        live.follow(await resolve_board_tags(info.context, board.of), throttle)
        yield LeaderboardUpdate(of=board.of, size=first, live=live, leaderboard=board)
