"""Lists of people: their names and groups by index alone."""

from db.migrations.files import run_sql_file

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    run_sql_file("0004_covering_indexes")
