"""The refreshes of materialized views, read once for a response."""

from __future__ import annotations

from db.queries.freshness import RefreshRow, list_refreshes
from db.snapshot import Snapshot


async def load_refreshes_by_organization(snapshot: Snapshot, ids: list[int]) -> list[dict[str, RefreshRow]]:
    """By the name of the view; organizations share the views. Fields ask at different times, so the key is one for all."""
    refreshes = {row.name: row for row in await list_refreshes(snapshot)}
    return [refreshes for _ in ids]
