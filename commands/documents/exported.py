"""Registered documents as a worker exports them: with the rights of whoever asked, all pages from one snapshot."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import asyncpg
from graphql import ExecutionResult

from auth import Claims, Role
from db.changes import Changes
from db.engine import DatabaseUnavailable, ReadPool, write_engine
from db.entering import Caller, UnknownCaller
from db.export_parameters import DocumentGone
from db.queries.trusted_documents import get_registered_body
from db.snapshot import Snapshot
from execution.lists import DocumentList, ListColumn, ListFailed, NoList, list_of
from execution.operations import Operation, RequestErrors
from execution.refusals import Refusal
from resolvers.context import Context, Services
from resolvers.errors import ClientError
from schema.graph import graph
from schema.relay import LARGEST_PAGE
from settings import DatabaseRole, Settings

FATAL = (UnknownCaller, DatabaseUnavailable, asyncpg.QueryCanceledError)


class ExportedDocuments:
    """Of one process. Holds no connection while nothing is exported, and only one's own snapshot is read from."""

    def __init__(self, settings: Settings) -> None:
        assert settings.database_url is not None
        self._services = Services(
            settings=settings,
            read_pool=ReadPool(
                settings.database_url, DatabaseRole.API, size=1, statement_timeout=settings.statement_timeout
            ),
            write_engine=write_engine(settings.database_url, DatabaseRole.API, pool_size=1),
            changes=Changes(None),
            user_progress=None,
        )

    async def ask(
        self, snapshot: Snapshot, caller: Caller, document_id: str, variables: Mapping[str, Any]
    ) -> AskedDocument:
        """Raises DocumentGone."""
        text = await get_registered_body(snapshot, document_id)
        if text is None:
            raise DocumentGone
        try:
            found = list_of(graph.operations, graph.schema, text, LARGEST_PAGE)
        except (NoList, RequestErrors, Refusal) as error:
            # It was one when it was asked for: the schema has changed since.
            raise DocumentGone from error
        return AskedDocument(self._services, found, snapshot, caller, variables)


@dataclass(frozen=True)
class AskedDocument:
    services: Services
    asked: DocumentList
    snapshot: Snapshot
    caller: Caller
    variables: Mapping[str, Any]

    @property
    def title(self) -> str:
        return self.asked.title

    @property
    def columns(self) -> Sequence[ListColumn]:
        return self.asked.columns

    async def pages(self) -> AsyncIterator[list[list[Any]]]:
        """Raises DocumentGone, UnknownCaller, DatabaseUnavailable, asyncpg.QueryCanceledError."""
        try:
            async for page in self.asked.pages(self._run, self.variables):
                yield page
        except LookupError as error:
            raise DocumentGone from error
        except ListFailed as failed:
            for cause in failed.causes:
                if isinstance(cause, FATAL):
                    raise cause from failed
            if any(isinstance(cause, ClientError) for cause in failed.causes):
                raise DocumentGone from failed
            raise

    async def _run(self, operation: Operation, variables: dict[str, Any]) -> ExecutionResult:
        # Of each page, so that what was loaded for one goes with it.
        context = Context(self.services, self._claims(), within=self.snapshot)
        return await graph.executor.run(operation, variables, context)

    def _claims(self) -> Claims:
        caller = self.caller
        # The export decides for how long it runs.
        forever = datetime.max.replace(tzinfo=UTC)
        return Claims(caller.organization, caller.subject, Role(caller.role), caller.group_ids, forever)
