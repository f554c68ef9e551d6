"""Trusted documents: read by every gateway whoever asks, written by the operator."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime

import asyncpg
import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from db.engine import DatabaseUnavailable, ReadPool
from db.snapshot import Snapshot
from db.statement import sql

CHANGE_TAG = "documents"
"""What triggers tell when documents are registered or removed."""

MOST_DOCUMENTS = 20_000
"""Every gateway keeps all names in memory."""


@dataclass(frozen=True, slots=True)
class TrustedDocument:
    """``id`` is the SHA-256 of the body in hexadecimal; ``operations`` are the names of those that have one."""

    id: str
    body: str
    operations: tuple[str, ...]
    aliases: tuple[str, ...] = ()
    app: str | None = None
    app_version: str | None = None
    registered_at: datetime | None = None


class AliasTaken(Exception):
    """Another document is called so already. ``aliases`` are those concerned, in order."""

    def __init__(self, aliases: list[str]) -> None:
        super().__init__(", ".join(aliases))
        self.aliases = aliases


class TooManyDocuments(Exception):
    """There would be more than MOST_DOCUMENTS."""


NAMES = sql("""
SELECT id, id FROM trusted_documents
UNION ALL
SELECT alias, document_id FROM trusted_document_aliases
""")
NAMED = text("""
SELECT id, body FROM trusted_documents
WHERE id = :name OR id = (SELECT document_id FROM trusted_document_aliases WHERE alias = :name)
""")
BODY = sql("SELECT body FROM trusted_documents WHERE id = :id")

DOCUMENTS = text("""
SELECT d.id, d.body, d.operations,
  ARRAY(SELECT a.alias FROM trusted_document_aliases a WHERE a.document_id = d.id ORDER BY a.alias) AS aliases,
  d.app, d.app_version, d.registered_at
FROM trusted_documents d ORDER BY d.registered_at, d.operations, d.id
""")
# Readers are not held up; a second writer waits.
LOCK = text("LOCK TABLE trusted_documents, trusted_document_aliases IN SHARE ROW EXCLUSIVE MODE")
ADD = text("""
INSERT INTO trusted_documents (id, body, operations, app, app_version)
SELECT id, body, operations, app, app_version FROM jsonb_to_recordset(CAST(:documents AS jsonb))
  AS d (id text, body text, operations text[], app text, app_version text)
ON CONFLICT (id) DO NOTHING RETURNING id
""")
ADD_ALIASES = text("""
INSERT INTO trusted_document_aliases (alias, document_id)
SELECT a.alias, d.id FROM jsonb_to_recordset(CAST(:documents AS jsonb)) AS d (id text, aliases text[])
CROSS JOIN unnest(d.aliases) AS a (alias)
ON CONFLICT (alias) DO NOTHING
""")
ALIASES_OF_OTHERS = text("""
SELECT t.alias FROM jsonb_to_recordset(CAST(:documents AS jsonb)) AS d (id text, aliases text[])
CROSS JOIN unnest(d.aliases) AS a (alias)
JOIN trusted_document_aliases t ON t.alias = a.alias AND t.document_id <> d.id
ORDER BY t.alias
""")
COUNT = text("SELECT count(*) FROM trusted_documents")
REMOVE = text("DELETE FROM trusted_documents WHERE id = ANY (:ids)")


async def get_document_names(pool: ReadPool) -> dict[str, str]:
    """The id of the document by every name that there is: ids themselves, and aliases. Raises DatabaseUnavailable."""
    with _outage():
        async with pool.connection() as connection:
            return dict(await connection.fetch(NAMES.sql))


async def get_document_body(pool: ReadPool, id: str) -> str | None:
    """Raises DatabaseUnavailable."""
    with _outage():
        async with pool.connection() as connection:
            body: str | None = await connection.fetchval(BODY.sql, *BODY.arguments({"id": id}))
            return body


async def get_registered_body(snapshot: Snapshot, id: str) -> str | None:
    """As it is in the snapshot."""
    row = await snapshot.row(BODY, id=id)
    return row[0] if row else None


async def find_document(connection: AsyncConnection, name: str) -> tuple[str, str] | None:
    """The id and body of the document of that id or alias."""
    row = (await connection.execute(NAMED, {"name": name})).one_or_none()
    return (row.id, row.body) if row else None


async def list_documents(connection: AsyncConnection) -> list[TrustedDocument]:
    """All of them, those registered first first."""
    return [
        TrustedDocument(row.id, row.body, tuple(row.operations), tuple(row.aliases), *row[4:])
        for row in await connection.execute(DOCUMENTS)
    ]


async def add_documents(connection: AsyncConnection, documents: Sequence[TrustedDocument]) -> set[str]:
    """Adds what is not there yet, and the aliases of all; gives the ids that are new. The caller rolls back on an error.

    Raises AliasTaken, TooManyDocuments.
    """
    rows = [asdict(document) for document in documents]
    values = {"documents": orjson.dumps(rows).decode()}
    await connection.execute(LOCK)
    added = {row.id for row in await connection.execute(ADD, values)}
    await connection.execute(ADD_ALIASES, values)
    if taken := [row.alias for row in await connection.execute(ALIASES_OF_OTHERS, values)]:
        raise AliasTaken(taken)
    if added and (await connection.execute(COUNT)).scalar_one() > MOST_DOCUMENTS:
        raise TooManyDocuments
    return added


async def remove_documents(connection: AsyncConnection, ids: Sequence[str]) -> None:
    """With their aliases."""
    await connection.execute(REMOVE, {"ids": list(ids)})


@contextmanager
def _outage() -> Iterator[None]:
    try:
        yield
    except (OSError, asyncpg.InterfaceError, asyncpg.PostgresConnectionError, asyncpg.QueryCanceledError) as error:
        raise DatabaseUnavailable("The database connection was lost.") from error
