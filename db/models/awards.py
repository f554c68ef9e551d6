"""Awards, and what they are given for."""

from sqlalchemy import BigInteger, Boolean, Column, Date, DateTime, Numeric, Table, Text

from db.models.base import metadata

award_definitions = Table(
    "award_definitions",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("organization_id", BigInteger),
    Column("slug", Text),
    Column("kind", Text),
    Column("name", Text),
    Column("description", Text),
    Column("icon", Text),
    Column("rule", Text),
    Column("threshold", Numeric),
    Column("revocable", Boolean),
    Column("is_active", Boolean),
)
awards = Table(
    "awards",
    metadata,
    Column("id", BigInteger),
    Column("organization_id", BigInteger),
    Column("user_id", BigInteger),
    Column("definition_id", BigInteger),
    Column("window_start", Date),
    Column("achieved_at", DateTime(timezone=True)),
    Column("achieved_value", Numeric),
    Column("attempt_id", BigInteger),
    Column("granted_at", DateTime(timezone=True)),
    Column("revoked_at", DateTime(timezone=True)),
    Column("note", Text),
    Column("by_hand", Boolean),
    Column("awarded_by", BigInteger),
)
