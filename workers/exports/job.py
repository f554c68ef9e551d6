"""The job that makes an export, and the one that forgets old files.

Whatever happens at any point, an export is made by another run or FAILED with a reason; it is READY only once its file is in
the storage as a whole. A worker that is killed leaves a job that another worker runs again.
"""

from __future__ import annotations

import asyncio
import secrets
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

import asyncpg
import structlog
from procrastinate import Blueprint, JobContext

from db.engine import DatabaseUnavailable
from db.queries.export_jobs import MEDIA_TYPES, ExportFormat, FailureCode, file_key, folder_of
from db.queries.export_runs import (
    Claimed,
    Made,
    Turn,
    claim_export,
    expire_export,
    fail_export,
    finish_export,
    forget_exports,
    go_on,
    list_expired,
    put_back,
    queue_lost_exports,
)
from workers.exports.content import TooLarge
from workers.exports.counting import count_not_made, count_ready
from workers.exports.making import Making, RightsGone
from workers.exports.storage import Storage, StorageFailed, storage_of
from workers.failures import Postponed, is_outage
from workers.means import Means, Queue, means_of

MOST_TRIES = 3
FIRST_PAUSE_SECONDS = 5
"""After a first failure; four times as long after the next."""
TURN_SECONDS = 1
"""After which an export that waits for others of its organization looks again."""
TICK_SECONDS = 1.0
"""How often a run says how far it is, and learns that it was cancelled."""
ROWS_HALFWAY = 20_000
"""Nobody knows how many rows there will be: the share that is shown as done comes ever nearer to all of it."""
FOLDER = "scoregraph-export-"
FOLDER_SECONDS = 24 * 3600
"""After which nobody writes into a folder any more."""

jobs = Blueprint()
log = structlog.get_logger(__name__)


class _Lost(Exception):
    """It was cancelled, or another run has it."""


@jobs.task(name="make", queue=Queue.EXPORTS, pass_context=True)
async def make_now(context: JobContext, export_id: int, organization_id: int) -> None:
    means = means_of(context)
    await make_export(means, storage_of(means.settings), export_id)


@jobs.task(name="expire", queue=Queue.EXPORTS, queueing_lock="exports:expire", pass_context=True)
async def expire_now(context: JobContext, timestamp: int) -> None:
    means = means_of(context)
    await expire_exports(means, storage_of(means.settings))


async def make_export(means: Means, storage: Storage, export_id: int) -> None:
    """Makes it, unless it is over. Raises Postponed where it is to be tried again."""
    settings = means.settings
    async with means.engine.begin() as connection:
        claimed = await claim_export(
            connection,
            export_id,
            secrets.token_hex(8),
            most_at_once=settings.max_concurrent_reports,
            most_tries=MOST_TRIES,
        )
    match claimed:
        case Turn.LATER:
            raise Postponed(TURN_SECONDS)
        case Turn.OVER:
            await _remove(storage, folder_of(export_id))
        case Claimed():
            await _run(means, storage, claimed)


async def _run(means: Means, storage: Storage, export: Claimed) -> None:
    started = time.monotonic()
    try:
        # What runs before this one may have left.
        await storage.remove(folder_of(export.id))
        made = await _make_while_held(means, storage, export)
        async with means.engine.begin() as connection:
            is_ready = await finish_export(connection, export, made, means.settings.export_ttl_hours * 3600)
        if not is_ready:
            raise _Lost
        count_ready(export.format, time.monotonic() - started)
        log.info("export_ready", export=export.id, kind=export.kind, rows=made.row_count, bytes=made.byte_size)
    except _Lost:
        log.info("export_given_up", export=export.id)
        await _remove(storage, folder_of(export.id, export.run))
    except asyncio.CancelledError:
        await asyncio.shield(_put_back(means, export, counts=False))
        raise
    except RightsGone:
        await _fail(means, storage, export, FailureCode.PERMISSION_REVOKED, "You may no longer see what this is about.")
    except TooLarge:
        message = f"The file would be larger than {means.settings.max_report_mb} MiB. Ask for less."
        await _fail(means, storage, export, FailureCode.TOO_LARGE, message)
    except asyncpg.QueryCanceledError:
        await _fail(means, storage, export, FailureCode.TIMEOUT, "It took too long. Ask for less.")
    except (StorageFailed, OSError) as error:
        await _try_again(means, storage, export, error)
    except Exception as error:
        if isinstance(error, DatabaseUnavailable) or is_outage(error):
            # The export stays as it is, and its job is run again.
            raise Postponed(TURN_SECONDS) from error
        log.error("export_failed", export=export.id, kind=export.kind, exc_info=error)
        await _fail(means, storage, export, FailureCode.INTERNAL, "Something went wrong on our side.")


async def _make_while_held(means: Means, storage: Storage, export: Claimed) -> Made:
    """Makes the file and stores it, for as long as this run holds the export. Raises _Lost, and as the parts do."""
    assert means.settings.database_url is not None
    making = Making(means.settings.database_url, export, means.documents)
    async with _folder() as folder:
        work = asyncio.create_task(_make_and_store(means, storage, export, making, folder))
        watch = asyncio.create_task(_watch(means, export, making))
        try:
            await asyncio.wait((work, watch), return_when=asyncio.FIRST_COMPLETED)
            # Whoever watches ends only when there is nothing to be made any more.
            return await (work if work.done() else watch)
        finally:
            for task in (work, watch):
                task.cancel()
            await asyncio.gather(work, watch, return_exceptions=True)


async def _make_and_store(means: Means, storage: Storage, export: Claimed, making: Making, folder: Path) -> Made:
    made = await making.make(folder / "file", means.settings.max_report_mb * 1024 * 1024)
    media_type = MEDIA_TYPES[ExportFormat(export.format)]
    await storage.put(folder / "file", file_key(export.id, export.run), made.file_name, media_type)
    return made


async def _watch(means: Means, export: Claimed, making: Making) -> Made:
    """Says now and then how far it is. Raises _Lost."""
    while True:
        await asyncio.sleep(TICK_SECONDS)
        rows = making.rows_read
        async with means.engine.begin() as connection:
            if not await go_on(connection, export, rows / (rows + ROWS_HALFWAY)):
                raise _Lost


async def _try_again(means: Means, storage: Storage, export: Claimed, error: Exception) -> None:
    """Raises Postponed, but after the last try."""
    log.warning("export_not_stored", export=export.id, tries=export.tries, error=str(error) or type(error).__name__)
    if export.tries >= MOST_TRIES:
        await _fail(means, storage, export, FailureCode.STORAGE, "The file could not be stored.")
        return
    await _put_back(means, export, counts=True)
    count_not_made(FailureCode.STORAGE)
    raise Postponed(FIRST_PAUSE_SECONDS * 4 ** (export.tries - 1))


async def _put_back(means: Means, export: Claimed, *, counts: bool) -> None:
    async with means.engine.begin() as connection:
        await put_back(connection, export, counts=counts)


async def _fail(means: Means, storage: Storage, export: Claimed, code: FailureCode, message: str) -> None:
    async with means.engine.begin() as connection:
        has_failed = await fail_export(connection, export, code, message)
    if has_failed:
        count_not_made(code)
        log.info("export_not_made", export=export.id, kind=export.kind, code=code.value)
    await _remove(storage, folder_of(export.id, export.run))


async def _remove(storage: Storage, folder: str) -> None:
    """What is left where nothing will come of it; where that fails, nobody is told of it."""
    with suppress(StorageFailed):
        await storage.remove(folder)


async def expire_exports(means: Means, storage: Storage) -> None:
    """Removes files whose time is over, asks anew for exports that nobody makes, and forgets what was over long ago. Raises
    StorageFailed.
    """
    async with means.engine.begin() as connection:
        lost = await queue_lost_exports(connection)
        expired = await list_expired(connection)
        forgotten = await forget_exports(connection, means.settings.export_retention_days)
    for export_id in expired:
        # First the file: one that cannot be removed is tried again.
        await storage.remove(folder_of(export_id))
        async with means.engine.begin() as connection:
            await expire_export(connection, export_id)
    if expired or lost or forgotten:
        log.info("exports_expired", exports=len(expired), queued_again=len(lost), forgotten=forgotten)


@asynccontextmanager
async def _folder() -> AsyncIterator[Path]:
    """An empty one, on this machine, for as long as the block lasts."""
    await asyncio.to_thread(_forget_old_folders)
    with TemporaryDirectory(prefix=FOLDER) as folder:
        yield Path(folder)


def _forget_old_folders() -> None:
    """Those of workers that were killed."""
    for path in Path(gettempdir()).glob(f"{FOLDER}*"):
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > FOLDER_SECONDS:
                shutil.rmtree(path)
