"""Assignments: labs given to a person or a group, and the deadlines of single people."""

from sqlalchemy import BigInteger, Column, DateTime, Integer, Table, Text

from db.models.base import metadata

assignments = Table(
    "assignments",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("organization_id", BigInteger),
    Column("lab_id", BigInteger),
    Column("user_id", BigInteger),
    Column("group_id", BigInteger),
    Column("assigned_at", DateTime(timezone=True)),
    Column("due_at", DateTime(timezone=True)),
    Column("revision", Integer),
)

deadline_extensions = Table(
    "deadline_extensions",
    metadata,
    Column("assignment_id", BigInteger, primary_key=True),
    Column("organization_id", BigInteger),
    Column("user_id", BigInteger, primary_key=True),
    Column("due_at", DateTime(timezone=True)),
    Column("reason", Text),
    Column("granted_by", BigInteger),
    Column("granted_at", DateTime(timezone=True)),
)
