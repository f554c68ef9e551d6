"""Exports of registered documents: tables that the graph answers with, page by page.

A worker knows nothing of the graph: whoever starts it gives it ``Documents``.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

import orjson

from db.entering import Caller
from db.export_parameters import DocumentParameters
from db.queries.export_cells import Cell
from db.queries.exports.documents import rows_sql
from db.snapshot import Snapshot
from db.streaming import Sink
from workers.exports.content import Column, Kind, Report, Sheet
from workers.exports.kinds.asking import Asking
from workers.exports.reading import ReportReader


class DocumentColumn(Protocol):
    """``kind`` is the value of a ``Kind``."""

    @property
    def name(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def kind(self) -> str: ...


class AskedDocument(Protocol):
    """A document with variables, as its requester asks for it in a snapshot."""

    @property
    def title(self) -> str: ...
    @property
    def columns(self) -> Sequence[DocumentColumn]: ...
    def pages(self) -> AsyncIterator[list[list[Any]]]:
        """All rows, values as they are in JSON in the order of the columns. Raises DocumentGone, UnknownCaller,
        DatabaseUnavailable, asyncpg.QueryCanceledError.
        """
        ...


class Documents(Protocol):
    """Where registered documents are read."""

    async def ask(
        self, snapshot: Snapshot, caller: Caller, document_id: str, variables: Mapping[str, Any]
    ) -> AskedDocument:
        """``snapshot`` is the caller's; everything is read in it. Raises DocumentGone."""
        ...


class DocumentReader(ReportReader):
    """Of a report with one sheet, the document's. Its values are made typed, and cells of CSV, by the database as those of all
    sheets are.
    """

    def __init__(self, snapshot: Snapshot, document: AskedDocument) -> None:
        super().__init__(snapshot)
        self._document = document

    async def batches(self, sheet: Sheet) -> AsyncGenerator[list[tuple[Any, ...]], None]:
        async for page in self._document.pages():
            async for rows in super().batches(_holding(page, sheet)):
                if rows:
                    yield rows

    async def copy(self, sheet: Sheet, cells: Sequence[Cell], end: str, sink: Sink, delimiter: str) -> int:
        rows = 0
        async for page in self._document.pages():
            rows += await super().copy(_holding(page, sheet), cells, end, sink, delimiter)
        return rows


def report_of(asking: Asking, document: AskedDocument, asked: DocumentParameters) -> Report:
    columns = tuple(Column(column.name, column.title, Kind(column.kind)) for column in document.columns)
    sheet = Sheet(document.title, columns, rows_sql([column.kind for column in document.columns]))
    filters = {f"${name}": _said(value) for name, value in asked.variables.items()}
    return replace(asking.report(document.title, filters, [sheet]), subtitle="", filters=filters)


def _said(value: object) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _holding(page: list[list[Any]], sheet: Sheet) -> Sheet:
    return replace(sheet, values=(orjson.dumps(page).decode(),))
