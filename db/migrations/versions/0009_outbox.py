"""Events out: what is to be told to streams, and to webhooks."""

from db.migrations.files import run_sql_file

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    run_sql_file("0009_outbox")
