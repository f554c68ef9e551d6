"""Batches of labs, by themselves and by their topic or level."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from db.keyset import Page, SortKey
from db.queries.labs import LabRow, LabSelection, count_labs_of_each, get_labs, get_labs_by_type, list_labs_of_each
from db.queries.stats import Entity
from db.snapshot import Snapshot


async def load_lab_by_id(snapshot: Snapshot, ids: list[int]) -> list[LabRow | None]:
    rows = {row.id: row for row in await get_labs(snapshot, ids)}
    return [rows.get(key) for key in ids]


async def load_lab_by_type(snapshot: Snapshot, types: list[str]) -> list[LabRow | None]:
    rows = {row.type: row for row in await get_labs_by_type(snapshot, types)}
    return [rows.get(key) for key in types]


async def load_lab_page_by_entity(
    snapshot: Snapshot,
    owners: list[int],
    entity: Entity,
    selection: LabSelection,
    keys: Sequence[SortKey],
    page: Page,
) -> list[list[tuple[LabRow, tuple[Any, ...]]]]:
    """The same page of the labs of each topic or level, as ``list_labs`` gives it."""
    found = await list_labs_of_each(snapshot, entity, owners, selection, keys, page)
    return [found.get(key, []) for key in owners]


async def load_lab_count_by_entity(
    snapshot: Snapshot, owners: list[int], entity: Entity, selection: LabSelection
) -> list[int]:
    found = await count_labs_of_each(snapshot, entity, owners, selection)
    return [found.get(key, 0) for key in owners]
