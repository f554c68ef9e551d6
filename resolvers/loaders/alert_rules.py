"""Batches of alert rules."""

from __future__ import annotations

from db.queries.alert_rules import AlertRuleRow, get_rules
from db.snapshot import Snapshot


async def load_alert_rule_by_id(snapshot: Snapshot, ids: list[int]) -> list[AlertRuleRow | None]:
    rows = {row.id: row for row in await get_rules(snapshot, ids)}
    return [rows.get(key) for key in ids]
