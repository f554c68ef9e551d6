"""The audit trail: who changed, asked for and fetched what."""

from db.migrations.files import run_sql_file

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    run_sql_file("0014_audit_log")
