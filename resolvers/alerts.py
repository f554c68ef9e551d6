"""Alerts and their rules, for those who may OPERATE: the platform's, and those of the viewer's organization.

Rules are judged every few seconds and nobody is told of that: answers are not kept.
"""

from __future__ import annotations

from db.keyset import Listing, Page
from db.queries.alert_rules import AlertRuleRow, AlertSeverity, list_rules
from db.queries.alerts import NEWEST_FIRST, AlertRow, AlertSelection, count_alerts, list_alerts, list_open_alerts
from resolvers.context import Context
from resolvers.errors import NotFound
from resolvers.loaders.alert_rules import load_alert_rule_by_id
from resolvers.loaders.alerts import load_alert_by_id
from resolvers.permissions import Permission

ORDER = "alerts:NEWEST"
ORDER_TYPES = (int,)
assert len(ORDER_TYPES) == len(NEWEST_FIRST)


async def resolve_alert(context: Context, key: int) -> AlertRow:
    """Raises NotFound, also without OPERATE: what alerts there are is nobody else's business."""
    await context.snapshot.at()
    row = await context.load(load_alert_by_id, key)
    if row is None:
        raise NotFound("alert")
    return row


async def resolve_alert_rule(context: Context, key: int) -> AlertRuleRow:
    """Raises NotFound, also without OPERATE."""
    await context.snapshot.at()
    row = await context.load(load_alert_rule_by_id, key)
    if row is None:
        raise NotFound("alert rule")
    return row


async def resolve_alerts(context: Context, selection: AlertSelection, page: Page) -> Listing[AlertRow]:
    """A page, newest first. Raises Forbidden."""
    await context.require(Permission.OPERATE)
    snapshot = context.snapshot
    await snapshot.at()

    async def count(bound: int | None) -> int:
        return await count_alerts(snapshot, selection, bound)

    rows = await list_alerts(snapshot, selection, page)
    return Listing.of(page, [(row, (row.id,)) for row in rows], count)


async def resolve_alert_rules(context: Context) -> list[AlertRuleRow]:
    """The platform's rules, then the organization's, by name. Raises Forbidden."""
    await context.require(Permission.OPERATE)
    await context.snapshot.at()
    return await list_rules(context.snapshot)


async def resolve_open_alerts(context: Context, severity: AlertSeverity) -> tuple[AlertRow, ...]:
    """Those that fire now and are as bad or worse, the newest first. Raises Forbidden."""
    await context.require(Permission.OPERATE)
    return tuple(await list_open_alerts(context.snapshot, severity))
