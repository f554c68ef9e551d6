"""A leaderboard: the people on it whom the requester may see, with their ranks among everybody in its scope."""

from __future__ import annotations

from db.export_parameters import LeaderboardParameters
from db.queries.exports.leaderboard import BOARD_ROWS, board_values, get_ranked_people
from db.queries.exports.subjects import Subject
from db.queries.leaderboards import Board, LeaderboardMetric, RankingMethod
from workers.exports.content import Card, Column, Kind, Report
from workers.exports.kinds import figures, measured
from workers.exports.kinds.asking import Asking, sheet

VALUES = {
    LeaderboardMetric.SCORE: Column("value", "Score", Kind.DECIMAL, 1),
    LeaderboardMetric.TASKS: Column("value", "Tasks completed", Kind.INTEGER),
    LeaderboardMetric.SUCCESS_RATE: Column("value", "Success rate", Kind.RATIO),
    LeaderboardMetric.FASTEST: Column("value", "Mean time of a task", Kind.SECONDS),
}
TIES = {
    RankingMethod.COMPETITION: "share a rank and leave a gap",
    RankingMethod.DENSE: "share a rank without a gap",
    RankingMethod.ORDINAL: "have a rank each",
}


async def report_of(asking: Asking, asked: LeaderboardParameters) -> Report:
    """Raises NotFound."""
    scope_id = asked.scope_id or asking.organization_id
    name = await asking.name(Subject[asked.scope], scope_id)
    board = Board(asked.scope, asked.metric, asked.ranking, asking.start, asking.end)
    ranked = await get_ranked_people(asking.snapshot, board, scope_id)
    columns = (
        Column("rank", "Rank", Kind.INTEGER),
        measured.NAME,
        measured.EXTERNAL_ID,
        Column("groups", "Groups", Kind.TEXT),
        VALUES[asked.metric],
        Column("tied_with", "Tied with", Kind.INTEGER),
    )
    return asking.report(
        f"Leaderboard: {name}",
        {asked.scope.capitalize(): name, "Ranked by": VALUES[asked.metric].title, "Equal values": TIES[asked.ranking]},
        [sheet("Leaderboard", columns, BOARD_ROWS[asked.metric], board_values(board, scope_id))],
        [Card("People ranked", figures.UNKNOWN if ranked is None else figures.count(ranked))],
    )
