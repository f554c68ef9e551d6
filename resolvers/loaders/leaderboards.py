"""Batches of boards of one kind, by what they are the boards of."""

from __future__ import annotations

from collections import Counter
from functools import partial

from db.batch import Batch, table_of_each
from db.keyset import Page
from db.parts import Table
from db.queries.leaderboards import (
    Board,
    Standing,
    best_scores,
    get_board_around,
    get_board_pages,
    get_board_tops,
)
from db.snapshot import Snapshot
from resolvers.loaders.users import load_ranking_by_user

Standings = list[Standing]


load_best_scores: Batch[Table] = Batch(best_scores, table_of_each)
"""The people and scores of each organization, best first. Takes how many, and after whom."""
load_best_scores_with_ties: Batch[Table] = Batch(partial(best_scores, with_ties=True), table_of_each)
"""Takes how many; all who are tied with the last come on top."""


async def load_standings_by_scope(
    snapshot: Snapshot, scope_ids: list[int], board: Board, page: Page
) -> list[Standings]:
    """A page of each board with one row more than asked; a backward page comes in reverse order."""
    if board.is_organization_score and not page.backward and page.before is None:
        scores = await load_best_scores(snapshot, scope_ids, page.size + 1, page.after)
        return [await _ranked(snapshot, found) for found in scores]
    boards = await get_board_pages(snapshot, scope_ids, board, page)
    return [
        sorted(boards.get(key, []), key=lambda standing: standing.position, reverse=page.backward) for key in scope_ids
    ]


async def load_top_by_scope(snapshot: Snapshot, scope_ids: list[int], board: Board, size: int) -> list[Standings]:
    """The best of each board, and all who are tied with the last of them."""
    if board.is_organization_score:
        return [await _ranked(snapshot, found) for found in await load_best_scores_with_ties(snapshot, scope_ids, size)]
    boards = await get_board_tops(snapshot, scope_ids, board, size)
    return [boards.get(key, []) for key in scope_ids]


async def load_ranked_people_by_scope(snapshot: Snapshot, scope_ids: list[int], board: Board) -> list[int | None]:
    """How many are ranked on each board; None where the viewer sees none of them."""
    if board.is_organization_score:
        tops = [await _ranked(snapshot, found) for found in await load_best_scores(snapshot, scope_ids, 1)]
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


def counted_off(scores: Table, wanted: frozenset[str] | None = None) -> Table:
    """Standings from all scores from the first place on, with all who are tied with the last of them; at least the wanted
    columns (None: all). How many are ranked below is not known: 0.
    """
    _, user_ids, values = scores.values
    ranks: list[int] = []
    rank, last = 1, None
    for place, value in enumerate(values, 1):
        if value != last:
            rank, last = place, value
        ranks.append(rank)
    columns = {"user_id": user_ids, "value": values, "rank": ranks}
    columns |= {"position": range(1, len(ranks) + 1), "entries": [0] * len(ranks)}
    if wanted is None or "tied_with" in wanted:
        sizes = Counter(ranks)
        columns["tied_with"] = [sizes[rank] - 1 for rank in ranks]
    return Table(tuple(columns), list(columns.values()))


def by_column(standings: Standings) -> Table:
    return Table(Standing._fields, list(zip(*standings, strict=True)) or [()] * len(Standing._fields))


async def _ranked(snapshot: Snapshot, scores: Table) -> Standings:
    """Standings from scores: the exact rank comes from the stored positions, put right for recent changes."""
    _, user_ids, values = scores.values
    rankings = await load_ranking_by_user(snapshot, list(user_ids))
    return [
        Standing(user_id, value, found.rank, found.tied_with, found.rank, found.ranked_people)
        for user_id, value, found in zip(user_ids, values, rankings, strict=True)
        if found is not None
    ]
