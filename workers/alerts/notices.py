"""Sends a notice of an alert by one channel to one target; tried again for an hour where it is not taken."""

from __future__ import annotations

from procrastinate import Blueprint, JobContext, RetryStrategy

from db.delivery_targets import DeliveryChannel
from db.queries.alert_judging import Told, list_told
from settings import Settings
from workers.alerts.targets import targets_of
from workers.deliveries.channels import send_notice
from workers.deliveries.notice import Notice
from workers.failures import JobFailed
from workers.means import Queue, means_of
from workers.webhook_post import NotDelivered

MOST_RETRIES = 5
PAUSE_BASE_SECONDS = 5
"""5, 25, 125, 625, 3125 seconds between tries."""

KIND = "metrics.alert"

jobs = Blueprint()


class NotTaken(JobFailed):
    """It may be taken another time."""


RETRY = RetryStrategy(max_attempts=MOST_RETRIES, exponential_wait=PAUSE_BASE_SECONDS, retry_exceptions={NotTaken})


@jobs.task(name="notify", queue=Queue.NOTIFY, pass_context=True, retry=RETRY)
async def notify_now(
    context: JobContext, alert_id: int, has_ended: bool, channel: str, place: int, organization_id: int | None = None
) -> None:
    """``place`` is that of the target among those of the channel: where it is, is a secret of the settings."""
    means = means_of(context)
    async with means.engine.connect() as connection:
        told = await list_told(connection, [alert_id])
    targets = targets_of(means.settings, DeliveryChannel(channel))
    if not told or place >= len(targets):
        # The alert is forgotten, or nothing is to be sent there any more.
        return
    target = targets[place]
    notice = notice_of(means.settings, told[0], has_ended=has_ended)
    try:
        await send_notice(means.settings, DeliveryChannel(channel), target.address, notice, secret=target.secret)
    except NotDelivered as error:
        kind = JobFailed if error.is_final else NotTaken
        raise kind(error.reason) from error


def notice_of(settings: Settings, alert: Told, *, has_ended: bool) -> Notice:
    """What people read of it."""
    about = f"{alert.rule} ({alert.subject})" if alert.subject else alert.rule
    lines = [alert.summary, f"Rule: {alert.condition}", f"Measured: {alert.value:.6g} when it fired"]
    if alert.subject:
        lines.append(f"Of: {alert.subject}")
    lines.append(f"It began at {alert.started_at:%Y-%m-%d %H:%M:%S} UTC.")
    if has_ended and alert.resolved_at is not None:
        lines.append(f"It ended at {alert.resolved_at:%Y-%m-%d %H:%M:%S} UTC.")
    state = "RESOLVED" if has_ended else alert.severity
    return Notice(
        title=f"[{state}] {about}",
        text="\n".join(line for line in lines if line),
        link=settings.public_url,
        kind=KIND,
        key=f"alert-{alert.id}-{'resolved' if has_ended else 'firing'}",
    )
