"""Gateway: what it keeps beside the facts."""

from db.migrations.files import run_sql_file

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    for name in ("trusted_documents", "ranks"):
        run_sql_file(f"0002_{name}")
