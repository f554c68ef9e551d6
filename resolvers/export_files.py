"""Who may have the file of an export, decided anew each time: as whoever asks is now, not as they were when it was made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from db.entering import UnknownCaller
from db.queries.export_jobs import (
    MEDIA_TYPES,
    ExportFormat,
    ExportRow,
    ExportStatus,
    file_key,
    get_export_sent_to_viewer,
)
from resolvers.context import Context
from resolvers.errors import ClientError, NotFound
from resolvers.export_jobs import resolve_export
from resolvers.export_links import LinkRefused, check_link


class NotReady(ClientError):
    code = "INVALID_STATE"

    def __init__(self, status: str) -> None:
        super().__init__("There is no file of this export.", state=status)


class RightsGone(ClientError):
    code = "PERMISSION_REVOKED"

    def __init__(self) -> None:
        super().__init__("You may no longer see what is in this file.")


class Expired(ClientError):
    code = "EXPIRED"

    def __init__(self) -> None:
        super().__init__("This file was kept for a while, and is gone.")


@dataclass(frozen=True, slots=True)
class ExportFile:
    """``id`` is that of the export, ``key`` where the file is in the storage."""

    id: int
    key: str
    name: str
    media_type: str
    manifest: dict[str, Any]


async def resolve_export_file(context: Context, key: int, link: str | None = None) -> ExportFile:
    """``link`` is what the context's claims were read from, where that is no token. Raises NotFound, NotReady, Expired, RightsGone,
    LinkRefused, Unauthenticated, UnknownCaller.
    """
    row = await _row(context, key, link)
    if row.status == ExportStatus.EXPIRED or (
        row.expires_at is not None and row.expires_at <= await context.snapshot.at()
    ):
        raise Expired
    if row.status != ExportStatus.READY:
        raise NotReady(row.status)
    if not row.may_read:
        raise RightsGone
    assert row.run is not None
    assert row.file_name is not None
    assert row.manifest is not None
    return ExportFile(
        row.id, file_key(row.id, row.run), row.file_name, MEDIA_TYPES[ExportFormat(row.format)], row.manifest
    )


async def _row(context: Context, key: int, link: str | None) -> ExportRow:
    if link is None:
        return await _own_or_sent(context, key)
    try:
        row = await resolve_export(context, key)
    except (NotFound, UnknownCaller):
        # Nothing is told to who may have made the link up.
        raise LinkRefused from None
    check_link(link, row)
    return row


async def _own_or_sent(context: Context, key: int) -> ExportRow:
    try:
        return await resolve_export(context, key)
    except NotFound:
        row = await get_export_sent_to_viewer(context.snapshot, key)
        if row is None:
            raise
        return row
