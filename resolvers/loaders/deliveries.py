"""Batches of deliveries."""

from __future__ import annotations

from collections import defaultdict

from db.queries.deliveries import DeliveryRow, get_deliveries
from db.snapshot import Snapshot


async def load_deliveries_by_export(snapshot: Snapshot, ids: list[int]) -> list[list[DeliveryRow]]:
    found = defaultdict(list)
    for row in await get_deliveries(snapshot, ids):
        found[row.export_id].append(row)
    return [found[key] for key in ids]
