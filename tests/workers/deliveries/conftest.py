"""A school with a saved report, and the worker's means to make and deliver it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from psycopg.types.json import Jsonb
from sqlalchemy.ext.asyncio import AsyncEngine

from settings import Settings
from tests.conftest import Database
from tests.workers.deliveries.mail_server import MailServer, mail_server
from workers.deliveries.job import deliver
from workers.exports.job import make_export
from workers.exports.storage import storage_of
from workers.means import Means
from workers.reports import run_due

REPORT = """
INSERT INTO reports (organization_id, owner_id, subject, role, roster_role, title, kind, parameters, period, group_id)
SELECT o.id, u.id, u.external_id, u.role, u.role, %(title)s, 'GROUP_REPORT', jsonb_build_object('groupId', g.id, 'locale', 'en'), %(period)s, g.id
FROM organizations o JOIN users u ON u.organization_id = o.id AND u.external_id = %(person)s
JOIN groups g ON g.organization_id = o.id AND g.external_id = 'alg-1' WHERE o.slug = 'north' RETURNING id
"""
SCHEDULE = """
INSERT INTO report_schedules (organization_id, report_id, format, dialect, cron, time_zone, next_run_at)
SELECT organization_id, id, 'CSV', 'EXCEL', %(cron)s, %(time_zone)s, now() - %(ago)s::interval FROM reports WHERE id = %(report_id)s RETURNING id
"""
DELIVERY = """
INSERT INTO schedule_deliveries (organization_id, schedule_id, channel, target, secret, masked, attach)
SELECT organization_id, id, %(channel)s, %(target)s, %(secret)s, '***', %(attach)s FROM report_schedules WHERE id = %(schedule_id)s
"""


@dataclass
class Office:
    """``work`` does what a worker would, one job after the other, until nothing is left to be done at once."""

    database: Database
    engine: AsyncEngine
    folder: Path
    mail: MailServer
    changed: dict[str, Any] = field(default_factory=dict)

    @property
    def means(self) -> Means:
        here = {"DATABASE_URL": self.database.url, "REPORTS_STORAGE_PATH": self.folder}
        networks = {
            "SCOREGRAPH_WEBHOOK_NETWORKS": "127.0.0.0/8",
            "SCOREGRAPH_PUBLIC_URL": "https://scoregraph.example/",
        }
        return Means(self.mail.settings(**{**here, **networks, **self.changed}), self.engine)

    @property
    def settings(self) -> Settings:
        return self.means.settings

    def report(self, person: str = "ada", title: str = "Algebra, weekly", period: dict[str, Any] | None = None) -> int:
        values = {"person": person, "title": title, "period": None if period is None else Jsonb(period)}
        return int(self.row(REPORT, values)[0])

    def schedule(self, report_id: int | None = None, ago: str = "1 second", **given: str) -> int:
        """One that was due so long ago; of ada's report unless said otherwise."""
        times = {"cron": "30 7 * * *", "time_zone": "Europe/Madrid", **given}
        return int(self.row(SCHEDULE, {"report_id": report_id or self.report(), "ago": ago, **times})[0])

    def deliver_to(
        self, schedule_id: int, target: str = "ada@north.example", channel: str = "EMAIL", **given: Any
    ) -> None:
        values = {"secret": None, "attach": False, **given}
        self.do(DELIVERY, {"schedule_id": schedule_id, "channel": channel, "target": target, **values})

    async def run_due(self) -> list[dict[str, Any]]:
        """All exports that schedules asked for, so far."""
        await run_due(self.engine, self.settings)
        return self.rows("SELECT to_jsonb(e) FROM exports e WHERE due_at IS NOT NULL ORDER BY id")

    async def make(self) -> list[dict[str, Any]]:
        for export in self.rows("SELECT to_jsonb(e) FROM exports e WHERE status = 'PENDING'"):
            await make_export(self.means, storage_of(self.settings), export["id"])
        return self.rows("SELECT to_jsonb(e) FROM exports e ORDER BY id")

    async def deliver(self) -> list[dict[str, Any]]:
        """Tries each once; Postponed is for the queue to know."""
        for (key,) in self.all("SELECT id FROM deliveries WHERE status = 'PENDING' ORDER BY id"):
            try:
                await deliver(self.means, storage_of(self.settings), key)
            except Exception as error:
                if type(error).__name__ != "Postponed":
                    raise
        return self.rows("SELECT to_jsonb(d) FROM deliveries d ORDER BY id")

    def jobs(self, task: str) -> list[dict[str, Any]]:
        return self.rows(f"SELECT args FROM jobs.procrastinate_jobs WHERE task_name = '{task}' ORDER BY id")

    def rows(self, statement: str) -> list[dict[str, Any]]:
        return [row for (row,) in self.all(statement)]

    def all(self, statement: str) -> list[tuple[Any, ...]]:
        with self.database.connect() as owner:
            return owner.execute(statement.encode()).fetchall()

    def row(self, statement: str, values: Any = None) -> tuple[Any, ...]:
        with self.database.connect() as owner:
            row = owner.execute(statement.encode(), values).fetchone()
        assert row is not None
        return row

    def do(self, statement: str, values: Any = None) -> None:
        with self.database.connect(None) as admin:
            admin.execute(statement.encode(), values)


@pytest.fixture
async def office(school: Database, engine: AsyncEngine, tmp_path: Path) -> AsyncIterator[Office]:
    async with mail_server() as mail:
        yield Office(school, engine, tmp_path / "files", mail)
