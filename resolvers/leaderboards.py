"""Leaderboards: of what, by what, and who may see them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from db.keyset import Listing, Page
from db.parts import Table
from db.queries.leaderboards import (
    Board,
    LeaderboardMetric,
    LeaderboardScope,
    RankingMethod,
    Standing,
    count_board,
)
from resolvers.calendar import resolve_context_period
from resolvers.context import Context
from resolvers.errors import Invalid
from resolvers.groups import resolve_group
from resolvers.labs import resolve_lab
from resolvers.levels import resolve_level
from resolvers.loaders.leaderboards import (
    by_column,
    counted_off,
    load_around_by_scope,
    load_best_scores_with_ties,
    load_ranked_people_by_scope,
    load_standings_by_scope,
    load_top_by_scope,
)
from resolvers.loaders.users import load_ranking_score_by_user
from resolvers.organizations import resolve_organization
from resolvers.periods import Period, PeriodSpec
from resolvers.topics import resolve_topic

LARGEST_TOP = 200
LARGEST_RADIUS = 50


@dataclass(frozen=True, slots=True)
class BoardOf:
    """A board of one organization, group, topic, level or lab. ``period`` is None for all time."""

    board: Board
    scope_id: int
    period: Period | None


_FIND: dict[LeaderboardScope, Callable[[Context, int], Awaitable[object]]] = {
    LeaderboardScope.ORGANIZATION: resolve_organization,
    LeaderboardScope.GROUP: resolve_group,
    LeaderboardScope.TOPIC: resolve_topic,
    LeaderboardScope.LEVEL: resolve_level,
    LeaderboardScope.LAB: lambda context, key: resolve_lab(context, key=key),
}


async def resolve_leaderboard(
    context: Context,
    scope: LeaderboardScope,
    scope_id: int | None,
    metric: LeaderboardMetric,
    method: RankingMethod,
    spec: PeriodSpec | None,
) -> BoardOf:
    """Raises Invalid without the id of a scope that needs one, NotFound for what the viewer may not see, PeriodError."""
    if scope_id is None:
        if scope is not LeaderboardScope.ORGANIZATION:
            raise Invalid(f"The scope {scope} needs a scopeId.", "scopeId")
        scope_id = (await context.viewer()).organization_id
    else:
        await _FIND[scope](context, scope_id)
    period = await resolve_context_period(context, spec) if spec else None
    board = Board(scope, metric, method, period.start if period else None, period.end if period else None)
    return BoardOf(board, scope_id, period)


async def resolve_standings(context: Context, of: BoardOf, page: Page) -> Listing[Standing]:
    """A page of the board's visible rows."""
    standings = await context.load(load_standings_by_scope, of.scope_id, of.board, page)
    _know_scores(context, of.board, by_column(standings))

    async def count(bound: int | None) -> int:
        return await count_board(context.snapshot, of.scope_id, of.board)

    return Listing.of(page, [(standing, (standing.value, standing.user_id)) for standing in standings], count)


async def resolve_top(context: Context, of: BoardOf, size: int, wanted: frozenset[str] | None = None) -> Table:
    """The best ``size`` and all who are tied with the last, at least with the wanted columns of Standing (None: all). Raises
    Invalid.
    """
    if not 1 <= size <= LARGEST_TOP:
        raise Invalid(f"A top has 1 to {LARGEST_TOP} places.", "first")
    if of.board.is_organization_score and (await context.viewer()).sees_all:
        # From the first place on, with all who are tied: places can be counted off.
        standings = counted_off(await context.load(load_best_scores_with_ties, of.scope_id, size), wanted)
    else:
        standings = by_column(await context.load(load_top_by_scope, of.scope_id, of.board, size))
    _know_scores(context, of.board, standings)
    return standings


def _know_scores(context: Context, board: Board, standings: Table) -> None:
    """The board of scores of all time says what everybody's score is."""
    if board.is_organization_score:
        scores = dict(zip(standings.column("user_id"), standings.column("value"), strict=True))
        context.know(load_ranking_score_by_user, scores)


async def resolve_around(context: Context, of: BoardOf, user_id: int, radius: int) -> Table:
    """A person and those around them, with the columns of Standing; empty where the viewer may not see the person, or they are
    not ranked. Raises Invalid.
    """
    if not 0 <= radius <= LARGEST_RADIUS:
        raise Invalid(f"A radius is 0 to {LARGEST_RADIUS} places.", "radius")
    return by_column(await context.load(load_around_by_scope, of.scope_id, of.board, user_id, radius))


async def resolve_own_standing(context: Context, of: BoardOf) -> Standing | None:
    """The viewer's own place; None for who is no person or is not ranked."""
    user_id = (await context.viewer()).user_id
    if user_id is None:
        return None
    around = await context.load(load_around_by_scope, of.scope_id, of.board, user_id, 0)
    return around[0] if around else None


async def resolve_ranked_people(context: Context, of: BoardOf) -> int | None:
    """How many are ranked on the board; None where the viewer sees none of them."""
    return await context.load(load_ranked_people_by_scope, of.scope_id, of.board)
