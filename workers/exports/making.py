"""Makes the file of an export: as its requester, from one snapshot."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from db.engine import ReadPool
from db.entering import Caller, UnknownCaller
from db.export_parameters import DocumentGone, DocumentParameters, ExportKind
from db.queries.export_jobs import ExportFormat, groups_shown, may_have
from db.queries.export_runs import Claimed, Made
from db.snapshot import Snapshot
from settings import DatabaseRole
from workers.exports import csv_file, documents, json_file, xlsx_file
from workers.exports.content import Dialect, Options, Report, Written
from workers.exports.documents import DocumentReader, Documents
from workers.exports.kinds.asking import Asking
from workers.exports.kinds.errors import Forbidden, NotFound
from workers.exports.kinds.registry import report_of
from workers.exports.pdf import file as pdf_file
from workers.exports.reading import ReportReader

STATEMENT_SECONDS = 600.0
LONGEST_NAME = 200
"""Bytes of the title in a file name: file systems take 255 in all, with the day and what is beside the file."""
# What some system does not take in a file name.
UNFIT = re.compile(r'[\x00-\x1f\x7f-\x9f/\\:*?"<>|\u2028\u2029\ud800-\udfff]+')
# What makes a name look like another. Joiners are not among it: some scripts cannot be written without them.
UNSEEN = re.compile(r"[\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]+")

Write = Callable[[Report, ReportReader, Options, Path], Awaitable[Written]]

WRITERS: dict[ExportFormat, Write] = {
    ExportFormat.CSV: csv_file.write,
    ExportFormat.XLSX: xlsx_file.write,
    ExportFormat.PDF: pdf_file.write,
    ExportFormat.JSON: json_file.write,
}


class RightsGone(Exception):
    """The requester may not, or no longer, see what they asked for."""


class Making:
    """One run. ``rows_read`` says how far it is. ``as_of``: the instant that the file is to name, where it is made again to be
    held against one from then.
    """

    def __init__(
        self,
        database_url: str,
        export: Claimed,
        documents: Callable[[], Documents] | None = None,
        *,
        as_of: datetime | None = None,
    ) -> None:
        self._database_url = database_url
        self._export = export
        self._documents = documents
        self._as_of = as_of
        self._reader: ReportReader | None = None

    @property
    def rows_read(self) -> int:
        return self._reader.rows_read if self._reader else 0

    async def make(self, path: Path, most_bytes: int) -> Made:
        """Writes the file, and what belongs to it beside it.

        Raises RightsGone, TooLarge, OSError, DatabaseUnavailable, asyncpg.QueryCanceledError.
        """
        export = self._export
        options = Options(Dialect(export.dialect or Dialect.EXCEL), most_bytes)
        pool = ReadPool(self._database_url, DatabaseRole.API, size=1, statement_timeout=STATEMENT_SECONDS)
        try:
            async with self._as_requester(pool) as snapshot:
                reads_groups = await _allowed_groups(snapshot, export)
                report, self._reader = await self._asked(snapshot)
                report = replace(report, export_id=export.id, as_of=self._as_of or report.as_of)
                written = await WRITERS[ExportFormat(export.format)](report, self._reader, options, path)
            async with self._as_requester(pool) as snapshot:
                # It took a while: what was theirs to see may no longer be.
                await _refuse_unless_theirs(snapshot, export, reads_groups)
        except (UnknownCaller, NotFound, Forbidden, DocumentGone) as error:
            raise RightsGone from error
        finally:
            await pool.aclose()
        return Made(
            file_name=file_name(report, ExportFormat(export.format)),
            as_of=report.as_of,
            row_count=written.rows,
            byte_size=written.bytes,
            sha256=written.sha256,
            neutralized=written.neutralized,
            truncated=written.truncated,
            reads_groups=reads_groups,
            manifest=written.manifest,
        )

    async def _asked(self, snapshot: Snapshot) -> tuple[Report, ReportReader]:
        kind, parameters = ExportKind(self._export.kind), self._export.parameters
        if kind is not ExportKind.DOCUMENT:
            return await report_of(kind, parameters, snapshot), ReportReader(snapshot)
        assert self._documents is not None
        asked = DocumentParameters.model_validate(parameters)
        document = await self._documents().ask(snapshot, self._caller, asked.document_id, asked.variables)
        report = documents.report_of(await Asking.of(snapshot, asked), document, asked)
        return report, DocumentReader(snapshot, document)

    @property
    def _caller(self) -> Caller:
        export = self._export
        groups = None if export.claimed_groups is None else tuple(export.claimed_groups)
        return Caller(export.organization, export.subject, export.role, groups)

    @asynccontextmanager
    async def _as_requester(self, pool: ReadPool) -> AsyncIterator[Snapshot]:
        snapshot = Snapshot(pool, self._caller)
        try:
            yield snapshot
        finally:
            await snapshot.aclose()


async def _allowed_groups(snapshot: Snapshot, export: Claimed) -> list[int]:
    """The groups whose rows the file shows because the requester leads them. Raises UnknownCaller, RightsGone."""
    viewer = await snapshot.viewer()
    groups = groups_shown(export.group_id, export.user_id, viewer.group_ids)
    await _refuse_unless_theirs(snapshot, export, groups)
    return groups


async def _refuse_unless_theirs(snapshot: Snapshot, export: Claimed, groups: list[int]) -> None:
    if not await may_have(snapshot, export.role, groups, export.user_id):
        raise RightsGone


def file_name(report: Report, format: ExportFormat) -> str:
    """Such as ``Group report - Algebra 1 2026-03-01.csv``: the title, and the day of its instant."""
    title = (
        UNFIT.sub(" - ", UNSEEN.sub("", report.title.replace(": ", " - ")))
        .encode()[:LONGEST_NAME]
        .decode(errors="ignore")
    )
    title = title.strip(" .-") or "export"
    return f"{title} {report.as_of:%Y-%m-%d}.{format.extension}"
