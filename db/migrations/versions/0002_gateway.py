"""Gateway: what it keeps beside the facts."""

from db.migrations.files import create_view, run_sql_file

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    # The back-fill takes seconds: before anything that locks out readers or those who write attempts.
    for name in ("topic_totals", "fold", "add_up", "settled", "trusted_documents", "ranks", "health", "changes"):
        run_sql_file(f"0002_{name}")
    for name in ("user_topic_totals_live_v01", "user_totals_live_v02", "user_totals_settled_v01"):
        create_view(name)
