"""Batches of boards of one kind, by what they are the boards of."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from functools import partial

from db.keyset import Page
from db.queries.leaderboards import (
    Board,
    Standing,
    get_best_scores,
    get_board_around,
    get_board_pages,
    get_board_tops,
)
from db.snapshot import Snapshot
from resolvers.loaders.users import load_ranking_by_user

Standings = list[Standing]


async def load_standings_by_scope(
    snapshot: Snapshot, scope_ids: list[int], board: Board, page: Page
) -> list[Standings]:
    """A page of each board with one row more than asked; a backward page comes in reverse order."""
    if board.is_organization_score and not page.backward and page.before is None:
        return [
            await _ranked(snapshot, await get_best_scores(snapshot, key, page.size + 1, after=page.after))
            for key in scope_ids
        ]
    boards = await get_board_pages(snapshot, scope_ids, board, page)
    return [
        sorted(boards.get(key, []), key=lambda standing: standing.position, reverse=page.backward) for key in scope_ids
    ]


async def load_top_by_scope(snapshot: Snapshot, scope_ids: list[int], board: Board, size: int) -> list[Standings]:
    """The best of each board, and all who are tied with the last of them."""
    if board.is_organization_score:
        # Who sees everybody sees the board from its first place on, with all who are tied: places can be counted off.
        rank = _counted_off if (await snapshot.viewer()).sees_all else partial(_ranked, snapshot)
        return [await rank(await get_best_scores(snapshot, key, size, ties=True)) for key in scope_ids]
    boards = await get_board_tops(snapshot, scope_ids, board, size)
    return [boards.get(key, []) for key in scope_ids]


async def load_ranked_people_by_scope(snapshot: Snapshot, scope_ids: list[int], board: Board) -> list[int | None]:
    """How many are ranked on each board; None where the viewer sees none of them."""
    if board.is_organization_score:
        tops = [await _ranked(snapshot, await get_best_scores(snapshot, key, 1)) for key in scope_ids]
    else:
        boards = await get_board_tops(snapshot, scope_ids, board, 1)
        tops = [boards.get(key, []) for key in scope_ids]
    return [top[0].entries if top else None for top in tops]


async def load_around_by_scope(
    snapshot: Snapshot, scope_ids: list[int], board: Board, user_id: int, radius: int
) -> list[Standings]:
    """A person's row of each board and those around it; empty where the person is not on it."""
    boards = await get_board_around(snapshot, scope_ids, board, user_id, radius)
    return [boards.get(key, []) for key in scope_ids]


async def _counted_off(scores: list[tuple[int, Decimal]]) -> Standings:
    """Standings from all scores down to the last of them. How many are ranked below is not known: 0."""
    tied = Counter(value for _, value in scores)
    ranks: dict[Decimal, int] = {}
    return [
        Standing(user_id, value, ranks.setdefault(value, place), tied[value] - 1, place, 0)
        for place, (user_id, value) in enumerate(scores, 1)
    ]


async def _ranked(snapshot: Snapshot, scores: list[tuple[int, Decimal]]) -> Standings:
    """Standings from scores: the exact rank comes from the stored positions, put right for recent changes."""
    rankings = await load_ranking_by_user(snapshot, [user_id for user_id, _ in scores])
    return [
        Standing(user_id, value, found.rank, found.tied_with, found.rank, found.ranked_people)
        for (user_id, value), found in zip(scores, rankings, strict=True)
        if found is not None
    ]
