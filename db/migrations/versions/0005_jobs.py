"""The job queue, whose tables are procrastinate's."""

from alembic import op
from procrastinate.schema import SchemaManager

from db.migrations.files import run_sql_file, run_text

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.execute("CREATE SCHEMA jobs")
    op.execute("SET LOCAL search_path = jobs, public")
    run_text(op.get_bind(), SchemaManager.get_schema())
    op.execute("SET LOCAL search_path = DEFAULT")
    run_sql_file("0005_jobs")
