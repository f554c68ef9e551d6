"""Reports that are saved, their schedules, and the deliveries of exports."""

from db.migrations.files import run_sql_file

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    run_sql_file("0010_reports")
