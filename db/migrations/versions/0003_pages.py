"""Pages of many people: their topics in a row for each, their levels without a call for each."""

from db.migrations.files import create_view, run_sql_file

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    for name in ("topic_packs", "experience_level"):
        run_sql_file(f"0003_{name}")
    create_view("user_topic_packs_live_v01")
