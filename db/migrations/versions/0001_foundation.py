"""Foundation: facts, rollups kept by triggers, live and materialized views, row security."""

from alembic import op

from db.migrations.files import create_view, run_sql_file

revision = "0001"
down_revision = None

VIEWS = (
    "user_totals_live_v01",
    "user_lab_totals_live_v01",
    "user_days_live_v01",
    "lab_days_live_v01",
    "attempt_measures_v01",
    "score_ranks_v01",
    "lab_stats_v01",
    "topic_stats_v01",
    "level_stats_v01",
    "group_stats_v01",
    "organization_stats_v01",
    "score_distribution_v01",
)


def upgrade() -> None:
    op.execute("CREATE SCHEMA internal")
    for name in ("score", "tables", "rollups", "write_path", "fold", "viewer"):
        run_sql_file(f"0001_{name}")
    for name in VIEWS:
        create_view(name)
    for name in ("refresh", "ranks", "boards", "security"):
        run_sql_file(f"0001_{name}")
