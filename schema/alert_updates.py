"""Alerts as they come and go, for those who follow them."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Annotated

import strawberry

from db.queries.alert_rules import AlertSeverity
from db.queries.alerts import AlertRow
from execution.live.noise import NOISE
from resolvers.alert_updates import TAGS, fired_since, gone_since
from resolvers.alerts import resolve_open_alerts
from resolvers.live import DEFAULT_THROTTLE, Live
from resolvers.loaders.alerts import load_alert_by_id
from schema.alerts import Alert
from schema.costs import FEW, assumed
from schema.live import Since, Throttle
from schema.relay import Info


@strawberry.type(description="The alerts that fire, and what changed since the version before.")
class AlertUpdate:
    rows: strawberry.Private[tuple[AlertRow, ...]]
    live: strawberry.Private[Live]

    @strawberry.field(
        description="Those that fire now, acknowledged or not, the newest first; at most 200.", directives=[assumed(10)]
    )
    def open(self) -> list[Alert]:
        return [Alert.from_row(row) for row in self.rows]

    @strawberry.field(
        description="Those that have fired since the version before; where that is not known, all that fire.",
        metadata=NOISE,
        directives=FEW,
    )
    def fired(self) -> list[Alert]:
        return [Alert.from_row(row) for row in fired_since(self.live.state_before, self.rows)]

    @strawberry.field(
        description="Those that fired in the version before and are resolved.", metadata=NOISE, directives=FEW
    )
    async def resolved(self, info: Info) -> list[Alert]:
        keys = gone_since(self.live.state_before, self.rows)
        found = await info.context.load_many(load_alert_by_id, keys)
        return [Alert.from_row(row) for row in found if row is not None and row.resolved_at is not None]

    @strawberry.field(
        description="Names the alerts as they are now. Give it as `since` on returning.",
        metadata=NOISE,
    )
    def version(self) -> str:
        return str(self.live.record(self.rows))


@strawberry.type
class AlertSubscription:
    @strawberry.subscription(
        description="Alerts: those that fire at once, and again whenever one fires, is acknowledged or resolved. Access is decided "
        "anew for each answer; the stream ends when the token does. Needs OPERATE."
    )
    async def alert_triggered(
        self,
        info: Info,
        min_severity: Annotated[
            AlertSeverity, strawberry.argument(description="Only those that are as bad or worse.")
        ] = AlertSeverity.INFO,
        since: Since = None,
        throttle: Throttle = DEFAULT_THROTTLE,
    ) -> AsyncGenerator[AlertUpdate, None]:
        rows = await resolve_open_alerts(info.context, min_severity)
        live = info.context.live or Live(since=since)
        live.follow(TAGS, throttle)
        # What is told apart is which alerts there are, whatever is asked of them.
        live.record(rows)
        yield AlertUpdate(rows=rows, live=live)
