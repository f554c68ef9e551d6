"""Reports that are saved, their schedules, and deliveries."""

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Integer, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from db.models.base import metadata

reports = Table(
    "reports",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("organization_id", BigInteger),
    Column("owner_id", BigInteger),
    Column("subject", Text),
    Column("title", Text),
    Column("description", Text),
    Column("kind", Text),
    Column("parameters", JSONB),
    Column("period", JSONB),
    Column("group_id", BigInteger),
    Column("user_id", BigInteger),
    Column("created_at", DateTime(timezone=True)),
    Column("updated_at", DateTime(timezone=True)),
)

report_schedules = Table(
    "report_schedules",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("organization_id", BigInteger),
    Column("report_id", BigInteger),
    Column("format", Text),
    Column("dialect", Text),
    Column("cron", Text),
    Column("time_zone", Text),
    Column("next_run_at", DateTime(timezone=True)),
    Column("paused_for", Text),
    Column("failures", Integer),
    Column("created_at", DateTime(timezone=True)),
)

schedule_deliveries = Table(
    "schedule_deliveries",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("schedule_id", BigInteger),
    Column("channel", Text),
    Column("masked", Text),
    Column("attach", Boolean),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("export_id", BigInteger),
    Column("channel", Text),
    Column("masked", Text),
    Column("attach", Boolean),
    Column("status", Text),
    Column("tries", Integer),
    Column("error", Text),
    Column("sent_at", DateTime(timezone=True)),
)
