"""Topics."""

from sqlalchemy import BigInteger, Column, Table, Text

from db.models.base import metadata

topics = Table(
    "topics",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("organization_id", BigInteger),
    Column("external_id", Text),
    Column("title", Text),
)
