"""The rows of a board: the people whom the requester may see, with their true ranks."""

from __future__ import annotations

from typing import Any

from db.queries.exports.fragments import shown
from db.queries.leaderboards import Board, LeaderboardMetric
from db.snapshot import Snapshot
from db.statement import Statement, sql

_BOARD = (
    "leaderboard_rows(:scope, CAST(:scope_id AS bigint), :metric, :method, CAST(:starts AS timestamptz), "
    "CAST(:ends AS timestamptz))"
)
_VALUE = {
    LeaderboardMetric.SCORE: "b.value",
    LeaderboardMetric.TASKS: "CAST(b.value AS bigint)",
    LeaderboardMetric.SUCCESS_RATE: "CAST(b.value AS double precision)",
    LeaderboardMetric.FASTEST: "b.value",
}


def _rows_statement(metric: LeaderboardMetric) -> Statement:
    return sql(f"""
SELECT b.rank, {shown("u.display_name")} AS name, u.external_id, g.names AS groups, {_VALUE[metric]} AS value, b.tied_with
FROM {_BOARD} AS b JOIN users u ON u.id = b.user_id
LEFT JOIN (
  SELECT m.user_id, string_agg(g.name, '; ' ORDER BY g.name, g.id) AS names
  FROM group_memberships m JOIN groups g ON g.id = m.group_id
  WHERE m.role = 'MEMBER' AND m.valid_from <= now() AND (m.valid_to IS NULL OR m.valid_to > now())
  GROUP BY m.user_id
) AS g ON g.user_id = b.user_id
ORDER BY b.position
""")


BOARD_ROWS = {metric: _rows_statement(metric) for metric in LeaderboardMetric}
RANKED_PEOPLE = sql(f"SELECT max(entries) FROM {_BOARD} AS b")


def board_values(board: Board, scope_id: int) -> dict[str, Any]:
    """The values of both statements."""
    return {"scope_id": scope_id, **board.arguments()}


async def get_ranked_people(snapshot: Snapshot, board: Board, scope_id: int) -> int | None:
    """How many are ranked; None where the requester sees none of them."""
    [[count]] = await snapshot.rows(RANKED_PEOPLE, **board_values(board, scope_id))
    return None if count is None else int(count)
