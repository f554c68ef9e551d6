"""Leaderboards: who stands where, exactly, at the instant of the snapshot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

import asyncpg

from db.keyset import Page
from db.parts import Query
from db.snapshot import Snapshot
from db.statement import sql


class LeaderboardScope(StrEnum):
    """Whose and which attempts a board is made of."""

    ORGANIZATION = "ORGANIZATION"
    GROUP = "GROUP"
    TOPIC = "TOPIC"
    LEVEL = "LEVEL"
    LAB = "LAB"


class LeaderboardMetric(StrEnum):
    """What people are ranked by."""

    SCORE = "SCORE"
    TASKS = "TASKS"
    SUCCESS_RATE = "SUCCESS_RATE"
    FASTEST = "FASTEST"


class RankingMethod(StrEnum):
    """What happens to places after a tie."""

    COMPETITION = "COMPETITION"
    DENSE = "DENSE"
    ORDINAL = "ORDINAL"


@dataclass(frozen=True, slots=True)
class Board:
    """What a board ranks by and over which time: all time, or [start, end)."""

    scope: LeaderboardScope
    metric: LeaderboardMetric = LeaderboardMetric.SCORE
    method: RankingMethod = RankingMethod.COMPETITION
    start: datetime | None = None
    end: datetime | None = None

    @property
    def is_organization_score(self) -> bool:
        """The board that the rollup's own index answers."""
        return (self.scope, self.metric, self.method, self.start) == (
            LeaderboardScope.ORGANIZATION,
            LeaderboardMetric.SCORE,
            RankingMethod.COMPETITION,
            None,
        )

    def arguments(self) -> dict[str, object]:
        return {
            "scope": self.scope,
            "metric": self.metric,
            "method": self.method,
            "starts": self.start,
            "ends": self.end,
        }


class Standing(NamedTuple):
    """A person's place on a board. ``value`` is in the metric's unit, as displayed; ``position`` orders the board and is
    unique; ``entries`` is how many are ranked, where that was found out.
    """

    user_id: int
    value: Decimal
    rank: int
    tied_with: int
    position: int
    entries: int


_BOARD = "leaderboard_rows(:scope, i.id, :metric, :method, CAST(:starts AS timestamptz), CAST(:ends AS timestamptz))"

# Rows of several boards of one kind at once; each board is cut by itself. Best first is ascending `direction` · value.
BOARD_PAGES = sql(f"""
SELECT i.id, r.user_id, r.value, r.rank, r.tied_with, r.position, r.entries
FROM unnest(CAST(:ids AS bigint[])) AS i (id)
CROSS JOIN LATERAL (
  SELECT * FROM {_BOARD} AS b
  WHERE (CAST(:after_value AS numeric) IS NULL
      OR (:direction * b.value, b.user_id) > (:direction * CAST(:after_value AS numeric), CAST(:after_user AS bigint)))
    AND (CAST(:before_value AS numeric) IS NULL
      OR (:direction * b.value, b.user_id) < (:direction * CAST(:before_value AS numeric), CAST(:before_user AS bigint)))
  ORDER BY CASE WHEN :backward THEN -b.position ELSE b.position END
  LIMIT :size
) AS r
""")

# The best `size` and everybody tied with the last of them.
BOARD_TOPS = sql(f"""
SELECT i.id, r.user_id, r.value, r.rank, r.tied_with, r.position, r.entries
FROM unnest(CAST(:ids AS bigint[])) AS i (id)
CROSS JOIN LATERAL (
  SELECT * FROM {_BOARD} AS b ORDER BY b.rank FETCH FIRST :size ROWS WITH TIES
) AS r
ORDER BY i.id, r.position
""")

# Where some people stand, and those around them.
BOARD_AROUND = sql(f"""
WITH rows AS (
  SELECT i.id, b.* FROM unnest(CAST(:ids AS bigint[])) AS i (id) CROSS JOIN LATERAL {_BOARD} AS b
)
SELECT r.id, r.user_id, r.value, r.rank, r.tied_with, r.position, r.entries
FROM rows r JOIN rows c ON c.id = r.id AND c.user_id = :user_id
WHERE r.position BETWEEN c.position - :radius AND c.position + :radius
ORDER BY r.id, r.position
""")

BOARD_COUNT = sql(f"""
SELECT count(*) FROM unnest(CAST(:ids AS bigint[])) AS i (id) CROSS JOIN LATERAL {_BOARD} AS b
""")

# The organization by score, best first: by the rollup's index, put right for the people with pending changes (few), if any.
# Cost follows the page and the pending changes, not the number of people.
_BEYOND = """(CAST(:after_value AS numeric) IS NULL OR {0}.ranking_score < CAST(:after_value AS numeric)
      OR ({0}.ranking_score = CAST(:after_value AS numeric) AND {0}.user_id > CAST(:after_user AS bigint)))"""
_BEST_SCORES = f"""
WITH /*pending*/ changed AS MATERIALIZED (SELECT DISTINCT user_id FROM attempt_deltas), /*.*/
best AS (
  (
    SELECT t.user_id, t.ranking_score FROM user_totals t
    WHERE t.organization_id = (CAST(:organization_ids AS bigint[]))[1] AND t.active AND t.ranking_score IS NOT NULL
      /*pending*/ AND NOT EXISTS (SELECT FROM changed c WHERE c.user_id = t.user_id) /*.*/ AND {_BEYOND.format("t")}
    ORDER BY t.ranking_score DESC%(t_by_id)s
    FETCH FIRST :size ROWS %(ties)s
  )
  /*pending*/ UNION ALL
  (
    SELECT l.user_id, l.ranking_score
    FROM user_totals_live l
    WHERE l.user_id = ANY (ARRAY(SELECT c.user_id FROM changed c)) AND l.active AND l.ranking_score IS NOT NULL AND {_BEYOND.format("l")}
  )
  ORDER BY ranking_score DESC%(by_id)s FETCH FIRST :size ROWS %(ties)s /*.*/
)
SELECT (CAST(:organization_ids AS bigint[]))[1], user_id, %(value)s FROM best ORDER BY ranking_score DESC, user_id
"""
BEST_SCORES = sql(
    _BEST_SCORES % {"t_by_id": ", t.user_id", "by_id": ", user_id", "ties": "ONLY", "value": "ranking_score"}
)
# Their scores are only shown and told apart: floats of so few digits are good for both, and cost a tenth to read.
BEST_SCORES_WITH_TIES = sql(
    _BEST_SCORES % {"t_by_id": "", "by_id": "", "ties": "WITH TIES", "value": "CAST(ranking_score AS double precision)"}
)


async def get_board_pages(
    snapshot: Snapshot, scope_ids: Sequence[int], board: Board, page: Page
) -> dict[int, list[Standing]]:
    """For each board a page of its visible rows (see ``keyset.paged``); its sort values are value and person."""
    after_value, after_user = page.after or (None, None)
    before_value, before_user = page.before or (None, None)
    return _by_board(
        await snapshot.rows(
            BOARD_PAGES,
            ids=scope_ids,
            **board.arguments(),
            direction=1 if board.metric is LeaderboardMetric.FASTEST else -1,
            after_value=after_value,
            after_user=after_user,
            before_value=before_value,
            before_user=before_user,
            backward=page.backward,
            size=page.size + 1,
        )
    )


async def get_board_tops(
    snapshot: Snapshot, scope_ids: Sequence[int], board: Board, size: int
) -> dict[int, list[Standing]]:
    """For each board its visible best, and all who are tied with the last."""
    return _by_board(await snapshot.rows(BOARD_TOPS, ids=scope_ids, **board.arguments(), size=size))


async def get_board_around(
    snapshot: Snapshot, scope_ids: Sequence[int], board: Board, user_id: int, radius: int
) -> dict[int, list[Standing]]:
    """For each board a person and the visible ones up to ``radius`` places before and after; empty where they are not."""
    return _by_board(
        await snapshot.rows(BOARD_AROUND, ids=scope_ids, **board.arguments(), user_id=user_id, radius=radius)
    )


async def count_board(snapshot: Snapshot, scope_id: int, board: Board) -> int:
    """How many rows of a board the viewer may see."""
    return await snapshot.count(BOARD_COUNT, ids=[scope_id], **board.arguments())


def best_scores(size: int, after: tuple[Decimal, int] | None = None, *, with_ties: bool = False) -> Query:
    """The organization, and the visible people in it with the best scores, best first, after a score and person; with everybody
    who is tied with the last, if so asked.
    """
    after_value, after_user = after or (None, None)
    values = {"size": size, "after_value": after_value, "after_user": after_user}
    statement = BEST_SCORES_WITH_TIES if with_ties else BEST_SCORES
    columns = ("organization_id", "user_id", "value")
    return Query(statement, "organization_ids", columns, values=values)


def _by_board(rows: Sequence[asyncpg.Record]) -> dict[int, list[Standing]]:
    boards: dict[int, list[Standing]] = {}
    for row in rows:
        boards.setdefault(row[0], []).append(Standing(*row[1:]))
    return boards
