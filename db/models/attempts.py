"""Attempts: the facts, and what they were before each change."""

from sqlalchemy import ARRAY, BigInteger, Boolean, Column, DateTime, Integer, Numeric, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from db.models.base import metadata

attempts = Table(
    "attempts",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("organization_id", BigInteger),
    Column("user_id", BigInteger, primary_key=True),
    Column("lab_id", BigInteger),
    Column("assignment_id", BigInteger),
    Column("status", Text),
    Column("success", Boolean),
    Column("started_at", DateTime(timezone=True)),
    Column("completed_at", DateTime(timezone=True)),
    Column("due_at", DateTime(timezone=True)),
    Column("duration_seconds", Numeric(14, 3)),
    Column("score", Numeric(7, 4)),
    Column("accuracy", Numeric(7, 6)),
    Column("skill_match", Numeric(7, 6)),
    Column("difficulty", Numeric(6, 4)),
    Column("hints_used", Integer),
    Column("errors", ARRAY(Text)),
    Column("memory_mib", Numeric(14, 3)),
    Column("cpu_percent", Numeric(9, 3)),
    Column("metadata", JSONB),
    Column("source", Text),
    Column("source_id", Text),
    Column("recorded_at", DateTime(timezone=True)),
    Column("revision", Integer),
    Column("counted", Boolean),
    Column("deleted_at", DateTime(timezone=True)),
    Column("occurred_at", DateTime(timezone=True)),
)

attempt_revisions = Table(
    "attempt_revisions",
    metadata,
    Column("organization_id", BigInteger),
    Column("user_id", BigInteger, primary_key=True),
    Column("attempt_id", BigInteger, primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("change", Text),
    Column("snapshot", JSONB),
    Column("changed_at", DateTime(timezone=True)),
    Column("actor_id", BigInteger),
    Column("reason", Text),
)
