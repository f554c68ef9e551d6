"""Batches of the refreshes of materialized views."""

from __future__ import annotations

from db.queries.freshness import RefreshRow, get_refreshes
from db.snapshot import Snapshot


async def load_refresh_by_view(snapshot: Snapshot, names: list[str]) -> list[RefreshRow | None]:
    found = {row.name: row for row in await get_refreshes(snapshot, names)}
    return [found.get(name) for name in names]
