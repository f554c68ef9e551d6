"""Operations: what those who operate the platform see of jobs and workers, and may ask for."""

from db.migrations.files import run_sql_file

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    run_sql_file("0007_operations")
