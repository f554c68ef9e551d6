"""Asks the graph as somebody, on real servers, and says which SQL it took."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg

from auth import Claims, Role
from db.changes import Changes
from db.engine import ReadPool, write_engine
from resolvers.context import Context, Services
from resolvers.user_progress import UserProgress
from schema.graph import graph
from schema.relay import global_id
from settings import DatabaseRole, Settings
from tests.conftest import Database, Servers


@dataclass
class Answer:
    """``statements`` are the reads that it took, in order, without BEGIN, ROLLBACK, and those that only say who somebody is."""

    data: dict[str, Any] | None
    errors: list[dict[str, Any]]
    statements: list[str] = field(default_factory=list)

    @property
    def codes(self) -> list[str]:
        return [error["extensions"]["code"] for error in self.errors]


def is_read(statement: str) -> bool:
    """Whether it is more than the beginning or end of a transaction, or who somebody is."""
    # A new connection also asks about types that it meets for the first time, with JIT off meanwhile.
    about_types = "typeinfo_tree" in statement or "'jit'" in statement
    about_who = "find_viewer(" in statement and "entered AS" not in statement
    return not about_types and not about_who and not statement.startswith(("BEGIN", "ROLLBACK"))


class RecordingPool(ReadPool):
    """Notes every statement that its connections run."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.statements: list[str] = []

    async def _take(self) -> asyncpg.Connection[asyncpg.Record]:
        connection = await super()._take()
        connection._query_loggers.clear()
        connection.add_query_logger(self._note)
        return connection

    def _note(self, query: asyncpg.connection.LoggedQuery) -> None:
        if is_read(query.query):
            self.statements.append(query.query)


class Asker:
    """``ask(document, person="ada", role="TEACHER")`` runs a document as that person of ``north``."""

    def __init__(self, database: Database, servers: Servers, user_progress: UserProgress | None = None) -> None:
        settings = Settings(database_url=database.url, redis_url=servers.redis_url)
        self.database = database
        self.pool = RecordingPool(database.url, DatabaseRole.API, size=5, statement_timeout=10)
        self.services = Services(
            settings, self.pool, write_engine(database.url, DatabaseRole.API), Changes(database.url), user_progress
        )

    def context(self, person: str | None, role: str, organization: str = "north", **claims: Any) -> Context:
        """person None: no token at all."""
        if person is None:
            return Context(self.services, None)
        expires_at = datetime.now(UTC) + timedelta(hours=1)
        return Context(
            self.services,
            Claims(
                organization=organization,
                subject=person,
                role=Role(role),
                group_ids=claims.get("group_ids"),
                expires_at=expires_at,
            ),
        )

    async def __call__(
        self,
        document: str,
        variables: dict[str, Any] | None = None,
        *,
        person: str | None = "ada",
        role: str = "TEACHER",
        organization: str = "north",
        **claims: Any,
    ) -> Answer:
        self.pool.statements.clear()
        context = self.context(person, role, organization, **claims)
        result = await graph.execute(document, variable_values=variables, context_value=context)
        # asyncpg tells of a statement when the event loop comes round.
        await asyncio.sleep(0)
        return Answer(result.data, [error.formatted for error in result.errors or []], list(self.pool.statements))  # type: ignore[misc]

    def key(self, table: str, external_id: str, organization: str = "north") -> int:
        """The row id behind an external id (or a lab's type, a level's position)."""
        column = {"labs": "type", "levels": "position::text"}.get(table, "external_id")
        with self.database.connect(None) as connection:
            row = connection.execute(
                f"SELECT t.id FROM {table} t JOIN organizations o ON o.id = t.organization_id WHERE o.slug = %s AND {column} = %s",
                (organization, external_id),
            ).fetchone()
        assert row is not None
        return int(str(row[0]))

    def id(self, kind: str, external_id: str, organization: str = "north") -> str:
        """The global id of a User, Group, Topic, Lab or Level."""
        return global_id(kind, self.key(f"{kind.lower()}s", external_id, organization))

    async def aclose(self) -> None:
        await self.services.changes.aclose()
        await self.pool.aclose()
        await self.services.write_engine.dispose()
