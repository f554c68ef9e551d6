"""Folding against rebuilding, and against ten times less history; reads with and without pending changes."""

from __future__ import annotations

from bench.measure import connect, medians, new_database, seconds
from bench.seed import PEOPLE, Connection, rebuild, seed
from db.queries.leaderboards import BEST_SCORES_WITH_TIES

CHANGES = """
INSERT INTO attempts (organization_id, user_id, lab_id, status, completed_at, duration_seconds, score, skill_match, difficulty)
SELECT 1, 1 + (random() * (%(people)s - 1))::bigint, 1 + (random() * 199)::bigint,
  CASE WHEN random() < 0.6 THEN 'SUCCEEDED' ELSE 'FAILED' END,
  now() - random() * interval '30 days', 100, 50, 0.5, 5
FROM generate_series(1, %(changes)s)
"""
CARD = """
SELECT user_id, score, ranking_score, experience_level, tasks, attempts FROM user_totals_live WHERE user_id = ANY (%s)
"""
VIEWER = """SELECT set_config('scoregraph.viewer', '{"organization_id": 1, "user_id": 20001, "role": "MANAGER", "group_ids": []}', false)"""


def change(connection: Connection, changes: int) -> None:
    """Records so many attempts of anybody."""
    connection.execute(CHANGES, {"people": PEOPLE, "changes": changes})


def fold(connection: Connection) -> float:
    """Folds what is pending, as a worker; seconds."""
    connection.execute("SET ROLE scoregraph_worker")
    taken = seconds(lambda: connection.execute("SELECT folded FROM fold_attempt_deltas()").fetchall())
    connection.execute("RESET ROLE")
    return taken


def settle(connection: Connection) -> None:
    """Folds what is pending and takes down where everybody stands, as a worker does in time."""
    fold(connection)
    connection.execute("SET ROLE scoregraph_worker")
    connection.execute("SELECT refresh_view('score_ranks')")
    connection.execute("RESET ROLE")


def fold_after(connection: Connection, changes: int) -> float:
    """Seconds to fold so many changes (recording them is not counted)."""
    change(connection, changes)
    return fold(connection)


def read(connection: Connection, statement: str, *arguments: object, times: int = 50) -> float:
    """Seconds of one run, over many, as the API's role with a manager's view; prepared, as the gateway does."""
    connection.execute("SET ROLE scoregraph_api")
    connection.execute(VIEWER)

    def run() -> None:
        for _ in range(times):
            connection.execute(statement, arguments or None, prepare=True).fetchall()

    taken = seconds(run) / times
    connection.execute("RESET ROLE")
    return taken


def measure(admin_url: str, small: int, large: int) -> dict[str, float]:
    with (
        connect(new_database(admin_url, "bench_small")) as few,
        connect(new_database(admin_url, "bench_large")) as many,
    ):
        seed(few, small)
        seed(many, large)
        fold_many, fold_few = medians(lambda: fold_after(many, 1000), lambda: fold_after(few, 1000))
        rebuilding = seconds(lambda: rebuild(many))
        many.execute(
            "VACUUM ANALYZE user_totals, user_lab_totals, user_topic_totals, user_topic_packs, user_days, lab_days"
        )
        people = list(range(600, 600 * 34, 600))[:33]
        quiet = medians(lambda: read(many, CARD, people))[0]
        # Without a worker: the changes stay pending, spread over everybody.
        change(many, 20_000)
        many.execute("ANALYZE attempt_deltas")
        pending = medians(lambda: read(many, CARD, people))[0]
        settle(many)
        many.execute("VACUUM ANALYZE user_totals, attempt_deltas")
        top = medians(lambda: read(many, top_100()))[0]
        return {
            "fold_1000_ms_large": fold_many * 1e3,
            "fold_1000_ms_small": fold_few * 1e3,
            "fold_large_vs_small": fold_many / fold_few,
            "rebuild_s": rebuilding,
            "rebuild_vs_fold": rebuilding / fold_many,
            "card_33_quiet_ms": quiet * 1e3,
            "card_33_pending_20000_ms": pending * 1e3,
            "card_pending_vs_quiet": pending / quiet,
            "top_100_of_20000_ms": top * 1e3,
        }


def top_100() -> str:
    """What the gateway asks of the database for the first 100 of the organization."""
    from_gateway = BEST_SCORES_WITH_TIES.sql
    values = {"organization_ids": "'{1}'", "size": "(100)", "after_value": "NULL", "after_user": "NULL"}
    for place, name in reversed(list(enumerate(BEST_SCORES_WITH_TIES.parameters, start=1))):
        from_gateway = from_gateway.replace(f"${place}", values[name])
    return from_gateway
