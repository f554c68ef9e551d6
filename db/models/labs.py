"""Labs, and the topics that each belongs to."""

from sqlalchemy import BigInteger, Column, DateTime, Numeric, Table, Text
from sqlalchemy.dialects.postgresql import ARRAY

from db.models.base import metadata

labs = Table(
    "labs",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("organization_id", BigInteger),
    Column("type", Text),
    Column("title", Text),
    Column("level_id", BigInteger),
    Column("difficulty", Numeric(6, 4)),
    Column("required_skills", ARRAY(Text)),
    Column("archived_at", DateTime(timezone=True)),
    Column("created_at", DateTime(timezone=True)),
)

lab_topics = Table(
    "lab_topics",
    metadata,
    Column("organization_id", BigInteger),
    Column("lab_id", BigInteger, primary_key=True),
    Column("topic_id", BigInteger, primary_key=True),
)
