"""Groups, and who belongs to them from when to when."""

from sqlalchemy import BigInteger, Column, DateTime, Table, Text

from db.models.base import metadata

groups = Table(
    "groups",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("organization_id", BigInteger),
    Column("external_id", Text),
    Column("name", Text),
    Column("kind", Text),
    Column("time_zone", Text),
    Column("created_at", DateTime(timezone=True)),
)

group_memberships = Table(
    "group_memberships",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("organization_id", BigInteger),
    Column("group_id", BigInteger),
    Column("user_id", BigInteger),
    Column("role", Text),
    Column("valid_from", DateTime(timezone=True)),
    Column("valid_to", DateTime(timezone=True)),
)
