"""Exports: what was asked for, and what became of it."""

from db.migrations.files import run_sql_file

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    run_sql_file("0006_exports")
