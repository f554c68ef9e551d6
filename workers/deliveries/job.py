"""The job that delivers an export: at least once, and again later where it was not taken.

Before each try it is found out anew whether the requester, and whoever has an address of the organization, may still see what is in
the file: what is not theirs any more is not sent.
"""

from __future__ import annotations

from zoneinfo import ZoneInfo

import structlog
from procrastinate import Blueprint, JobContext

from db.delivery_targets import DeliveryChannel, is_of_domains
from db.engine import DatabaseUnavailable, ReadPool
from db.entering import Caller, UnknownCaller
from db.global_ids import global_id
from db.queries.deliveries import DeliveryStatus, Undelivered, find_undelivered, may_see, note_try
from db.queries.export_jobs import MEDIA_TYPES, ExportFormat, ExportStatus, file_key, may_have
from db.snapshot import Snapshot
from settings import DatabaseRole
from workers.deliveries.channels import send_notice
from workers.deliveries.notice import Attachment, Notice
from workers.exports.storage import Storage, StorageFailed, storage_of
from workers.failures import Postponed, is_outage
from workers.means import Means, Queue, means_of
from workers.webhook_post import NotDelivered

MOST_TRIES = 6
FIRST_PAUSE_SECONDS = 30
"""After a first failure; four times as long after each that follows, about three hours in all: greylisting takes minutes."""
OUTAGE_SECONDS = 5
LARGEST_ATTACHMENT = 5 * 1024 * 1024
"""Bytes. What is larger, mail servers tend to refuse: the link is sent alone."""
STATEMENT_SECONDS = 10.0

jobs = Blueprint()
log = structlog.get_logger(__name__)


@jobs.task(name="send", queue=Queue.NOTIFY, pass_context=True)
async def send_now(context: JobContext, delivery_id: int, organization_id: int) -> None:
    means = means_of(context)
    await deliver(means, storage_of(means.settings), delivery_id)


async def deliver(means: Means, storage: Storage, delivery_id: int) -> None:
    """Tries it once, unless it is over. Raises Postponed where it is to be tried again."""
    async with means.engine.begin() as connection:
        delivery = await find_undelivered(connection, delivery_id)
    if delivery is None:
        return
    try:
        await _refuse_unless_seen(means, delivery)
        notice = await _notice(means, storage, delivery)
        channel = DeliveryChannel(delivery.channel)
        await send_notice(means.settings, channel, delivery.target, notice, secret=delivery.secret)
    except NotDelivered as error:
        await _not_delivered(means, delivery, error)
    except Exception as error:
        if isinstance(error, DatabaseUnavailable) or is_outage(error):
            raise Postponed(OUTAGE_SECONDS) from error
        # Its words may quote the target.
        log.error("delivery_failed", delivery=delivery.id, channel=delivery.channel, error=type(error).__name__)
        await _note(means, delivery, DeliveryStatus.FAILED, "Something went wrong on our side.")
    else:
        await _note(means, delivery, DeliveryStatus.SENT, None)
        log.info("delivered", delivery=delivery.id, export=delivery.export_id, channel=delivery.channel)


async def _not_delivered(means: Means, delivery: Undelivered, error: NotDelivered) -> None:
    """Raises Postponed, but after the last try."""
    is_over = error.is_final or delivery.tries >= MOST_TRIES
    log.warning(
        "not_delivered",
        delivery=delivery.id,
        channel=delivery.channel,
        tries=delivery.tries,
        reason=error.reason,
        is_over=is_over,
    )
    await _note(means, delivery, DeliveryStatus.FAILED if is_over else DeliveryStatus.PENDING, error.reason)
    if not is_over:
        raise Postponed(FIRST_PAUSE_SECONDS * 4 ** (delivery.tries - 1))


async def _note(means: Means, delivery: Undelivered, status: DeliveryStatus, error: str | None) -> None:
    async with means.engine.begin() as connection:
        await note_try(connection, delivery.id, status, error)


async def _refuse_unless_seen(means: Means, delivery: Undelivered) -> None:
    """Raises NotDelivered. That something failed, may be known to whoever was to have it."""
    if delivery.status != ExportStatus.READY:
        return
    if not await _requester_may_see(means, delivery):
        raise NotDelivered("The requester may no longer see what is in it.", is_final=True)
    if delivery.channel == DeliveryChannel.EMAIL and not is_of_domains(delivery.target, means.settings.email_domains):
        async with means.engine.begin() as connection:
            if not await may_see(connection, delivery):
                raise NotDelivered("This address is of nobody who may see what is in it.", is_final=True)


async def _requester_may_see(means: Means, delivery: Undelivered) -> bool:
    assert means.settings.database_url is not None
    groups = None if delivery.claimed_groups is None else tuple(delivery.claimed_groups)
    pool = ReadPool(means.settings.database_url, DatabaseRole.API, size=1, statement_timeout=STATEMENT_SECONDS)
    snapshot = Snapshot(pool, Caller(delivery.organization, delivery.subject, delivery.role, groups))
    try:
        return await may_have(snapshot, delivery.role, delivery.reads_groups, delivery.user_id)
    except UnknownCaller:
        return False
    finally:
        await snapshot.aclose()
        await pool.aclose()


async def _notice(means: Means, storage: Storage, delivery: Undelivered) -> Notice:
    """What is said, with the file where that was asked for. Raises NotDelivered."""
    link = f"{means.settings.public_url}/exports/{global_id('ExportJob', delivery.export_id)}/file"
    what = delivery.title or (delivery.file_name or "Report.").rpartition(".")[0]
    key = f"delivery-{delivery.id}-{delivery.status.lower()}"
    if delivery.status != ExportStatus.READY:
        text = f"This report could not be made. {delivery.failure_message}"
        return Notice(f"{what}: not made", text, means.settings.public_url, kind="export.failed", key=key)
    assert delivery.as_of is not None
    assert delivery.expires_at is not None
    zone = ZoneInfo(delivery.time_zone or "UTC")
    as_of, until = (
        f"{at.astimezone(zone):%Y-%m-%d %H:%M} ({zone.key})" for at in (delivery.as_of, delivery.expires_at)
    )
    lines = [
        f"This report shows what was known at {as_of}, in {delivery.row_count:,} rows.",
        f"The file is kept until {until}. Whoever opens the link has to sign in.",
    ]
    if delivery.is_late:
        lines.insert(0, "This report is late.")
    file = await _attachment(storage, delivery) if delivery.attach else None
    return Notice(what, "\n".join(lines), link, file, kind="export.ready", key=key)


async def _attachment(storage: Storage, delivery: Undelivered) -> Attachment | None:
    """None for a file that is too large to be sent. Raises NotDelivered."""
    assert delivery.run is not None
    assert delivery.byte_size is not None
    assert delivery.file_name is not None
    if delivery.byte_size > LARGEST_ATTACHMENT:
        return None
    try:
        content = await storage.read(file_key(delivery.export_id, delivery.run))
    except StorageFailed:
        raise NotDelivered("The storage does not give the file.") from None
    if content is None:
        raise NotDelivered("The file is gone.", is_final=True)
    return Attachment(delivery.file_name, MEDIA_TYPES[ExportFormat(delivery.format)], content)
