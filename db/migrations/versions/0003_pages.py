"""Pages of many people: their topics in a row for each."""

from db.migrations.files import create_view, run_sql_file

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    run_sql_file("0003_topic_packs")
    create_view("user_topic_packs_live_v01")
