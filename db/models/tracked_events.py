"""Tracked events: what people did on the platform."""

from sqlalchemy import BigInteger, Column, DateTime, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from db.models.base import metadata

user_events = Table(
    "user_events",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("organization_id", BigInteger),
    Column("user_id", BigInteger),
    Column("event_type", Text),
    Column("metadata", JSONB),
    Column("source_id", Text),
    Column("origin", Text),
    Column("occurred_at", DateTime(timezone=True), primary_key=True),
    Column("recorded_at", DateTime(timezone=True)),
)
