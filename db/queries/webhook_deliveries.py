"""What is to be posted to webhooks, and how that went, as the worker."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, NamedTuple

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from db.queries.outbox import OutgoingEvent

PAUSES = (5, 60, 600, 3600, 3 * 3600, 8 * 3600, 13 * 3600)
"""Seconds after each failed try of a message, a day in all; after one more it is given up."""

MOST_TRIES = len(PAUSES) + 1
LEASE_SECONDS = 60
"""After which a message whose worker says nothing of it is tried by another."""

LONGEST_HOLD_SECONDS = 600
DISABLED_AFTER_SECONDS = 24 * 3600
"""In which a webhook took nothing, of at least MOST_TRIES tries."""

DELIVERY_DAYS = 7

DUE = text("""
SELECT w.id FROM webhooks w
WHERE w.is_enabled AND coalesce(w.held_until <= clock_timestamp(), true) AND NOT w.id = ANY (CAST(:busy AS bigint[]))
  AND EXISTS (SELECT FROM webhook_deliveries d WHERE d.webhook_id = w.id AND d.next_try_at <= clock_timestamp())
ORDER BY w.id LIMIT :most
""")
TARGET = text("""
SELECT w.url, s.secret, w.failures FROM webhooks w JOIN webhook_secrets s ON s.webhook_id = w.id
WHERE w.id = :webhook_id AND w.is_enabled
""")
CLAIM = text("""
WITH due AS (
  SELECT id FROM webhook_deliveries WHERE webhook_id = :webhook_id AND next_try_at <= clock_timestamp()
  ORDER BY next_try_at, id LIMIT :most FOR UPDATE SKIP LOCKED
), claimed AS (
  UPDATE webhook_deliveries d SET tries = tries + 1, next_try_at = clock_timestamp() + make_interval(secs => :lease)
  FROM due WHERE d.id = due.id
  RETURNING d.*
)
SELECT c.tries, c.id, c.event_id, c.type, o.slug, c.subject, c.data, c.at
FROM claimed c JOIN organizations o ON o.id = c.organization_id ORDER BY c.id
""")
# Only of the try that it is about: another worker may have taken over.
NOTE = text("""
UPDATE webhook_deliveries d SET status = r.status, error = r.error,
  next_try_at = clock_timestamp() + make_interval(secs => r.pause), data = CASE WHEN r.pause IS NOT NULL THEN d.data END,
  delivered_at = CASE WHEN r.error IS NULL THEN clock_timestamp() END,
  failed_at = CASE WHEN r.error IS NOT NULL AND r.pause IS NULL THEN clock_timestamp() END
FROM jsonb_to_recordset(CAST(:results AS jsonb)) AS r (id bigint, tries integer, status integer, error text, pause double precision)
WHERE d.id = r.id AND d.tries = r.tries AND d.next_try_at IS NOT NULL
""")
TOOK = text("""
UPDATE webhooks SET failures = 0, failing_since = NULL, held_until = NULL
WHERE id = :webhook_id AND (failures > 0 OR held_until IS NOT NULL)
""")
TOOK_NOTHING = text("""
UPDATE webhooks SET failures = failures + :failures, failing_since = coalesce(failing_since, clock_timestamp()),
  held_until = clock_timestamp() + make_interval(secs => :hold)
WHERE id = :webhook_id
""")
DISABLE = text("""
UPDATE webhooks SET is_enabled = false, disabled_at = clock_timestamp(), disabled_reason = :reason
WHERE id = :webhook_id AND is_enabled AND (:is_gone
  OR (failures >= :most AND failing_since <= clock_timestamp() - make_interval(secs => :seconds)))
""")
EXPIRE = text("DELETE FROM webhook_deliveries WHERE at < now() - make_interval(days => :days)")


class Target(NamedTuple):
    """Where to post, signed with what; how many messages in a row it has not taken."""

    url: str
    secret: str
    failures: int


class Claimed(NamedTuple):
    """A message that this worker is to post now, for the ``tries``-th time."""

    tries: int
    event: OutgoingEvent


@dataclass(frozen=True, slots=True)
class Result:
    """``status`` of HTTP, where there was an answer; ``error`` None: it was taken."""

    claimed: Claimed
    status: int | None = None
    error: str | None = None
    is_final: bool = False

    def row(self) -> dict[str, Any]:
        is_over = self.error is None or self.is_final or self.claimed.tries >= MOST_TRIES
        pause = None if is_over else PAUSES[self.claimed.tries - 1]
        key = {"id": self.claimed.event.id, "tries": self.claimed.tries}
        return {**key, "status": self.status, "error": self.error, "pause": pause}


async def list_due_webhooks(connection: AsyncConnection, busy: Collection[int], most: int) -> list[int]:
    """Webhooks other than those that are ``busy`` with messages to be posted to them now."""
    return list((await connection.execute(DUE, {"busy": list(busy), "most": most})).scalars())


async def claim_deliveries(
    connection: AsyncConnection, webhook_id: int, most: int
) -> tuple[Target, list[Claimed]] | None:
    """Messages for a webhook, which no other worker tries for LEASE_SECONDS; None where there are none, or it is disabled."""
    target = (await connection.execute(TARGET, {"webhook_id": webhook_id})).one_or_none()
    if target is None:
        return None
    values = {"webhook_id": webhook_id, "most": most, "lease": LEASE_SECONDS}
    rows = (await connection.execute(CLAIM, values)).all()
    claimed = [Claimed(row[0], OutgoingEvent(*row[1:])) for row in rows]
    return (Target(*target), claimed) if claimed else None


async def note_results(connection: AsyncConnection, webhook_id: int, target: Target, results: Sequence[Result]) -> None:
    """Says how a round of tries went. A webhook that took nothing is left alone for a while, ever longer, and after a day of that,
    or where it says that it is gone, it is disabled.
    """
    rows = [result.row() for result in results]
    await connection.execute(NOTE, {"results": orjson.dumps(rows).decode()})
    gone = [result.error for result in results if result.status == HTTPStatus.GONE]
    took_some = any(result.error is None for result in results)
    if took_some:
        await connection.execute(TOOK, {"webhook_id": webhook_id})
    else:
        hold = min(PAUSES[0] * 2 ** min(target.failures, 10), LONGEST_HOLD_SECONDS)
        values = {"webhook_id": webhook_id, "failures": len(results), "hold": hold}
        await connection.execute(TOOK_NOTHING, values)
    if took_some and not gone:
        return
    reason = gone[0] if gone else "It took nothing for a day."
    values = {"webhook_id": webhook_id, "reason": reason, "is_gone": bool(gone)}
    await connection.execute(DISABLE, {**values, "most": MOST_TRIES, "seconds": DISABLED_AFTER_SECONDS})


async def expire_deliveries(connection: AsyncConnection) -> int:
    """Forgets those of events that are DELIVERY_DAYS old, however they went; how many."""
    return (await connection.execute(EXPIRE, {"days": DELIVERY_DAYS})).rowcount
