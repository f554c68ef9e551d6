"""Alerts that have fired, as those who operate the platform see them, and taking note of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Select, column, literal, select, table, text
from sqlalchemy.ext.asyncio import AsyncConnection

from db.keyset import Page, SortKey, among, bounded_count, paged
from db.queries.alert_rules import AlertSeverity
from db.snapshot import Snapshot
from db.statement import Statement


class AlertStatus(StrEnum):
    """FIRING, until somebody takes note of it (ACKNOWLEDGED) or it holds no longer (RESOLVED)."""

    FIRING = "FIRING"
    ACKNOWLEDGED = "ACKNOWLEDGED"
    RESOLVED = "RESOLVED"


class AlertRow(NamedTuple):
    """``subject`` is what it is about; None: the whole. ``started_at``: since when its condition held."""

    id: int
    rule_id: int
    subject: str | None
    severity: str
    value: float
    started_at: datetime
    fired_at: datetime
    resolved_at: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by: int | None
    silenced_until: datetime | None

    @property
    def status(self) -> AlertStatus:
        if self.resolved_at is not None:
            return AlertStatus.RESOLVED
        return AlertStatus.FIRING if self.acknowledged_at is None else AlertStatus.ACKNOWLEDGED


@dataclass(frozen=True, slots=True)
class AlertSelection:
    """Which alerts of those visible; None means any."""

    status: AlertStatus | None = None
    severity: AlertSeverity | None = None
    rule_id: int | None = None


alerts = table(
    "alerts",
    *(column(name, BigInteger) for name in ("id", "rule_id")),
    *(column(name) for name in AlertRow._fields[2:]),
)
COLUMNS = tuple(alerts.c[name] for name in AlertRow._fields)
NEWEST_FIRST = (SortKey(alerts.c.id, descending=True),)
HAS_FIRED = alerts.c.fired_at.is_not(None)
IS_OPEN = alerts.c.resolved_at.is_(None)
CONDITIONS = {
    AlertStatus.FIRING: (IS_OPEN, alerts.c.acknowledged_at.is_(None)),
    AlertStatus.ACKNOWLEDGED: (IS_OPEN, alerts.c.acknowledged_at.is_not(None)),
    AlertStatus.RESOLVED: (alerts.c.resolved_at.is_not(None),),
}
MOST_FOLLOWED = 200
"""Open alerts that are told to those who follow them; of more, the newest."""

ALERTS_BY_ID = Statement(select(*COLUMNS).where(HAS_FIRED, among(alerts.c.id, "ids")))
LOCK = text("SELECT resolved_at IS NULL FROM alerts WHERE id = :id AND fired_at IS NOT NULL FOR NO KEY UPDATE")
ACKNOWLEDGE = text("""
UPDATE alerts SET acknowledged_at = now(), acknowledged_by = :user_id,
  silenced_until = now() + make_interval(secs => CAST(:silent_seconds AS float8))
WHERE id = :id
""")


async def list_alerts(snapshot: Snapshot, selection: AlertSelection, page: Page) -> list[AlertRow]:
    """A page, newest first, with one row more than asked."""
    statement = Statement(paged(_selected(select(*COLUMNS), selection), NEWEST_FIRST, page))
    return [AlertRow(*row) for row in await snapshot.rows(statement)]


async def count_alerts(snapshot: Snapshot, selection: AlertSelection, bound: int | None) -> int:
    return await snapshot.count(Statement(bounded_count(_selected(select(alerts.c.id), selection), bound)))


async def list_open_alerts(snapshot: Snapshot, severity: AlertSeverity) -> list[AlertRow]:
    """Those that fire and are as bad or worse, the newest first."""
    of_those = alerts.c.severity.in_([each.value for each in severity.and_worse])
    statement = select(*COLUMNS).where(HAS_FIRED, IS_OPEN, of_those).order_by(alerts.c.id.desc()).limit(MOST_FOLLOWED)
    return [AlertRow(*row) for row in await snapshot.rows(Statement(statement))]


async def get_alerts(snapshot: Snapshot, ids: Sequence[int]) -> list[AlertRow]:
    return [AlertRow(*row) for row in await snapshot.rows(ALERTS_BY_ID, ids=ids)]


async def lock_alert(connection: AsyncConnection, key: int) -> bool | None:
    """Whether it still fires; None for one that is unknown, or not the viewer's."""
    return (await connection.execute(LOCK, {"id": key})).scalar_one_or_none()


async def acknowledge_alert(
    connection: AsyncConnection, key: int, user_id: int | None, silent_seconds: float | None
) -> None:
    """``silent_seconds``: for how long nobody is told of the same; None: not at all."""
    values = {"id": key, "user_id": user_id, "silent_seconds": silent_seconds}
    await connection.execute(ACKNOWLEDGE, values)


def _selected(statement: Select[Any], selection: AlertSelection) -> Select[Any]:
    statement = statement.where(HAS_FIRED)
    if selection.status is not None:
        statement = statement.where(*CONDITIONS[selection.status])
    if selection.severity is not None:
        statement = statement.where(alerts.c.severity == literal(selection.severity.value))
    if selection.rule_id is not None:
        statement = statement.where(alerts.c.rule_id == literal(selection.rule_id, BigInteger))
    return statement
