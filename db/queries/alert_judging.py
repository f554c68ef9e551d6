"""What the worker does about alerts: reads rules and measures, and writes down what came of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from db.alerts.measures import MEASURES


class JudgedRule(NamedTuple):
    """``is_resumed``: it was not judged for a while, so that nothing is known of what held meanwhile."""

    id: int
    organization_id: int | None
    condition: str
    for_seconds: int
    is_resumed: bool


class OpenAlert(NamedTuple):
    """Of a rule and what it is about. ``has_held``: for so many seconds; it fires from ``for_seconds`` on, and then
    ``has_fired``.
    """

    id: int
    rule_id: int
    subject: str | None
    has_fired: bool
    held_seconds: float


TAKE_TURN = text("SELECT pg_try_advisory_xact_lock(hashtextextended('scoregraph.alerts', 0))")
RULES = text("""
SELECT id, organization_id, condition, for_seconds,
  coalesce(judged_at < now() - make_interval(secs => CAST(:gap_seconds AS float8)), true)
FROM alert_rules WHERE is_enabled AND removed_at IS NULL ORDER BY id
""")
READINGS = {name: text(measure.statement) for name, measure in MEASURES.items()}
OPEN = text("""
SELECT id, rule_id, subject, fired_at IS NOT NULL, extract(epoch FROM now() - started_at)::float8
FROM alerts WHERE resolved_at IS NULL FOR UPDATE
""")
NOTE_JUDGED = text("UPDATE alert_rules SET current_value = :value, judged_at = now() WHERE id = :id")
BEGIN = text("""
INSERT INTO alerts (rule_id, organization_id, subject, severity, value, started_at)
SELECT id, organization_id, :subject, severity, :value, now() FROM alert_rules WHERE id = :rule_id
RETURNING id
""")
BEGIN_ANEW = text("UPDATE alerts SET started_at = now() WHERE id = ANY (CAST(:ids AS bigint[])) AND fired_at IS NULL")
# Silence is kept for the same when it comes again.
FIRE = text("""
UPDATE alerts a SET fired_at = now(), value = :value, severity = r.severity, silenced_until = (
  SELECT max(b.silenced_until) FROM alerts b
  WHERE b.rule_id = a.rule_id AND b.subject IS NOT DISTINCT FROM a.subject AND b.silenced_until > now())
FROM alert_rules r WHERE r.id = a.rule_id AND a.id = :id
""")
DROP = text("DELETE FROM alerts WHERE id = ANY (CAST(:ids AS bigint[])) AND fired_at IS NULL")
RESOLVE = text("UPDATE alerts SET resolved_at = now() WHERE id = ANY (CAST(:ids AS bigint[])) AND fired_at IS NOT NULL")
FIRING = text("""
SELECT severity, count(*) FROM alerts WHERE fired_at IS NOT NULL AND resolved_at IS NULL GROUP BY severity
""")
EXPIRE = text("DELETE FROM alerts WHERE resolved_at < now() - make_interval(days => :days)")


class Told(NamedTuple):
    """An alert as it is told of. ``resolved_at`` None: it fires. Nobody is to be told where it ``is_silent``."""

    id: int
    organization_id: int | None
    rule: str
    condition: str
    summary: str | None
    channels: Sequence[str]
    severity: str
    subject: str | None
    value: float
    started_at: datetime
    fired_at: datetime
    resolved_at: datetime | None
    is_silent: bool


_TOLD = """
SELECT a.id, a.organization_id, r.name, r.condition, r.summary, r.channels, a.severity, a.subject, a.value, a.started_at,
  a.fired_at, a.resolved_at, coalesce(a.silenced_until > now(), false)
FROM alerts a JOIN alert_rules r ON r.id = a.rule_id WHERE a.fired_at IS NOT NULL
"""
TOLD = text(f"{_TOLD} AND a.id = ANY (CAST(:ids AS bigint[])) ORDER BY a.id")
LATEST = text(f"{_TOLD} AND (NOT :is_open OR a.resolved_at IS NULL) ORDER BY a.id DESC LIMIT :most")

ASK_FOR_NOTICE = text("SELECT enqueue_job('notify', 'alerts:notify', CAST(:args AS jsonb))")


async def take_turn(connection: AsyncConnection) -> bool:
    """Whether this transaction is the only one that judges rules, until its end."""
    return bool((await connection.execute(TAKE_TURN)).scalar_one())


async def list_judged_rules(connection: AsyncConnection, gap_seconds: float) -> list[JudgedRule]:
    """Those that are enabled. After ``gap_seconds`` without a judgement one ``is_resumed``."""
    return [JudgedRule(*row) for row in await connection.execute(RULES, {"gap_seconds": gap_seconds})]


async def read_measure(connection: AsyncConnection, name: str, organization_id: int | None) -> dict[str | None, float]:
    """As of now, by what it is of; what is not known is left out. ``organization_id`` None: of the platform."""
    rows = await connection.execute(READINGS[name], {"organization_id": organization_id})
    return {subject: float(value) for subject, value in rows if value is not None}


async def list_open(connection: AsyncConnection) -> list[OpenAlert]:
    """Those that hold, fired or not, locked."""
    return [OpenAlert(*row) for row in await connection.execute(OPEN)]


async def note_judged(connection: AsyncConnection, values: Mapping[int, float | None]) -> None:
    """That rules were judged now, and their values."""
    if values:
        await connection.execute(NOTE_JUDGED, [{"id": id, "value": value} for id, value in values.items()])


async def begin_alert(connection: AsyncConnection, rule_id: int, subject: str | None, value: float) -> int:
    """A condition begins to hold. The id of an alert that nobody sees yet."""
    values = {"rule_id": rule_id, "subject": subject, "value": value}
    return int((await connection.execute(BEGIN, values)).scalar_one())


async def begin_anew(connection: AsyncConnection, ids: Sequence[int]) -> None:
    """What is not known to have held until now holds from now on; those that have fired stay as they are."""
    if ids:
        await connection.execute(BEGIN_ANEW, {"ids": list(ids)})


async def fire_alerts(connection: AsyncConnection, values: Iterable[tuple[int, float]]) -> None:
    """They have held for long enough: ids, with what the value is."""
    for id, value in values:
        await connection.execute(FIRE, {"id": id, "value": value})


async def end_alerts(connection: AsyncConnection, ids: Sequence[int]) -> None:
    """They hold no longer: resolves those that have fired, and forgets the others."""
    if ids:
        await connection.execute(DROP, {"ids": list(ids)})
        await connection.execute(RESOLVE, {"ids": list(ids)})


async def list_told(connection: AsyncConnection, ids: Sequence[int]) -> list[Told]:
    return [Told(*row) for row in await connection.execute(TOLD, {"ids": list(ids)})] if ids else []


async def list_latest_alerts(connection: AsyncConnection, most: int, *, is_open: bool) -> list[Told]:
    """The newest first; ``is_open``: only those that fire."""
    return [Told(*row) for row in await connection.execute(LATEST, {"most": most, "is_open": is_open})]


async def ask_for_notice(connection: AsyncConnection, alert: Told, channel: str, place: int) -> None:
    """Has a notice sent by the channel to its target of this place, once the transaction is committed."""
    args: dict[str, object] = {
        "alert_id": alert.id,
        "has_ended": alert.resolved_at is not None,
        "channel": channel,
        "place": place,
    }
    if alert.organization_id is not None:
        args["organization_id"] = alert.organization_id
    await connection.execute(ASK_FOR_NOTICE, {"args": orjson.dumps(args).decode()})


async def count_firing(connection: AsyncConnection) -> dict[str, int]:
    """Open alerts by severity."""
    return {row[0]: row[1] for row in await connection.execute(FIRING)}


async def expire_alerts(connection: AsyncConnection, days: int) -> int:
    """Forgets alerts that were resolved so many days ago; says how many."""
    return (await connection.execute(EXPIRE, {"days": days})).rowcount
