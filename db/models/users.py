"""People and their all-time rollup."""

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Integer, Numeric, Table, Text

from db.models.base import measure_columns, metadata

users = Table(
    "users",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("organization_id", BigInteger),
    Column("external_id", Text),
    Column("username", Text),
    Column("username_key", Text),
    Column("display_name", Text),
    Column("email", Text),
    Column("role", Text),
    Column("time_zone", Text),
    Column("created_at", DateTime(timezone=True)),
    Column("deactivated_at", DateTime(timezone=True)),
)

user_totals_live = Table(
    "user_totals_live",
    metadata,
    Column("organization_id", BigInteger),
    Column("user_id", BigInteger, primary_key=True),
    Column("active", Boolean),
    *measure_columns(),
    Column("score", Numeric),
    Column("ranking_score", Numeric),
    Column("experience_level", Integer),
)
