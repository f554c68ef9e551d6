"""Deliveries of exports: what requesters see of them, and what the worker does about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any, NamedTuple

import orjson
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from db.delivery_targets import DeliveryChannel, masked
from db.dependencies import Dependency
from db.keyset import among
from db.models.reports import deliveries
from db.snapshot import Snapshot
from db.statement import Statement


class DeliveryStatus(StrEnum):
    """What became of a delivery."""

    PENDING = "PENDING"
    SENT = "SENT"
    FAILED = "FAILED"


class DeliveryRow(NamedTuple):
    """``masked`` is what may be shown of the target."""

    export_id: int
    channel: str
    masked: str
    attach: bool
    status: str
    tries: int
    error: str | None
    sent_at: datetime | None


@dataclass(frozen=True, slots=True)
class Target:
    """To whom, by which channel, and whether the file goes with it. ``secret``: what a webhook is signed with."""

    channel: DeliveryChannel
    target: str = field(repr=False)
    secret: str | None = field(default=None, repr=False)
    attach: bool = False

    def digest(self) -> dict[str, Any]:
        """What tells it from others, and is of no use otherwise."""
        return {
            "channel": self.channel.value,
            "attach": self.attach,
            "sha256": sha256(orjson.dumps([self.target, self.secret])).hexdigest(),
        }

    def columns(self) -> dict[str, Any]:
        return {
            "channel": self.channel.value,
            "target": self.target,
            "secret": self.secret,
            "masked": masked(self.channel, self.target),
            "attach": self.attach,
        }


DELIVERIES_BY_EXPORT = Statement(
    select(*(deliveries.c[name] for name in DeliveryRow._fields))
    .where(among(deliveries.c.export_id, "ids"))
    .order_by(deliveries.c.id),
    Dependency("export", "ids"),
)
MAY_DELIVER_TO = text("SELECT viewer_may_deliver_to(:address, CAST(:group_ids AS bigint[]), CAST(:user_id AS bigint))")
_VALUES = "channel, target, secret, masked, attach) VALUES (:organization_id, :key, :channel, :target, :secret, :masked, :attach)"
INSERT = text(f"INSERT INTO deliveries (organization_id, export_id, {_VALUES}")
INSERT_OF_SCHEDULE = text(f"INSERT INTO schedule_deliveries (organization_id, schedule_id, {_VALUES}")
DELETE_OF_SCHEDULE = text("DELETE FROM schedule_deliveries WHERE schedule_id = :key")


async def get_deliveries(snapshot: Snapshot, export_ids: Sequence[int]) -> list[DeliveryRow]:
    return [DeliveryRow(*row) for row in await snapshot.rows(DELIVERIES_BY_EXPORT, ids=export_ids)]


async def may_deliver_to(
    connection: AsyncConnection, address: str, group_ids: Sequence[int], user_id: int | None
) -> bool:
    """Whether an address is that of somebody who may see what the viewer is shown of these led groups and this person."""
    values = {"address": address, "group_ids": list(group_ids), "user_id": user_id}
    return bool((await connection.execute(MAY_DELIVER_TO, values)).scalar_one())


async def insert_deliveries(
    connection: AsyncConnection, organization_id: int, export_id: int, targets: Sequence[Target]
) -> None:
    for target in targets:
        await connection.execute(INSERT, {"organization_id": organization_id, "key": export_id, **target.columns()})


async def replace_deliveries_of_schedule(
    connection: AsyncConnection, organization_id: int, schedule_id: int, targets: Sequence[Target]
) -> None:
    await connection.execute(DELETE_OF_SCHEDULE, {"key": schedule_id})
    for target in targets:
        await connection.execute(
            INSERT_OF_SCHEDULE, {"organization_id": organization_id, "key": schedule_id, **target.columns()}
        )


# As the worker

FIND = text("""
SELECT d.id, d.organization_id, o.slug AS organization, d.channel, d.target, d.secret, d.attach, d.tries + 1 AS tries, e.id AS export_id, e.requested_by,
  e.subject, e.role, e.claimed_groups, e.user_id, e.kind, e.format, e.status, e.run, e.file_name, e.byte_size, e.row_count,
  e.as_of, e.expires_at, e.reads_groups, e.failure_message, e.is_late, r.title,
  e.parameters ->> 'timeZone' AS time_zone
FROM deliveries d JOIN exports e ON e.id = d.export_id JOIN organizations o ON o.id = d.organization_id
LEFT JOIN reports r ON r.id = e.report_id
WHERE d.id = :id AND d.status = 'PENDING' AND e.status IN ('READY', 'FAILED')
""")
END = text("""
UPDATE deliveries SET status = CAST(:status AS text), error = :error, tries = tries + 1,
  sent_at = CASE WHEN CAST(:status AS text) = 'SENT' THEN clock_timestamp() END
WHERE id = :id AND status = 'PENDING'
""")
MAY_SEE = text("""
SELECT person_may_see_export(:address, :organization_id, CAST(:requested_by AS bigint), :role, CAST(:group_ids AS bigint[]),
  CAST(:user_id AS bigint))
""")
# A job that nobody has any more: it was removed by hand, or given up.
QUEUE_LOST = text("""
SELECT enqueue_job('notify', 'deliveries:send', jsonb_build_object('delivery_id', d.id, 'organization_id', d.organization_id))
FROM deliveries d JOIN exports e ON e.id = d.export_id
WHERE d.status = 'PENDING' AND (e.status = 'READY' OR (e.status = 'FAILED' AND e.due_at IS NOT NULL)) AND NOT EXISTS (
  SELECT FROM jobs.procrastinate_jobs j
  WHERE j.task_name = 'deliveries:send' AND j.status IN ('todo', 'doing') AND j.args ->> 'delivery_id' = d.id::text)
""")


class Undelivered(NamedTuple):
    """A delivery that is to be tried for the ``tries``th time, and the export that it is about. ``title`` is that of the saved report, if there is one."""

    id: int
    organization_id: int
    organization: str
    channel: str
    target: str
    secret: str | None
    attach: bool
    tries: int
    export_id: int
    requested_by: int | None
    subject: str
    role: str
    claimed_groups: list[str] | None
    user_id: int | None
    kind: str
    format: str
    status: str
    run: str | None
    file_name: str | None
    byte_size: int | None
    row_count: int | None
    as_of: datetime | None
    expires_at: datetime | None
    reads_groups: list[int]
    failure_message: str | None
    is_late: bool
    title: str | None
    time_zone: str | None


async def find_undelivered(connection: AsyncConnection, key: int) -> Undelivered | None:
    """None where there is nothing to be delivered, or not any more."""
    row = (await connection.execute(FIND, {"id": key})).one_or_none()
    return Undelivered(*row) if row else None


async def note_try(connection: AsyncConnection, key: int, status: DeliveryStatus, error: str | None) -> None:
    """What came of it. PENDING with an error: it is tried again."""
    await connection.execute(END, {"id": key, "status": status.value, "error": error})


async def may_see(connection: AsyncConnection, delivery: Undelivered) -> bool:
    """Whether the address that an export is delivered to is that of somebody who may see now what is in it."""
    values = {
        "address": delivery.target,
        "organization_id": delivery.organization_id,
        "requested_by": delivery.requested_by,
        "role": delivery.role,
        "group_ids": delivery.reads_groups,
        "user_id": delivery.user_id,
    }
    return bool((await connection.execute(MAY_SEE, values)).scalar_one())


async def queue_lost_deliveries(connection: AsyncConnection) -> int:
    """Asks anew for jobs of deliveries that are due and have none; how many."""
    return len((await connection.execute(QUEUE_LOST)).all())
