"""Exports of a small school, and what a worker makes them with."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from psycopg.types.json import Jsonb
from sqlalchemy.ext.asyncio import AsyncEngine

from commands.documents.for_workers import exported_documents
from settings import Settings
from tests.conftest import Database
from workers.exports.job import make_export
from workers.exports.storage import Storage, storage_of
from workers.means import Means

INSERT = """
INSERT INTO exports (organization_id, requested_by, subject, role, claimed_groups, kind, format, parameters, group_id, user_id, body)
SELECT o.id, (SELECT id FROM users u WHERE u.organization_id = o.id AND u.external_id = %(person)s), %(person)s, %(role)s,
  %(claimed_groups)s, %(kind)s, %(format)s, %(parameters)s, %(group_id)s, %(user_id)s, '{}'
FROM organizations o WHERE o.slug = 'north' RETURNING id
"""
GROUP = "SELECT g.id FROM groups g JOIN organizations o ON o.id = g.organization_id WHERE o.slug = 'north' AND g.external_id = %s"


@dataclass
class Workshop:
    """``make`` runs the job of an export here; ``storage`` is a folder unless the settings say otherwise."""

    database: Database
    engine: AsyncEngine
    folder: Path
    changed: dict[str, Any] = field(default_factory=dict)

    @property
    def settings(self) -> Settings:
        given = {"database_url": self.database.url, "reports_storage_path": self.folder}
        return Settings(**{**given, **self.changed})

    @property
    def means(self) -> Means:
        return Means(self.settings, self.engine, partial(exported_documents, self.settings))

    @property
    def storage(self) -> Storage:
        return storage_of(self.settings)

    def request(
        self, person: str = "ada", role: str = "TEACHER", kind: str = "GROUP_REPORT", format: str = "CSV", **given: Any
    ) -> int:
        """An export of alg-1, unless another kind is asked for."""
        group_id = None
        if kind == "GROUP_REPORT":
            [group_id] = self.row(GROUP, "alg-1")
            given = {"groupId": group_id, **given}
        claimed = given.pop("claimed_groups", None)
        values = {
            "person": person,
            "role": role,
            "kind": kind,
            "format": format,
            "claimed_groups": claimed,
            "group_id": group_id,
            "user_id": given.get("userId"),
            "parameters": Jsonb(given),
        }
        with self.database.connect() as owner:
            row = owner.execute(INSERT, values).fetchone()
        assert row is not None
        return int(str(row[0]))

    async def make(self, export_id: int) -> dict[str, Any]:
        """What became of it."""
        await make_export(self.means, self.storage, export_id)
        return self.of(export_id)

    def of(self, export_id: int) -> dict[str, Any]:
        (row,) = self.row("SELECT to_jsonb(e) FROM exports e WHERE id = %s", export_id)
        return dict(row)

    def row(self, statement: str, *values: object) -> tuple[Any, ...]:
        with self.database.connect() as owner:
            row = owner.execute(statement.encode(), values).fetchone()
        assert row is not None
        return row

    def do(self, statement: str) -> None:
        with self.database.connect(None) as admin:
            admin.execute(statement.encode())

    def files(self) -> list[str]:
        """What is in the folder, also hidden and half of it."""
        return sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file())

    @contextmanager
    def held_up(self) -> Iterator[None]:
        """Nobody comes past the beginning of a file meanwhile."""
        with self.database.connect() as owner, owner.transaction():
            owner.execute("LOCK TABLE attempts, lab_topics")
            yield

    async def until(self, condition: str, seconds: float = 30) -> None:
        """A condition on exports holds for some row."""
        async with asyncio.timeout(seconds):
            while not self.row(f"SELECT EXISTS (SELECT FROM exports WHERE {condition})")[0]:  # noqa: ASYNC110
                await asyncio.sleep(0.05)

    async def until_held_up(self) -> None:
        """Somebody waits for what is locked."""
        waiting = """SELECT EXISTS (
          SELECT FROM pg_locks l JOIN pg_database d ON d.oid = l.database
          WHERE d.datname = current_database() AND l.relation IS NOT NULL AND NOT l.granted)"""
        async with asyncio.timeout(30):
            while not self.row(waiting)[0]:  # noqa: ASYNC110
                await asyncio.sleep(0.05)


@pytest.fixture
async def workshop(school: Database, engine: AsyncEngine, tmp_path: Path) -> Workshop:
    return Workshop(school, engine, tmp_path / "files")
