"""Exports: what was asked for, by whom, and what became of it."""

from sqlalchemy import ARRAY, BigInteger, Boolean, Column, DateTime, Integer, Table, Text
from sqlalchemy.dialects.postgresql import JSONB, REAL

from db.models.base import metadata

exports = Table(
    "exports",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("organization_id", BigInteger),
    Column("requested_by", BigInteger),
    Column("subject", Text),
    Column("role", Text),
    Column("claimed_groups", ARRAY(Text)),
    Column("kind", Text),
    Column("format", Text),
    Column("dialect", Text),
    Column("parameters", JSONB),
    Column("group_id", BigInteger),
    Column("user_id", BigInteger),
    Column("idempotency_key", Text),
    Column("body", JSONB),
    Column("requested_at", DateTime(timezone=True)),
    Column("queued_at", DateTime(timezone=True)),
    Column("status", Text),
    Column("tries", Integer),
    Column("run", Text),
    Column("started_at", DateTime(timezone=True)),
    Column("progress", REAL),
    Column("finished_at", DateTime(timezone=True)),
    Column("failure_code", Text),
    Column("failure_message", Text),
    Column("file_name", Text),
    Column("as_of", DateTime(timezone=True)),
    Column("row_count", BigInteger),
    Column("byte_size", BigInteger),
    Column("sha256", Text),
    Column("neutralized", Integer),
    Column("truncated", Integer),
    Column("reads_groups", ARRAY(BigInteger)),
    Column("expires_at", DateTime(timezone=True)),
    Column("report_id", BigInteger),
    Column("schedule_id", BigInteger),
    Column("due_at", DateTime(timezone=True)),
    Column("is_late", Boolean),
)
