"""Alerts: the rules, and what they said."""

from db.migrations.files import run_sql_file

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    run_sql_file("0012_alerts")
