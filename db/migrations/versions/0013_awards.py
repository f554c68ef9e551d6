"""Awards: badges and milestones, the rules of each organization, and whose are to be looked at again."""

from db.migrations.files import run_sql_file

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    run_sql_file("0013_awards")
