"""What came by event streams: which were taken, what each said last, and those that could not be taken."""

from db.migrations.files import run_sql_file

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    run_sql_file("0008_events")
