"""The platform: what people did there, and how its services fare."""

from db.migrations.files import run_sql_file

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    run_sql_file("0011_platform")
